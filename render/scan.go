// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"hash/maphash"
	"unicode/utf8"
)

// head is what a quick look at a document finds of the object in it. The slices point into the document.
type head struct {
	kind, apiVersion, name, namespace []byte
}

// scanner reads documents of a simple subset of YAML in one pass: block mappings and sequences, scalars without
// properties, small flow collections on one line. For a document it is certain about, the parser would find no error
// and no duplicate key, and the same head. It is certain about nearly all manifests that tools write, and in doubt it
// says so: then the parser decides.
//
// A scanner can be used for any number of documents, one after the other.
type scanner struct {
	proofs int // results of splices verified so far

	seed  maphash.Seed
	keys  []uint64 // hashes of the keys of the open mappings, outermost first
	open  []opened
	head  head
	lines scanLines

	pending  bool // a key or dash without a value: lines further right are its value
	plain    bool // a plain scalar that lines further right go on with
	metadata bool // inside of the top level's metadata
	field    *[]byte

	tree *builder // nil where no tree is wanted
}

// opened is a block collection that is not closed yet.
type opened struct {
	column int
	isMap  bool
	first  int    // index of its first key in scanner.keys
	filter uint64 // a bit per key seen: a clear bit proves that a key is new
}

// manyScanKeys is how many keys a mapping may have. Comparing more would cost more than parsing.
const manyScanKeys = 1024

// maxScanDepth is how deep collections may be nested.
const maxScanDepth = 100

func newScanner() *scanner {
	return &scanner{seed: maphash.MakeSeed()}
}

// scan tells whether doc is certainly well-formed, and what object it holds. A document without content is certain too.
func (s *scanner) scan(doc []byte) (h head, certain bool) {
	doc = bytes.TrimPrefix(doc, []byte(byteOrderMark))
	if !isPlainText(doc) {
		return head{}, false
	}
	s.keys, s.open, s.head = s.keys[:0], s.open[:0], head{}
	s.pending, s.plain, s.metadata, s.field = true, false, false, nil
	s.lines = scanLines{doc: doc}
	if !s.preamble() {
		return head{}, false
	}
	if !s.rows() {
		return head{}, false
	}
	for len(s.open) > 0 {
		s.close()
	}
	return s.head, true
}

// rows reads the lines of the document after its preamble.
func (s *scanner) rows() bool {
	for s.lines.next() {
		line := s.lines.line
		if s.lines.indent == len(line) {
			continue
		}
		if c := line[s.lines.indent]; c == '#' {
			s.plain = false
			continue
		} else if s.lines.indent == 0 && (c == '-' || c == '.') {
			if kind, _ := markerAt(line, true); kind != noMarker {
				return kind == endMarker && s.lines.onlyComments(line[3:])
			}
		}
		if !s.row(line, s.lines.indent) {
			return false
		}
	}
	return true
}

// preamble skips comments and a "---" line without content.
func (s *scanner) preamble() bool {
	for {
		before := s.lines
		if !s.lines.next() {
			return true
		}
		rest := s.lines.line[s.lines.indent:]
		if len(rest) == 0 || rest[0] == '#' {
			continue
		}
		if kind, _ := markerAt(s.lines.line, true); kind == startMarker {
			if s.tree != nil {
				s.tree.start(s.lines.number)
			}
			return isComment(s.lines.line[3:])
		}
		if s.tree != nil {
			s.tree.start(s.lines.number)
		}
		s.lines = before
		return true
	}
}

// row reads a line with content that starts at pos, which is its column.
func (s *scanner) row(line []byte, pos int) bool {
	if !s.dedent(pos, isDash(line, pos)) {
		return len(s.open) > 0 && s.open[len(s.open)-1].column < pos && s.goesOn(line[pos:])
	}
	for isDash(line, pos) {
		if !s.dash(pos) {
			return false
		}
		pos++
		for pos < len(line) && line[pos] == ' ' {
			pos++
		}
		if pos == len(line) || line[pos] == '#' {
			return true
		}
		if line[pos] == '\t' {
			return false
		}
	}
	key, after, ok := scanKey(line, pos)
	if !ok {
		return s.scalarRow(line, pos)
	}
	if !s.key(key, pos, after) {
		return false
	}
	return s.value(line[after:])
}

// scalarRow reads a value that stands behind a dash, or on a line below its key.
func (s *scanner) scalarRow(line []byte, pos int) bool {
	if !s.pending || len(s.open) == 0 {
		return false
	}
	if pos > s.lines.indent {
		return s.value(line[pos:])
	}
	isText := line[pos] == '"' || line[pos] == '\'' || startsPlain(line[pos:])
	return isText && s.field == nil && s.open[len(s.open)-1].column < pos && s.value(line[pos:])
}

// goesOn reads a line that continues a plain scalar.
func (s *scanner) goesOn(rest []byte) bool {
	if !s.plain || s.field != nil || rest[0] == '\t' {
		return false
	}
	end, ok := endOfPlainText(rest)
	s.plain = end == len(rest)
	if ok && s.tree != nil {
		s.tree.extend(bytes.TrimRight(rest[:end], " \t"), s.lines.number)
	}
	return ok
}

// dedent closes the collections that end before a line at column. It is false where the line belongs to none of them
// and opens none.
func (s *scanner) dedent(column int, dash bool) bool {
	for len(s.open) > 0 {
		top := s.open[len(s.open)-1]
		if top.column < column {
			return s.pending
		}
		if top.column == column && (top.isMap || dash) {
			return top.isMap != dash || s.pending
		}
		s.close()
	}
	return s.pending
}

// close leaves the innermost collection.
func (s *scanner) close() {
	last := len(s.open) - 1
	if s.tree != nil {
		s.tree.close(s.pending)
	}
	s.keys = s.keys[:s.open[last].first]
	s.open = s.open[:last]
	s.pending, s.plain = false, false
	if last <= 1 {
		s.metadata = false
	}
}

// dash reads a dash at column.
func (s *scanner) dash(column int) bool {
	if len(s.open) > 0 {
		if top := s.open[len(s.open)-1]; !top.isMap && top.column == column {
			if s.tree != nil {
				s.tree.next(s.pending, s.lines.number, column+1)
			}
			s.pending, s.plain, s.field = true, false, nil
			return true
		}
	}
	if !s.push(column, false) {
		return false
	}
	if s.tree != nil {
		s.tree.next(false, s.lines.number, column+1)
	}
	return true
}

// push opens a collection as the value of a key or dash.
func (s *scanner) push(column int, isMap bool) bool {
	if !s.pending || s.field != nil || len(s.open) == maxScanDepth || len(s.open) == 0 && column > 0 {
		return false
	}
	s.open = append(s.open, opened{column: column, isMap: isMap, first: len(s.keys)})
	s.pending, s.plain = true, false
	if s.tree != nil {
		s.tree.open(isMap, s.lines.number, column)
	}
	return true
}

// key reads a key at column, in the mapping that is open there or in a new one. The text after its colon is at after.
func (s *scanner) key(key []byte, column, after int) bool {
	isNext := len(s.open) > 0 && s.open[len(s.open)-1].isMap && s.open[len(s.open)-1].column == column
	if !isNext && !s.push(column, true) {
		return false
	}
	if s.tree != nil {
		s.tree.next(isNext && s.pending, s.lines.number, after)
		s.tree.key(s.lines.line, column, key)
	}
	s.pending, s.plain, s.field = true, false, nil
	if !s.isNew(&s.open[len(s.open)-1], key) {
		return false
	}
	s.setField(key)
	return true
}

// isNew tells whether key is certainly the first of its name, and notes it.
func (s *scanner) isNew(m *opened, key []byte) bool {
	hash := maphash.Bytes(s.seed, key)
	bit := uint64(1) << (hash & 63)
	if m.filter&bit != 0 {
		for _, other := range s.keys[m.first:] {
			if other == hash {
				return false
			}
		}
	}
	m.filter |= bit
	s.keys = append(s.keys, hash)
	return len(s.keys)-m.first <= manyScanKeys
}

// setField prepares to take the value of a key that is part of the head.
func (s *scanner) setField(key []byte) {
	switch len(s.open) {
	case 1:
		s.metadata = false
		switch string(key) {
		case "kind":
			s.field = &s.head.kind
		case "apiVersion":
			s.field = &s.head.apiVersion
		case "metadata":
			s.metadata = true
		}
	case 2:
		if !s.metadata {
			return
		}
		switch string(key) {
		case "name":
			s.field = &s.head.name
		case "namespace":
			s.field = &s.head.namespace
		}
	}
}

// isPlainText tells whether doc is valid UTF-8 without the characters that YAML refuses or breaks lines at, other than
// line feed and carriage return.
func isPlainText(doc []byte) bool {
	for i := 0; i < len(doc); {
		c := doc[i]
		if c >= 0x20 && c < 0x7f || c == '\n' || c == '\t' {
			i++
			continue
		}
		if c == '\r' && i+1 < len(doc) && doc[i+1] == '\n' {
			i++
			continue
		}
		r, size := utf8.DecodeRune(doc[i:])
		if size == 1 || needsEscape(r) {
			return false
		}
		i += size
	}
	return true
}
