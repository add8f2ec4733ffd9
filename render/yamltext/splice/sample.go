// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"bytes"
	"hash/maphash"
	"slices"

	"github.com/slipway-dev/slipway/render/yamltext"
)

// sampler leaves out of a text what says nothing new about how it is read: an entry of a list or mapping that has the sketch of
// one before it in the same one. It looks at lines and brackets alone. Where it takes a line of a longer scalar for an entry,
// what it makes is another text of the same shapes.
type sampler struct {
	sketcher
	seed maphash.Seed
	text []byte
	open []sampled // block collections, outermost first
	kept []byte
}

// sampled is a block collection on the way through it.
type sampled struct {
	column int
	isList bool // else it is a mapping
	start  int  // where its current entry starts in the text
	kept   int  // and in what is kept
	seen   map[uint64]bool
}

// sample returns text with one entry of each sketch in each list and mapping.
func (p *Proofs) sample(text []byte) []byte {
	s := &sampler{seed: p.seed, text: text}
	for start := 0; start < len(text); {
		end := len(text)
		if i := bytes.IndexByte(text[start:], '\n'); i >= 0 {
			end = start + i + 1
		}
		s.line(start, end)
		start = end
	}
	s.leave(0, len(text))
	return s.kept
}

// line takes the line from start to end.
func (s *sampler) line(start, end int) {
	line := s.text[start:end]
	indent := len(line) - len(bytes.TrimLeft(line, " "))
	rest := bytes.TrimRight(line[indent:], "\r\n")
	if len(rest) > 0 && rest[0] != '#' {
		s.leave(indent+1, start)
		isDash := rest[0] == '-' && (len(rest) == 1 || rest[1] == ' ')
		if !isDash && s.in(indent, true) {
			s.close(start) // a list may stand in the column of its key
		}
		switch isEntry := isDash || bytes.IndexByte(rest, ':') >= 0; {
		case s.in(indent, isDash):
			s.endEntry(start)
		case isEntry:
			s.enter(indent, start, isDash)
		}
	}
	if len(line) > longFlow {
		s.flow(line)
		return
	}
	s.kept = append(s.kept, line...)
}

// in tells whether the innermost collection is such a one in a column.
func (s *sampler) in(column int, isList bool) bool {
	last := len(s.open) - 1
	return last >= 0 && s.open[last].column == column && s.open[last].isList == isList
}

// enter opens a collection. It takes the room of one that was closed.
func (s *sampler) enter(column, start int, isList bool) {
	last := len(s.open)
	s.open = slices.Grow(s.open, 1)[:last+1]
	c := &s.open[last]
	*c = sampled{column: column, isList: isList, start: start, kept: len(s.kept), seen: c.seen}
	if clear(c.seen); c.seen == nil {
		c.seen = map[uint64]bool{}
	}
}

// leave closes the collections in a column and to the right of it.
func (s *sampler) leave(column, end int) {
	for len(s.open) > 0 && s.open[len(s.open)-1].column >= column {
		s.close(end)
	}
}

func (s *sampler) close(end int) {
	s.endEntry(end)
	s.open = s.open[:len(s.open)-1]
}

// endEntry ends the current entry of the innermost collection, and leaves it out where there was one like it. The next one
// starts at end.
func (s *sampler) endEntry(end int) {
	c := &s.open[len(s.open)-1]
	if c.isList || end-c.start <= longField {
		shape := s.shape(s.seed, s.text[c.start:end])
		if c.seen[shape] {
			s.kept = s.kept[:c.kept]
		}
		c.seen[shape] = true
	}
	c.start, c.kept = end, len(s.kept)
}

// longField is up to where a field is looked at as one of many. A longer one holds what is sampled itself, and to sketch it at
// each depth would cost as much as to read it.
const longField = 4 << 10

// longFlow is how long a line is whose flow lists are sampled too.
const longFlow = 4 << 10

// flow takes a line, and of the words between its commas one of each sketch in a row.
func (s *sampler) flow(line []byte) {
	seen := map[uint64]bool{}
	for pos := 0; pos < len(line); {
		end := wordAfterComma(line, pos)
		if end < 0 {
			if c := line[pos]; c == '[' || c == '{' {
				clear(seen)
			}
			s.kept = append(s.kept, line[pos])
			pos++
			continue
		}
		if shape := s.shape(s.seed, line[pos:end]); !seen[shape] {
			seen[shape] = true
			s.kept = append(s.kept, line[pos:end]...)
		}
		pos = end
	}
}

// wordAfterComma returns where the word ends before which a comma stands at pos, -1 for none that is a whole element.
func wordAfterComma(line []byte, pos int) int {
	if line[pos] != ',' {
		return -1
	}
	for pos++; pos < len(line) && line[pos] == ' '; pos++ {
	}
	start := pos
	for pos < len(line) && (yamltext.IsNameChar(line[pos]) || line[pos] == '.' || line[pos] == '/') {
		pos++
	}
	if pos == start || pos == len(line) || line[pos] != ',' && line[pos] != ']' {
		return -1
	}
	return pos
}
