// SPDX-License-Identifier: Apache-2.0

package yamltext

import "bytes"

// scanLines goes through the lines of a document.
type scanLines struct {
	doc    []byte
	pos    int
	line   []byte // without its line break
	indent int    // the spaces it starts with
	number int    // from 1
}

func (l *scanLines) next() bool {
	if l.pos == len(l.doc) {
		return false
	}
	l.number++
	end := bytes.IndexByte(l.doc[l.pos:], '\n')
	if end < 0 {
		l.line = l.doc[l.pos:]
		l.pos = len(l.doc)
	} else {
		l.line = l.doc[l.pos : l.pos+end]
		l.pos += end + 1
		if end > 0 && l.line[end-1] == '\r' {
			l.line = l.line[:end-1]
		}
	}
	l.indent = 0
	for l.indent < len(l.line) && l.line[l.indent] == ' ' {
		l.indent++
	}
	return true
}

// skipBlock skips the lines of a block scalar that are indented by least or more. It is false for lines that look
// indented and are not, or are so in more than one way.
func (l *scanLines) skipBlock(least int) bool {
	width := 0
	for {
		before := *l
		if !l.next() {
			return true
		}
		switch {
		case l.indent == len(l.line):
			if width == 0 && l.indent > 0 {
				return false
			}
		case width == 0 && l.indent >= least:
			width = l.indent
			if l.line[l.indent] == '\t' {
				return false
			}
		case width == 0 || l.indent < width:
			*l = before
			return !startsWithTab(l.doc[l.pos:])
		}
	}
}

// startsWithTab tells whether the first character that is no space is a tab.
func startsWithTab(text []byte) bool {
	for _, c := range text {
		if c != ' ' {
			return c == '\t'
		}
	}
	return false
}

// onlyComments tells whether nothing but comments is left of a line and the lines after it.
func (l *scanLines) onlyComments(rest []byte) bool {
	for isComment(rest) {
		if !l.next() {
			return true
		}
		rest = l.line
		if len(rest) > 0 && rest[0] == '#' {
			rest = nil
		}
	}
	return false
}

// isComment tells whether rest, which follows content, is white space or a comment.
func isComment(rest []byte) bool {
	for i, c := range rest {
		switch c {
		case ' ':
		case '#':
			return i > 0
		default:
			return false
		}
	}
	return true
}

func isDash(line []byte, pos int) bool {
	return pos < len(line) && line[pos] == '-' && (pos+1 == len(line) || line[pos+1] == ' ')
}

// scanKey reads a key of letters and the like, or in quotes without escapes, with its colon.
func scanKey(line []byte, pos int) (key []byte, after int, ok bool) {
	end := pos
	if c := line[pos]; c == '"' || c == '\'' {
		var escapes bool
		end, escapes, ok = endOfQuotes(line[pos:])
		if !ok || escapes || end > MaxKey {
			return nil, 0, false
		}
		key, end = line[pos+1:pos+end-1], pos+end
	} else {
		if !IsNameChar(c) || c == '-' {
			return nil, 0, false
		}
		for end < len(line) && (IsNameChar(line[end]) || line[end] == '.' || line[end] == '/') {
			end++
		}
		key = line[pos:end]
	}
	if end == len(line) || line[end] != ':' || len(key) > MaxKey {
		return nil, 0, false
	}
	after = end + 1
	return key, after, after == len(line) || line[after] == ' '
}

// startsPlain tells whether text starts as only a plain scalar can.
func startsPlain(text []byte) bool {
	switch c := text[0]; {
	case IsNameChar(c) && c != '-', c == '/', c == '.', c == '$', c == '(', c == '<', c == '+', c == '^', c == '~', c == ';':
		return true
	case c == '-':
		return len(text) > 1 && (IsNameChar(text[1]) || text[1] == '/' || text[1] == '.')
	}
	return false
}

// endOfPlainText returns where a plain scalar ends on its line: at a comment or at the end. It is not ok where
// something in the text could be a key.
func endOfPlainText(text []byte) (end int, ok bool) {
	for i := 0; i < len(text); {
		j := bytes.IndexByte(text[i:], ':')
		if j < 0 {
			break
		}
		i += j + 1
		if i == len(text) || text[i] == ' ' || text[i] == '\t' {
			return 0, false
		}
	}
	for i := 0; i < len(text); {
		j := bytes.IndexByte(text[i:], '#')
		if j < 0 {
			break
		}
		i += j
		if i > 0 && (text[i-1] == ' ' || text[i-1] == '\t') {
			return i, true
		}
		i++
	}
	return len(text), true
}

// endOfQuotes returns where the quoted scalar that text starts with ends, behind its quote, and whether it has
// escapes. It is not ok for a scalar that goes on in the next line, and for rare escapes.
func endOfQuotes(text []byte) (end int, escapes, ok bool) {
	end, escapes, ok, _ = inQuotes(text[1:], text[0])
	return end + 1, escapes, ok
}

// inQuotes goes through a line inside of a quoted scalar. It is not ok where it finds a rare escape.
func inQuotes(text []byte, quote byte) (end int, escapes, closed, ok bool) {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quote == '"':
			i++
			escapes = true
			if i < len(text) && bytes.IndexByte([]byte(`"\nrt `), text[i]) < 0 {
				return 0, true, false, false
			}
		case c != quote:
		case quote == '\'' && i+1 < len(text) && text[i+1] == quote:
			i++
			escapes = true
		default:
			return i + 1, escapes, true, true
		}
	}
	return 0, escapes, false, true
}
