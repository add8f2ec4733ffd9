// SPDX-License-Identifier: Apache-2.0

package yamltext

import "sigs.k8s.io/kustomize/kyaml/yaml"

// ReadsAs tells whether doc is one JSON object or list that reads as root, a document node, does: node by node the same kind,
// tag and value, and no key twice. It makes no tree of doc, which would take thirty times its room. A false answer is certain
// of nothing: doc may be YAML, or root hold aliases.
func ReadsAs(doc []byte, root *yaml.Node) bool {
	if jsonStart(doc) < 0 {
		return false
	}
	r := &jsonReader{checks: true, follows: &follower{open: []followed{{node: root}}}}
	_, ok := r.parse(doc)
	return ok && r.follows.close() && checkTree(root) == nil
}

// ReadsAs is the function of that name for the documents that the scanner is certain of. A false answer is certain of nothing.
func (s *Scanner) ReadsAs(doc []byte, root *yaml.Node) bool {
	f := &s.following
	f.open = append(f.open[:0], followed{node: root})
	s.builder.follows = f
	_, same := s.build(doc)
	clear(f.open[:cap(f.open)]) // the tree goes with its document
	return same
}

// follower goes through a tree as a reader goes through the text that should read as it.
type follower struct{ open []followed }

// followed is a collection whose entries are being read.
type followed struct {
	node *yaml.Node
	next int // the child that has to come
}

// expect tells whether n is what has to come.
func (f *follower) expect(n *yaml.Node) bool {
	want := f.next()
	return want != nil && want.Kind == n.Kind && want.Value == n.Value && (want.Tag == n.Tag || want.ShortTag() == n.Tag)
}

// reads tells whether a scalar with this text, which no string is made of, is what has to come.
func (f *follower) reads(n *yaml.Node, text []byte) bool {
	want := f.next()
	if want == nil || want.Kind != yaml.ScalarNode || want.Value != string(text) {
		return false
	}
	if n.Value = want.Value; n.Tag == "" {
		n.Tag = n.ShortTag()
	}
	return want.Tag == n.Tag || want.ShortTag() == n.Tag
}

// string returns text as a string. It makes none where text is the value that has to come.
func (f *follower) string(text []byte) string {
	if top := &f.open[len(f.open)-1]; top.next < len(top.node.Content) && top.node.Content[top.next].Value == string(text) {
		return top.node.Content[top.next].Value
	}
	return string(text)
}

// next takes the node that has to come, nil for none.
func (f *follower) next() *yaml.Node {
	top := &f.open[len(f.open)-1]
	if top.next == len(top.node.Content) {
		return nil
	}
	top.next++
	return top.node.Content[top.next-1]
}

// enter goes into the collection n.
func (f *follower) enter(n *yaml.Node) bool {
	if !f.expect(n) {
		return false
	}
	top := f.open[len(f.open)-1]
	f.open = append(f.open, followed{node: top.node.Content[top.next-1]})
	return true
}

// close leaves the innermost collection. It is false where the tree has more in it.
func (f *follower) close() bool {
	top := f.open[len(f.open)-1]
	f.open = f.open[:len(f.open)-1]
	return top.next == len(top.node.Content)
}
