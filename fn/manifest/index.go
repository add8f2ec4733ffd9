// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// few is the size up to which looking at each element is cheaper than a map of them.
const few = 8

// Index finds elements of a list by name, the first of each. Asked once, it looks at the list; asked often, it remembers it.
type Index struct {
	list   []*yaml.Node
	places map[string]int
}

// NewIndex makes an index of a list as Items returns it.
func NewIndex(list []*yaml.Node) *Index { return &Index{list: list} }

// Named returns the element whose name is name, and its place; nil and -1 where there is none.
func (x *Index) Named(name string) (*yaml.Node, int) {
	switch {
	case x == nil:
		return nil, -1
	case len(x.list) <= few:
		return Named(x.list, name)
	case x.places == nil:
		x.places = make(map[string]int, len(x.list))
		for i, n := range slices.Backward(x.list) {
			x.places[Text(Lookup(n, "name"))] = i
		}
	}
	if i, ok := x.places[name]; ok {
		return x.list[i], i
	}
	return nil, -1
}

// Edit is a mapping of which many keys change: With and Without, in a time that does not grow with the mapping for each of
// them. The mapping that it was made of does not change.
type Edit struct {
	mapping *yaml.Node
	edited  *yaml.Node     // nil until something changed
	values  map[string]int // place of each own key's value
	gone    int
}

// NewEdit begins an edit of a mapping.
func NewEdit(m *yaml.Node) *Edit { return &Edit{mapping: m} }

func (e *Edit) begin() {
	if e.edited != nil {
		return
	}
	c := *e.mapping
	c.Content = slices.Clone(e.mapping.Content)
	e.edited, e.values = &c, make(map[string]int, len(c.Content)/2)
	for i := len(c.Content)/2 - 1; i >= 0; i-- {
		if key := c.Content[2*i]; key.Kind == yaml.ScalarNode {
			e.values[Key(key)] = 2*i + 1
		}
	}
}

// Own returns the value that the mapping itself has of a key, an alias as an alias, or nil.
func (e *Edit) Own(key string) *yaml.Node {
	e.begin()
	if i, ok := e.values[key]; ok {
		return e.edited.Content[i]
	}
	return nil
}

// Set gives a key a value. A new key goes to the end.
func (e *Edit) Set(key string, v *yaml.Node) {
	e.begin()
	if i, ok := e.values[key]; ok {
		e.edited.Content[i] = v
		return
	}
	e.edited.Content = append(e.edited.Content, NewScalar(key), v)
	e.values[key] = len(e.edited.Content) - 1
}

// Remove takes out a key.
func (e *Edit) Remove(key string) {
	e.begin()
	if i, ok := e.values[key]; ok {
		e.edited.Content[i-1], e.edited.Content[i] = nil, nil
		delete(e.values, key)
		e.gone++
	}
}

// Node returns the mapping after the edit.
func (e *Edit) Node() *yaml.Node {
	if e.edited == nil {
		return e.mapping
	}
	if e.gone > 0 {
		e.edited.Content = slices.DeleteFunc(e.edited.Content, func(n *yaml.Node) bool { return n == nil })
		out := e.edited
		e.mapping, e.edited, e.gone = out, nil, 0
		return out
	}
	return e.edited
}
