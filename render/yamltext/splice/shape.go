// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"bytes"
	"hash/maphash"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/render/yamltext"
)

// Proofs remembers, for all scanners of a run, the shapes of text that the library has proven; see DESIGN.md.
type Proofs struct {
	seed   maphash.Seed
	mutex  sync.Mutex
	shapes map[uint64]bool
}

// NewProofs begins a run in which nothing is proven yet.
func NewProofs() *Proofs {
	return &Proofs{seed: maphash.MakeSeed(), shapes: map[uint64]bool{}}
}

func (p *Proofs) has(shape uint64) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.shapes[shape]
}

func (p *Proofs) add(shape uint64) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.shapes[shape] = true
}

// shape returns what texts have in common that take the same way through a reader.
func (p *Proofs) shape(text []byte) uint64 { return new(sketcher).shape(p.seed, text) }

// sketchPart is how much of a sketch is in memory at a time, and what its last token adds.
const sketchPart = 256

// sketch is what the shape of a text is a hash of: its indentations, line ends, punctuation and escapes as they are, and in
// the place of words and numbers what kind they are of. Two texts with one sketch differ in names and values alone, and not in
// how a reader gets from one token to the next or what type it gives a scalar. It comes to take in parts, each of which is gone
// with the next: whole it would be as long as the text.
func (s *sketcher) sketch(text []byte, take func(part []byte)) {
	if s.out == nil {
		s.out = make([]byte, 0, 2*sketchPart)
	}
	s.out, s.text, s.number = s.out[:0], text, -1
	for pos := 0; pos < len(text); {
		if len(s.out) >= sketchPart {
			take(s.out)
			s.out = s.out[:0]
		}
		switch c := text[pos]; {
		case yamltext.IsLetter(c):
			pos = s.word(pos)
		case isDigit(c):
			pos = s.digits(pos)
		case c >= utf8.RuneSelf:
			pos = s.others(pos)
		case c == '\\' && pos+1 < len(text):
			s.out = append(s.out, c, text[pos+1])
			pos += 2
		default:
			pos = s.mark(pos)
		}
	}
	take(s.out)
}

// sketcher sketches one text after the other.
type sketcher struct {
	out, text []byte
	number    int // where a scalar that may be a number has been read to, or -1
}

// shape is a hash of the sketch of text.
func (s *sketcher) shape(seed maphash.Seed, text []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	s.sketch(text, func(part []byte) { _, _ = h.Write(part) }) // a hash takes every write
	return h.Sum64()
}

// run returns where the bytes from pos on that are of a kind end.
func (s *sketcher) run(pos int, kind func(c byte) bool) int {
	for pos < len(s.text) && kind(s.text[pos]) {
		pos++
	}
	return pos
}

func (s *sketcher) word(pos int) int {
	end := s.run(pos, yamltext.IsLetter)
	s.out = append(s.out, 'a')
	if s.number == pos || isTyped(s.text[pos:end]) {
		s.out = append(s.out, s.text[pos:end]...) // true, 0x1f, 1e3
	}
	if s.number == pos {
		s.number = end
	}
	return end
}

// digits notes a run of digits, as far as its length or a zero at its start makes a number of it, or a date.
func (s *sketcher) digits(pos int) int {
	const year, largest = 4, 18
	end := s.run(pos, isDigit)
	goesOn := s.number == pos
	if goesOn || beginsScalar(s.text, pos) {
		s.number = end
	}
	s.out = append(s.out, '0')
	switch length := end - pos; {
	case length == year && end < len(s.text) && s.text[end] == '-':
		s.out = append(s.out, 'y')
	case length > largest:
		s.out = append(s.out, 'l')
	case length > 1 && s.text[pos] == '0':
		s.out = append(s.out, 'o')
	}
	if goesOn && s.text[pos-1] == '-' {
		s.out = append(s.out, "01234"[min(end-pos, year)]) // maybe the month or the day
	}
	return end
}

// others notes characters beyond ASCII, those at which programs do not agree whether a line ends as they are.
func (s *sketcher) others(pos int) int {
	end := s.run(pos, func(c byte) bool { return c >= utf8.RuneSelf })
	s.out = append(s.out, 'u')
	if part := s.text[pos:end]; unusualBreak(part) >= 0 || bytes.Contains(part, []byte(yamltext.ByteOrderMark)) {
		s.out = append(s.out, part...)
	}
	return end
}

// mark notes punctuation, white space or a line's end as it is.
func (s *sketcher) mark(pos int) int {
	c := s.text[pos]
	s.out = append(s.out, c)
	if s.number == pos && bytes.IndexByte([]byte("._+-"), c) >= 0 {
		s.number = pos + 1
	}
	if c == '\n' && bytes.IndexByte(s.text[pos+1:min(pos+1+longLine, len(s.text))], '\n') < 0 {
		s.out = append(s.out, 'l') // a key may be too long for a line of its own
	}
	return pos + 1
}

// longLine is from where on a line may hold a key that is too long to be a simple one.
const longLine = 128

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isTyped says whether letters can make something else than text of a scalar: a word such as true, or .inf.
func isTyped(word []byte) bool {
	const longest = len("false")
	if len(word) > longest {
		return false
	}
	return yamltext.IsTypedWord(string(word)) ||
		len(word) == len("inf") && (strings.EqualFold(string(word), "inf") || strings.EqualFold(string(word), "nan"))
}

// beginsScalar says whether a digit may be the first of a scalar, but for a sign or a point.
func beginsScalar(text []byte, pos int) bool {
	for pos > 0 && (text[pos-1] == '+' || text[pos-1] == '-' || text[pos-1] == '.') {
		pos--
	}
	if pos > 1 && text[pos-1] == ':' { // behind a key in quotes
		return text[pos-2] == '"' || text[pos-2] == '\''
	}
	return pos == 0 || bytes.IndexByte([]byte(" \t\n\"'[{,"), text[pos-1]) >= 0
}
