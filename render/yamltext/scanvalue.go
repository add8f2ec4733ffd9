// SPDX-License-Identifier: Apache-2.0

package yamltext

import "bytes"

// value reads what follows a colon or dash on the same line.
func (s *Scanner) value(rest []byte) bool {
	start := 0
	for start < len(rest) && rest[start] == ' ' {
		start++
	}
	rest = rest[start:]
	if len(rest) == 0 || rest[0] == '#' && start > 0 {
		return true
	}
	s.pending = false
	switch c := rest[0]; c {
	case '"', '\'':
		return s.quoted(rest)
	case '|', '>':
		return s.field == nil && s.blockScalar(rest)
	case '[', '{':
		end, ok := s.flow(rest, 0)
		if s.field != nil || s.parent != "" && len(s.open) == 1 && end > len("{}") {
			return false // it may hold what is looked for
		}
		return ok && isComment(rest[end:])
	}
	if !startsPlain(rest) {
		return false
	}
	end, ok := endOfPlainText(rest)
	if !ok {
		return false
	}
	s.plain = end == len(rest)
	text := bytes.TrimRight(rest[:end], " \t")
	s.take(text)
	return s.tree == nil || s.tree.plain(s.lines, rest, text)
}

// take notes a value that is looked for. Others do not matter.
func (s *Scanner) take(value []byte) {
	if s.field != nil {
		*s.field = value
	}
}

func (s *Scanner) quoted(rest []byte) bool {
	end, escapes, ok := endOfQuotes(rest)
	if !ok {
		return s.field == nil && s.tree == nil && s.quotedLines(rest)
	}
	if !isComment(rest[end:]) || escapes && s.field != nil {
		return false
	}
	s.take(rest[1 : end-1])
	if s.tree != nil {
		s.tree.quoted(s.lines, rest, rest[:end])
	}
	return true
}

// quotedLines reads a quoted scalar that ends on a later line than the one it starts on, with rest.
func (s *Scanner) quotedLines(rest []byte) bool {
	quote := rest[0]
	for rest = rest[1:]; ; rest = s.lines.line {
		end, _, closed, ok := inQuotes(rest, quote)
		if closed {
			return isComment(rest[end:])
		}
		if !ok || !s.lines.next() {
			return false
		}
		if kind, _ := MarkerAt(s.lines.line, true); kind != noMarker {
			return false
		}
	}
}

// blockScalar skips the lines of a block scalar.
func (s *Scanner) blockScalar(rest []byte) bool {
	pos := 1
	if pos < len(rest) && (rest[pos] == '-' || rest[pos] == '+') {
		pos++
	}
	if !isComment(rest[pos:]) {
		return false
	}
	header := s.lines
	if !s.lines.skipBlock(s.open[len(s.open)-1].column + 1) {
		return false
	}
	return s.tree == nil || s.tree.literal(header, rest, s.lines.pos)
}

// maxScanFlow is how deep flow collections may be nested.
const maxScanFlow = 8

// flow reads a flow collection of simple scalars on one line, and returns where it ends.
func (s *Scanner) flow(text []byte, depth int) (end int, ok bool) {
	if depth == maxScanFlow {
		return 0, false
	}
	m := opened{isMap: text[0] == '{', first: len(s.keys)}
	if s.tree != nil {
		s.tree.openFlow(s.lines, text)
		defer s.tree.close(false)
	}
	defer func() { s.keys = s.keys[:m.first] }()
	pos := skipSpaces(text, 1)
	if pos < len(text) && text[pos] == text[0]+2 {
		return pos + 1, true
	}
	for pos < len(text) {
		if m.isMap {
			key, after, ok := scanKey(text, pos)
			if !ok || !s.isNew(&m, key) {
				return 0, false
			}
			if s.tree != nil {
				s.tree.key(s.lines.line, len(s.lines.line)-len(text)+pos, key)
			}
			pos = skipSpaces(text, after)
		}
		if pos, ok = s.flowValue(text, pos, depth); !ok || pos == len(text) {
			return 0, false
		}
		switch text[pos] {
		case ',':
			pos = skipSpaces(text, pos+1)
		case text[0] + 2:
			return pos + 1, true
		default:
			return 0, false
		}
	}
	return 0, false
}

// flowValue reads a value in a flow collection, and the spaces behind it.
func (s *Scanner) flowValue(text []byte, pos, depth int) (end int, ok bool) {
	if pos == len(text) {
		return 0, false
	}
	start := pos
	switch text[pos] {
	case '[', '{':
		end, ok = s.flow(text[pos:], depth+1)
		pos += end
	case '"', '\'':
		if end, _, ok = endOfQuotes(text[pos:]); ok && s.tree != nil {
			s.tree.quoted(s.lines, text[pos:], text[pos:pos+end])
		}
		pos += end
	default:
		for pos < len(text) && (IsNameChar(text[pos]) || text[pos] == '.' || text[pos] == '/') {
			pos++
		}
		ok = pos > start && text[start] != '-'
		if ok && s.tree != nil {
			ok = s.tree.plain(s.lines, text[start:], text[start:pos])
		}
	}
	return skipSpaces(text, pos), ok
}

func skipSpaces(text []byte, pos int) int {
	for pos < len(text) && text[pos] == ' ' {
		pos++
	}
	return pos
}
