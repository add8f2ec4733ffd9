// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// The trees of this package are yaml nodes under one discipline, which is what lets a caller turn an edit of the tree
// into an edit of the text: nodes are never changed. An edited tree shares every untouched subtree with the tree that
// it came from, a node on the way to a change is a copy that keeps its Line and Column, and a node that slipway adds
// has no position (Line 0).

// Resolve follows an alias to the node that it stands for.
func Resolve(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// Root returns the value of a document node, and any other node as it is.
func Root(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.DocumentNode {
		if len(n.Content) == 0 {
			return nil
		}
		return n.Content[0]
	}
	return n
}

// IsNull says whether there is no value: no node, or one that reads as null.
func IsNull(n *yaml.Node) bool {
	n = Resolve(n)
	return n == nil || n.Kind == 0 || (n.Kind == yaml.ScalarNode && n.ShortTag() == yaml.NodeTagNull)
}

// Lookup returns the value of key in the mapping m, through aliases and merge keys, or nil.
func Lookup(m *yaml.Node, key string) *yaml.Node {
	_, value := lookupPair(m, key, 0)
	return Resolve(value)
}

// maxMergeDepth bounds chains of merge keys, which could otherwise be made to run in circles.
const maxMergeDepth = 32

// lookupPair is Lookup with the key's own node, and the value as it stands.
func lookupPair(m *yaml.Node, key string, depth int) (name, value *yaml.Node) {
	m = Resolve(m)
	if m == nil || m.Kind != yaml.MappingNode || depth > maxMergeDepth {
		return nil, nil
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if isKey(m.Content[i], key) {
			return m.Content[i], m.Content[i+1]
		}
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].ShortTag() != yaml.MergeTag {
			continue
		}
		for _, from := range mergeSources(m.Content[i+1]) {
			if name, value = lookupPair(from, key, depth+1); value != nil {
				return name, value
			}
		}
	}
	return nil, nil
}

// mergeSources lists the mappings that the value of a merge key names.
func mergeSources(v *yaml.Node) []*yaml.Node {
	v = Resolve(v)
	if v != nil && v.Kind == yaml.SequenceNode {
		return v.Content
	}
	return []*yaml.Node{v}
}

// OwnIndex returns the place of key's value in m.Content, or -1 where m itself does not have the key.
func OwnIndex(m *yaml.Node, key string) int {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if isKey(m.Content[i], key) {
			return i + 1
		}
	}
	return -1
}

// At walks down mappings by key.
func At(n *yaml.Node, path ...string) *yaml.Node {
	n = Resolve(n)
	for _, key := range path {
		n = Lookup(n, key)
	}
	return n
}

// Text returns the text of a scalar, and "" for anything else, null included.
func Text(n *yaml.Node) string {
	n = Resolve(n)
	if n == nil || n.Kind != yaml.ScalarNode || n.ShortTag() == yaml.NodeTagNull {
		return ""
	}
	return n.Value
}

// Items returns the elements of a sequence with aliases followed, and nothing for anything else.
func Items(n *yaml.Node) []*yaml.Node {
	n = Resolve(n)
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	if !slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return c.Kind == yaml.AliasNode }) {
		return n.Content
	}
	out := make([]*yaml.Node, len(n.Content))
	for i, c := range n.Content {
		out[i] = Resolve(c)
	}
	return out
}

// Item returns the element of a sequence at a place, with an alias followed, or nil where there is none.
func Item(n *yaml.Node, i int) *yaml.Node {
	n = Resolve(n)
	if n == nil || n.Kind != yaml.SequenceNode || i < 0 || i >= len(n.Content) {
		return nil
	}
	return Resolve(n.Content[i])
}

// StringMap reads a mapping of scalars, merge keys included.
func StringMap(n *yaml.Node) map[string]string {
	out := map[string]string{}
	EachPair(n, func(key, value *yaml.Node) {
		if _, ok := out[Key(key)]; !ok {
			out[Key(key)] = Text(value)
		}
	})
	return out
}

// EachPair calls f once for every key of a mapping, with its value: its own keys first, then those of its merge keys
// that no earlier one has.
func EachPair(n *yaml.Node, f func(key, value *yaml.Node)) {
	n = Resolve(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return
	}
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].ShortTag() == yaml.MergeTag {
			merges = append(merges, mergeSources(n.Content[i+1])...)
			continue
		}
		f(n.Content[i], n.Content[i+1])
	}
	if len(merges) == 0 {
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		seen[Key(n.Content[i])] = true
	}
	eachMerged(merges, 1, seen, f)
}

func eachMerged(sources []*yaml.Node, depth int, seen map[string]bool, f func(key, value *yaml.Node)) {
	for _, m := range sources {
		if m = Resolve(m); m == nil || m.Kind != yaml.MappingNode || depth > maxMergeDepth {
			continue
		}
		var merges []*yaml.Node
		for i := 0; i+1 < len(m.Content); i += 2 {
			key, value := m.Content[i], m.Content[i+1]
			switch {
			case key.ShortTag() == yaml.MergeTag:
				merges = append(merges, mergeSources(value)...)
			case !seen[Key(key)]:
				seen[Key(key)] = true
				f(key, value)
			}
		}
		eachMerged(merges, depth+1, seen, f)
	}
}

// Named returns the element of a list whose name is name, and its place; nil and -1 where there is none.
func Named(list []*yaml.Node, name string) (*yaml.Node, int) {
	for i, n := range list {
		if Text(Lookup(n, "name")) == name {
			return n, i
		}
	}
	return nil, -1
}

// NewScalar makes a new string node; the encoder quotes it where it must.
func NewScalar(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: yaml.NodeTagString, Value: value, Style: textStyle(value)}
}

// textStyle is the style that keeps a string one for readers of YAML 1.1, such as kubectl, too. The encoder goes by 1.2,
// in which y, no and 12:30 are text like any other.
func textStyle(value string) yaml.Style {
	if boolOf11(value) != "" || strings.Contains(value, ":") && strings.Trim(value, "+-0123456789_:.") == "" {
		return yaml.DoubleQuotedStyle
	}
	return 0
}

// NewNull makes a new null.
func NewNull() *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: yaml.NodeTagNull, Value: "null"}
}

// NewMapping makes a new mapping of keys and values in turn.
func NewMapping(pairs ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: pairs}
}

// NewSequence makes a new sequence.
func NewSequence(elements ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: elements}
}

// NewNode makes a tree of a value that was JSON. It has no lines.
func NewNode(value any) *yaml.Node {
	switch v := value.(type) {
	case map[string]any:
		n := NewMapping()
		for _, key := range slices.Sorted(maps.Keys(v)) {
			n.Content = append(n.Content, NewNode(key), NewNode(v[key]))
		}
		return n
	case []any:
		n := NewSequence()
		for _, element := range v {
			n.Content = append(n.Content, NewNode(element))
		}
		return n
	case string:
		return NewScalar(v)
	case float64:
		return NewNode(json.Number(strconv.FormatFloat(v, 'f', -1, 64)))
	case json.Number:
		tag := yaml.NodeTagInt
		if strings.ContainsAny(v.String(), ".eE") {
			tag = yaml.NodeTagFloat
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: v.String()}
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: yaml.NodeTagBool, Value: strconv.FormatBool(v)}
	}
	return NewNull()
}

// Copy copies a tree as new text would have it: no position, no comment, aliases and merge keys written out.
// flat also drops styles, for sources in JSON whose flow style would make one long line. A null that has no text, which a
// place of its own makes one, is spelt out: in new text it could read as an empty string.
func Copy(n *yaml.Node, flat bool) *yaml.Node {
	n = Resolve(n)
	if n == nil {
		return nil
	}
	if n.Kind == yaml.ScalarNode && n.Value == "" && n.ShortTag() == yaml.NodeTagNull {
		return NewNull()
	}
	out := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Style: n.Style &^ yaml.TaggedStyle}
	if n.Style&yaml.TaggedStyle != 0 {
		out.Style |= yaml.TaggedStyle
	}
	if flat && len(n.Content) > 0 {
		out.Style = 0
	}
	if flat && n.Kind == yaml.ScalarNode {
		if out.Style = 0; n.ShortTag() == yaml.NodeTagString {
			out.Style = textStyle(n.Value)
		}
	}
	if n.Kind == yaml.MappingNode {
		seen := map[string]bool{}
		EachPair(n, func(key, value *yaml.Node) {
			if name := Key(key); !seen[name] {
				seen[name] = true
				out.Content = append(out.Content, Copy(key, flat), Copy(value, flat))
			}
		})
		return out
	}
	for _, c := range n.Content {
		out.Content = append(out.Content, Copy(c, flat))
	}
	return out
}

// With returns a copy of the mapping m in which key has the value v. A new key goes before the first of the keys in
// before that m has, else to the end.
func With(m *yaml.Node, key string, v *yaml.Node, before ...string) *yaml.Node {
	c := *m
	c.Content = slices.Clone(m.Content)
	if i := OwnIndex(m, key); i >= 0 {
		c.Content[i] = v
		return &c
	}
	place := len(c.Content)
	for _, b := range before {
		if i := OwnIndex(m, b); i >= 0 {
			place = i - 1
			break
		}
	}
	c.Content = slices.Insert(c.Content, place, NewScalar(key), v)
	return &c
}

// Without returns a copy of the mapping m that does not have key.
func Without(m *yaml.Node, key string) *yaml.Node {
	i := OwnIndex(m, key)
	if i < 0 {
		return m
	}
	c := *m
	c.Content = slices.Delete(slices.Clone(m.Content), i-1, i+1)
	return &c
}

// WithElements returns a copy of the sequence list that holds elements. An empty or missing list becomes a new one,
// because there is no place in its text where an element could go.
func WithElements(list *yaml.Node, elements []*yaml.Node) *yaml.Node {
	if list == nil || list.Kind != yaml.SequenceNode || len(list.Content) == 0 {
		return NewSequence(elements...)
	}
	c := *list
	c.Content = elements
	return &c
}
