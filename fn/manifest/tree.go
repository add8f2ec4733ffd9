// SPDX-License-Identifier: Apache-2.0

package manifest

// Objects that are decoded already are trees of maps, lists and scalars. A path that leads nowhere is no error: most
// fields of an object are absent.

// Value walks down a tree, and is nil where there is nothing.
func Value(tree any, path ...string) any {
	for _, name := range path {
		m, _ := tree.(map[string]any)
		tree = m[name]
	}
	return tree
}

// Map is Value for a mapping.
func Map(tree any, path ...string) map[string]any {
	m, _ := Value(tree, path...).(map[string]any)
	return m
}

// List is Value for a list.
func List(tree any, path ...string) []any {
	l, _ := Value(tree, path...).([]any)
	return l
}

// String is Value for a string.
func String(tree any, path ...string) string {
	s, _ := Value(tree, path...).(string)
	return s
}

// Strings is Value for a mapping of strings, such as labels. It is never nil.
func Strings(tree any, path ...string) map[string]string {
	out := map[string]string{}
	for key, value := range Map(tree, path...) {
		if s, ok := value.(string); ok {
			out[key] = s
		}
	}
	return out
}
