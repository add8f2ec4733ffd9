// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"bytes"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/render/yamltext"
)

// region is the text of a value in block style: src[from:to], where from is right after the colon or dash. A value
// that is complete by itself (a block collection, a block scalar, or one that starts on a line of its own) reaches to
// the end of its last line, and has room for a comment on the line of the colon or dash, src[restFrom:restTo]. Any
// other value leaves the comment behind it alone.
type region struct {
	from, to         int
	complete         bool
	restFrom, restTo int
}

func (t *text) region(sl slot) (region, error) {
	r := region{from: sl.after}
	n := sl.node
	if t.isUnwritten(n) {
		r.to = sl.after
		return r, nil
	}
	start, err := t.offset(n)
	if err != nil {
		return r, err
	}
	if r.to, err = t.end(n, sl.column); err != nil {
		return r, err
	}
	line := t.lineAt(sl.after)
	r.complete = isBlock(n) || isBlockScalar(n) || t.lineAt(start) != line
	if !r.complete {
		return r, nil
	}
	r.to = t.endOfLine(r.to)
	r.restTo = t.endOfLine(sl.after)
	r.restFrom, err = t.headEnd(n, sl.after, line)
	if r.restFrom < 0 || r.restFrom > r.restTo {
		r.restFrom = r.restTo
	}
	return r, err
}

func isBlockScalar(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
}

// headEnd returns where the part of n that is on the given line ends; n follows the colon or dash that ends at after.
// It is negative where n fills the line.
func (t *text) headEnd(n *yaml.Node, after, line int) (int, error) {
	start, err := t.offset(n)
	if err != nil || t.lineAt(start) > line {
		return after, err
	}
	body := t.body(start)
	switch {
	case isEmpty(n):
		return t.end(n, -1)
	case t.lineAt(body) > line:
		return t.skipProperties(start), nil
	case isBlockScalar(n):
		h, _ := t.blockHeader(body)
		return h.end, nil
	case isBlock(n) && n.Kind == yaml.MappingNode:
		colon, ok, err := t.colon(n.Content[0])
		if err != nil || !ok {
			return -1, err
		}
		return t.headEnd(n.Content[1], colon+1, line)
	case isBlock(n):
		return t.headEnd(n.Content[0], body+1, line)
	}
	end, err := t.end(n, -1)
	if err != nil || t.lineAt(end) != line {
		return -1, err
	}
	return end, nil
}

// replace writes the new node edited in the place of the value in sl.
func (s *splicer) replace(sl slot, edited *yaml.Node) error {
	if sl.column < 0 && !sl.inFlow {
		return Unsupported(sl.node.Line, "a document that has to change as a whole")
	}
	if err := s.checkGone(sl.node); err != nil {
		return err
	}
	if sl.inFlow {
		return s.replaceInFlow(sl, edited)
	}
	r, err := s.region(sl)
	if err != nil {
		return err
	}
	e := s.emitter(r.to, sl.column)
	start := len(e.out)
	if sl.isDash {
		e.afterDash(edited, sl.column, sl.gap)
	} else {
		e.value(edited, sl.column)
	}
	given, isGiven := s.verbatim[edited]
	if isGiven {
		s.place(r, e.out[start:], placement{complete: s.isComplete(given, sl), hasRest: true})
	} else {
		s.place(r, e.out[start:], placement{complete: bytes.IndexByte(e.out[start:], '\n') >= 0 || sl.isDash && isBlock(edited)})
	}
	return s.done(e)
}

// placement says how a text takes the place of a region.
type placement struct {
	complete bool // as for a region
	hasRest  bool // brings its own comment on the line of the colon or dash, if any
}

// place replaces the region r by text. The comment on the line of the colon or dash stays there, except where text was
// taken from a document with all its comments.
func (s *splicer) place(r region, text []byte, p placement) {
	first, rest := text, []byte(nil)
	if p.complete {
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			if i > 0 && text[i-1] == '\r' {
				i--
			}
			first, rest = text[:i], text[i:]
		}
	}
	switch {
	case p.complete && p.hasRest:
		s.replaceBytes(r.from, s.endOfLine(r.to), text)
	case r.complete:
		joined := append(bytes.Clone(first), s.src[r.restFrom:r.restTo]...)
		s.replaceBytes(r.from, r.to, append(joined, rest...))
	default:
		s.replaceBytes(r.from, r.to, first)
		end := s.endOfLine(r.to)
		s.replaceBytes(end, end, rest)
	}
}

// isComplete tells of which kind the given text is, by reading it in a place like that of sl.
func (s *splicer) isComplete(given string, sl slot) bool {
	indicator := "k:"
	if sl.isDash {
		indicator = "-"
	}
	sample := []byte(strings.Repeat(" ", sl.column) + indicator + given + "\n")
	root, err := yamltext.Parse(sample)
	if err != nil || root == nil {
		// An alias cannot be read out of its document.
		return strings.Contains(given, "\n")
	}
	n := root.Content[0].Content[len(root.Content[0].Content)-1]
	return n.Kind != yaml.ScalarNode && !isFlow(n) || isBlockScalar(n) || n.Line > 1 && !isEmpty(n)
}

// SourceText returns the text of node n, which is in the tree root of src, in the form that splice takes for verbatim:
// what follows the colon or dash, white space included. A trailing comment is not part of it, except that of the last
// line of a value that is more than one line in block style. In a flow sequence it is the text of the element alone. It
// returns false where n is not found as a value or element, or its text is not understood.
func SourceText(src []byte, root, n *yaml.Node) (string, bool) {
	t, err := newText(src)
	if err != nil {
		return "", false
	}
	s := &splicer{text: t, root: root}
	sl, ok := s.find(slot{node: root.Content[0], after: -1, column: -1}, n)
	if !ok {
		return "", false
	}
	if sl.inFlow {
		end, err := s.endInFlow(sl)
		if err != nil {
			return "", false
		}
		return string(src[sl.after:end]), true
	}
	r, err := s.region(sl)
	if err != nil {
		return "", false
	}
	return string(src[r.from:r.to]), true
}

// find returns the place of n at or below sl.
func (s *splicer) find(sl slot, n *yaml.Node) (slot, bool) {
	if sl.node == n {
		return sl, sl.after >= 0
	}
	width := 1
	if sl.node.Kind == yaml.MappingNode {
		width = 2
	}
	for i := 0; (i+1)*width <= len(sl.node.Content); i++ {
		value := sl.node.Content[i*width+width-1]
		if !holds(value, n) {
			continue
		}
		child, err := s.childSlot(sl.node, i, width)
		if err != nil {
			return slot{}, false
		}
		return s.find(child, n)
	}
	return slot{}, false
}

func holds(tree, n *yaml.Node) bool {
	if tree == n {
		return true
	}
	for _, child := range tree.Content {
		if holds(child, n) {
			return true
		}
	}
	return false
}

func (s *splicer) childSlot(parent *yaml.Node, i, width int) (slot, error) {
	if isFlow(parent) {
		f := &flow{splicer: s, old: parent, width: width}
		return f.slot(i)
	}
	b := &block{splicer: s, old: parent, width: width}
	var err error
	if b.column, err = s.column(parent); err != nil {
		return slot{}, err
	}
	return b.slot(i)
}
