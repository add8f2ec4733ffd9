// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/render/yamltext"
)

// emitter returns one that writes in the layout of the current place, for text that ends on the line of pos and stands
// at or right of column.
func (s *splicer) emitter(pos, column int) *emitter {
	s.makeRoom()
	s.tuning = emitter{layout: s.layout(), out: s.out, verbatim: s.verbatim, noLiteral: !s.endsLiteral(pos, column)}
	s.tuning.newline = s.newline(pos)
	return &s.tuning
}

const (
	editRoom    = 512      // what is free for one edit: most need less
	largestRoom = 64 << 10 // what is taken at once
)

// makeRoom sees to it that an edit finds room. Text of earlier edits stays where it is: a buffer that grew would be copied
// again and again, and edits would hold on to each of the copies.
func (s *splicer) makeRoom() {
	if cap(s.out)-len(s.out) < editRoom {
		s.out = make([]byte, 0, min(max(2*editRoom, 2*cap(s.out)), largestRoom))
	}
}

// done takes the emitter's buffer back.
func (s *splicer) done(e *emitter) error {
	s.out = e.out
	return e.err
}

// layout finds out how the document is written around the current place: nearest first, then anywhere.
func (s *splicer) layout() layout {
	l := layout{dash: -1}
	for i := len(s.path) - 1; i >= 0; i-- {
		l.learn(s.path[i], 2)
	}
	if !l.known() {
		l = s.searched(l)
	}
	if l.step == 0 {
		l.step = 2
	}
	l.dash = max(l.dash, 0)
	s.learnFlow(&l)
	return l
}

func (l *layout) known() bool {
	return l.step > 0 && l.dash >= 0
}

// manyEntries is how many entries of a collection are looked at for its layout.
const manyEntries = 16

// learn takes what it does not know yet from the entries of n and, in a sequence, from those of its elements.
func (l *layout) learn(n *yaml.Node, depth int) {
	if l.known() || !isBlock(n) || depth == 0 {
		return
	}
	if n.Kind == yaml.SequenceNode {
		for _, child := range n.Content[:min(len(n.Content), manyEntries)] {
			l.learn(child, depth-1)
		}
		return
	}
	for i := 0; i+1 < len(n.Content) && i < 2*manyEntries; i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if !isBlock(value) || value.Line == key.Line || len(value.Content) == 0 {
			continue
		}
		indent := value.Content[0].Column - key.Column
		if value.Kind == yaml.MappingNode && l.step == 0 && indent > 0 {
			l.step = indent
		}
		if value.Kind == yaml.SequenceNode && l.dash < 0 {
			l.dash = max(value.Column-key.Column, 0)
		}
	}
}

// searched completes l with what the whole document says, which is found out once.
func (s *splicer) searched(l layout) layout {
	if s.anywhere == nil {
		s.anywhere = &layout{dash: -1}
		s.anywhere.search(s.root)
	}
	if l.step == 0 {
		l.step = s.anywhere.step
	}
	if l.dash < 0 {
		l.dash = s.anywhere.dash
	}
	return l
}

// search looks through the whole tree for what is not known yet.
func (l *layout) search(n *yaml.Node) {
	if l.known() {
		return
	}
	l.learn(n, 1)
	for _, child := range n.Content {
		l.search(child)
	}
}

// learnFlow finds out whether the flow collections around the place are written as JSON.
func (s *splicer) learnFlow(l *layout) {
	for i := len(s.path) - 1; i >= 0 && isFlow(s.path[i]); i-- {
		n := s.path[i]
		if len(n.Content) == 0 {
			continue
		}
		first := n.Content[0]
		if n.Kind == yaml.SequenceNode && (first.Kind != yaml.ScalarNode || first.ShortTag() != yaml.NodeTagString) {
			continue
		}
		l.json = first.Style&yaml.DoubleQuotedStyle != 0
		l.tight = l.json && s.isTight(n, first)
		return
	}
	// A list of numbers, or braces with nothing in them, do not tell; the document as a whole does.
	if len(s.path) == 0 || !isFlow(s.path[0]) {
		return
	}
	if s.isJSON == nil {
		is := yamltext.IsJSON(s.src)
		s.isJSON = &is
	}
	l.json = *s.isJSON
}

// isTight tells whether no space follows the colon after the first key, or the first comma.
func (t *text) isTight(n, first *yaml.Node) bool {
	end, err := t.end(first, -1)
	if err != nil {
		return false
	}
	pos := t.skipSpace(end)
	c := t.at(pos)
	return (c == ':' || c == ',' && n.Kind == yaml.SequenceNode) && !yamltext.IsWhite(t.at(pos+1))
}

// endsLiteral tells whether a block scalar that ends on the line of pos, in a collection at or right of column, ends
// there: a line break follows, and no comment that would become part of it.
func (t *text) endsLiteral(pos, column int) bool {
	line := t.lineAt(pos) + 1
	for ; line < len(t.lines); line++ {
		spaces, blank := t.spaces(line)
		if spaces > column && t.at(t.lines[line]+spaces) == '#' {
			return false
		}
		if !blank {
			break
		}
	}
	return t.endOfLine(pos) < len(t.src)
}
