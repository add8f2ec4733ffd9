// SPDX-License-Identifier: Apache-2.0

package yamltext

import (
	"bytes"
	"hash/maphash"
	"slices"
	"strings"
	"unicode/utf8"
)

// field is a scalar that a scan looks for: the value of key in the top level, or in the mapping parent of the top level.
type field struct{ parent, key string }

// Scanner reads documents of a simple subset of YAML in one pass: block mappings and sequences, scalars without
// properties, small flow collections on one line. For a document it is certain about, the parser would find no error
// and no duplicate key, and the same fields. It is certain about nearly all documents that tools write, and in doubt it
// says so: then the parser decides.
//
// A scanner can be used for any number of documents, one after the other.
type Scanner struct {
	seed  maphash.Seed
	keys  []uint64 // hashes of the keys of the open mappings, outermost first
	open  []opened
	lines scanLines

	fields []field  // to look for
	found  [][]byte // their values, parts of the document

	pending bool   // a key or dash without a value: lines further right are its value
	plain   bool   // a plain scalar that lines further right go on with
	parent  string // the top level's mapping that is being read, where fields are of it
	field   *[]byte

	tree      *builder  // nil where no tree is wanted
	builder   builder   // what makes one
	following follower  // of a tree that a document should read as
	items     *itemList // what Items looks for; nil for nothing
}

// opened is a block collection that is not closed yet.
type opened struct {
	column int
	isMap  bool
	first  int             // index of its first key in scanner.keys
	filter uint64          // a bit per key seen: a clear bit proves that a key is new
	many   map[uint64]bool // the keys, where there are more than comparedKeys
}

// comparedKeys is up to where the keys of a mapping are compared one by one: hashes are compared faster than they are looked up.
const comparedKeys = 256

// maxScanDepth is how deep collections may be nested.
const maxScanDepth = 100

// NewScanner returns a scanner that looks for the scalars at paths: a key of the top level, or parent.key.
func NewScanner(paths ...string) *Scanner {
	s := &Scanner{seed: maphash.MakeSeed(), found: make([][]byte, len(paths))}
	for _, path := range paths {
		parent, key, below := strings.Cut(path, ".")
		if !below {
			parent, key = "", path
		}
		s.fields = append(s.fields, field{parent, key})
	}
	return s
}

// Scan tells whether doc is certainly well-formed, and what stands at the scanner's paths, in their order: nil where
// nothing does. The values are parts of doc, and the slice is the scanner's own until the next scan. A document without
// content is certain too.
func (s *Scanner) Scan(doc []byte) (found [][]byte, certain bool) {
	clear(s.found)
	doc = bytes.TrimPrefix(doc, []byte(ByteOrderMark))
	if !isPlainText(doc) {
		return nil, false
	}
	s.keys, s.open = s.keys[:0], s.open[:0]
	s.pending, s.plain, s.parent, s.field = true, false, "", nil
	s.lines = scanLines{doc: doc}
	if !s.preamble() {
		return nil, false
	}
	if !s.rows() {
		return nil, false
	}
	for len(s.open) > 0 {
		s.close()
	}
	return s.found, true
}

// rows reads the lines of the document after its preamble.
func (s *Scanner) rows() bool {
	for s.lines.next() {
		line := s.lines.line
		if s.lines.indent == len(line) {
			continue
		}
		if c := line[s.lines.indent]; c == '#' {
			s.plain = false
			continue
		} else if s.lines.indent == 0 && (c == '-' || c == '.') {
			if kind, _ := MarkerAt(line, true); kind != noMarker {
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
func (s *Scanner) preamble() bool {
	for {
		before := s.lines
		if !s.lines.next() {
			return true
		}
		rest := s.lines.line[s.lines.indent:]
		if len(rest) == 0 || rest[0] == '#' {
			continue
		}
		if kind, _ := MarkerAt(s.lines.line, true); kind == StartMarker {
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
func (s *Scanner) row(line []byte, pos int) bool {
	if !s.dedent(pos, isDash(line, pos)) {
		return len(s.open) > 0 && s.open[len(s.open)-1].column < pos && s.goesOn(line[pos:])
	}
	for isDash(line, pos) {
		if !s.dash(pos) {
			return false
		}
		if s.items != nil && s.items.within && len(s.open) == 2 && pos == s.lines.indent {
			s.items.items = append(s.items.items, Span{Start: s.lines.start()})
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
func (s *Scanner) scalarRow(line []byte, pos int) bool {
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
func (s *Scanner) goesOn(rest []byte) bool {
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
func (s *Scanner) dedent(column int, dash bool) bool {
	for len(s.open) > 0 {
		top := s.open[len(s.open)-1]
		if top.column < column {
			return s.pending
		}
		if top.column == column && (top.isMap || dash) {
			return top.isMap != dash || s.pending
		}
		s.close()
		if s.items != nil && s.items.within && len(s.open) == 1 {
			s.items.end = s.lines.start()
		}
	}
	return s.pending
}

// close leaves the innermost collection.
func (s *Scanner) close() {
	last := len(s.open) - 1
	if s.tree != nil {
		s.tree.close(s.pending)
	}
	s.keys = s.keys[:s.open[last].first]
	s.open = s.open[:last]
	s.pending, s.plain = false, false
	if last <= 1 {
		s.parent = ""
	}
}

// dash reads a dash at column.
func (s *Scanner) dash(column int) bool {
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
func (s *Scanner) push(column int, isMap bool) bool {
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
func (s *Scanner) key(key []byte, column, after int) bool {
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
	if s.items != nil && len(s.open) == 1 {
		s.items.key(key)
	}
	s.setField(key)
	return true
}

// isNew tells whether key is certainly the first of its name, and notes it.
func (s *Scanner) isNew(m *opened, key []byte) bool {
	hash := maphash.Bytes(s.seed, key)
	if m.many != nil {
		isKnown := m.many[hash]
		m.many[hash] = true
		return !isKnown
	}
	bit := uint64(1) << (hash & 63)
	if m.filter&bit != 0 && slices.Contains(s.keys[m.first:], hash) {
		return false
	}
	m.filter |= bit
	if s.keys = append(s.keys, hash); len(s.keys)-m.first > comparedKeys {
		m.many = make(map[uint64]bool, 2*comparedKeys)
		for _, known := range s.keys[m.first:] {
			m.many[known] = true
		}
	}
	return true
}

// setField prepares to take the value of a key that is looked for.
func (s *Scanner) setField(key []byte) {
	depth := len(s.open)
	if depth == 1 {
		s.parent = ""
	} else if depth > 2 || s.parent == "" {
		return
	}
	for i := range s.fields {
		switch f := &s.fields[i]; {
		case f.parent == s.parent && f.key == string(key):
			s.field = &s.found[i]
		case depth == 1 && f.parent == string(key) && f.parent != "":
			s.parent = f.parent
			return
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
		if size == 1 || NeedsEscape(r) {
			return false
		}
		i += size
	}
	return true
}
