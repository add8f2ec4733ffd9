// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"bytes"
	"hash/maphash"

	"github.com/slipway-dev/slipway/render/yamltext"
)

// sampler leaves out of a text what says nothing new about how it is read: an element of a list that has the sketch of one
// before it in the same list. It looks at lines and brackets alone. Where it takes a line of a longer scalar for an element,
// what it makes is another text of the same shapes.
type sampler struct {
	sketcher
	seed maphash.Seed
	text []byte
	open []sampledList // block lists, outermost first
	kept []byte
}

// sampledList is a list on the way through it.
type sampledList struct {
	column int
	start  int // where its current element starts in the text
	kept   int // and in what is kept
	seen   map[uint64]bool
}

// sample returns text with one element of each sketch in each list.
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
	s.leave(-1, len(text))
	return s.kept
}

// line takes the line from start to end.
func (s *sampler) line(start, end int) {
	line := s.text[start:end]
	indent := len(line) - len(bytes.TrimLeft(line, " "))
	rest := bytes.TrimRight(line[indent:], "\r\n")
	if len(rest) > 0 && rest[0] != '#' {
		isDash := rest[0] == '-' && (len(rest) == 1 || rest[1] == ' ')
		s.leave(indent, start)
		last := len(s.open) - 1
		goesOn := last >= 0 && s.open[last].column == indent
		if goesOn {
			s.endElement(&s.open[last], start)
		}
		switch {
		case goesOn && isDash:
			s.open[last].start, s.open[last].kept = start, len(s.kept)
		case goesOn:
			s.open = s.open[:last]
		case isDash:
			s.open = append(s.open, sampledList{column: indent, start: start, kept: len(s.kept), seen: map[uint64]bool{}})
		}
	}
	if len(line) > longFlow {
		s.flow(line)
		return
	}
	s.kept = append(s.kept, line...)
}

// leave closes the lists to the right of a column.
func (s *sampler) leave(column, end int) {
	for last := len(s.open) - 1; last >= 0 && s.open[last].column > column; last-- {
		s.endElement(&s.open[last], end)
		s.open = s.open[:last]
	}
}

// endElement ends the current element of l, and leaves it out where l had one like it.
func (s *sampler) endElement(l *sampledList, end int) {
	shape := s.shape(s.seed, s.text[l.start:end])
	if l.seen[shape] {
		s.kept = s.kept[:l.kept]
	}
	l.seen[shape] = true
}

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
