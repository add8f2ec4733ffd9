// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"bytes"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/render/yamltext"
)

// A document can end inside a block scalar, without a line break: then the value has none either, whatever its header
// says. Where text is put after it, the line break that comes with it must not become part of the value. The header says
// so with a dash, and a comment keeps what it said before, for the deletion that undoes this.

// formerly introduces the comment; the indicators of the header follow, and a comment that was there.
const formerly = " # was "

// chomp changes the header of the block scalar that the document ends in, where the edits put text behind it, and takes
// that back where they leave nothing there.
func (s *splicer) chomp(edited *yaml.Node) error {
	end := len(s.src)
	if s.src[end-1] == '\n' {
		return nil
	}
	s.sort()
	last := s.list[len(s.list)-1]
	if last.from == end {
		return s.addChomp(lastLeaf(s.root))
	}
	if last.to == end && len(last.text) == 0 {
		s.dropChomp(lastLeaf(edited))
	}
	return nil
}

func (s *splicer) addChomp(leaf *yaml.Node) error {
	h, ok := s.openEnded(leaf)
	if !ok {
		return nil
	}
	if bytes.HasPrefix(s.src[h.end:], []byte(formerly)) {
		return Unsupported(leaf.Line, "a block scalar whose comment looks like one of slipway's")
	}
	indicators := s.src[h.start:h.end]
	s.replaceBytes(h.start, h.end, append(append(stripping(indicators), formerly...), indicators...))
	return nil
}

// openEnded finds the header of a block scalar that would take a line break after it into its value.
func (s *splicer) openEnded(leaf *yaml.Node) (blockHeader, bool) {
	h, ok := s.headerOf(leaf)
	if !ok || s.endOfLine(h.end) == len(s.src) || bytes.HasSuffix([]byte(leaf.Value), []byte{'\n'}) {
		return h, false
	}
	return h, bytes.IndexByte(s.src[h.start:h.end], '-') < 0
}

// stripping is a header's indicators with the one that keeps line breaks at the end out of the value.
func stripping(indicators []byte) []byte {
	return append(bytes.ReplaceAll(indicators, []byte{'+'}, nil), '-')
}

// Closed is doc as it means the same when a line break follows it: where it ends in a block scalar, without a line break
// of its own, the header says with a dash that none belongs to the value. Any other text is returned as it is.
func Closed(doc []byte) []byte {
	if len(doc) == 0 || doc[len(doc)-1] == '\n' || yamltext.IsJSON(doc) {
		return doc
	}
	root, err := yamltext.Parse(doc)
	if err != nil || root == nil {
		return doc
	}
	t, err := newText(doc)
	if err != nil {
		return doc
	}
	s := &splicer{text: t, root: root}
	h, ok := s.openEnded(lastLeaf(root))
	if !ok {
		return doc
	}
	s.replaceBytes(h.start, h.end, stripping(doc[h.start:h.end]))
	closed, err := s.apply(doc)
	if err != nil {
		return doc
	}
	return closed
}

// dropChomp restores the header. The result is proved like any other: a comment that somebody else wrote is no danger.
func (s *splicer) dropChomp(leaf *yaml.Node) {
	if h, ok := s.headerOf(leaf); ok && bytes.HasPrefix(s.src[h.end:], []byte(formerly)) {
		s.replaceBytes(h.start, h.end+len(formerly), nil)
	}
}

// headerOf finds the header of a node that is a block scalar of the document.
func (t *text) headerOf(n *yaml.Node) (blockHeader, bool) {
	if n.Line < 1 || !isBlockScalar(n) {
		return blockHeader{}, false
	}
	start, err := t.offset(n)
	if err != nil {
		return blockHeader{}, false
	}
	return t.blockHeader(t.body(start))
}
