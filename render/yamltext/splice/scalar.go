// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"bytes"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/render/yamltext"
)

// endOfScalar returns where the scalar n, whose text starts at pos, ends. A block scalar ends before the line break of
// its last line; the blank lines that it keeps (|+) are lines of it.
func (t *text) endOfScalar(n *yaml.Node, pos, indent int) (end int, err error) {
	ok := false
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		end, ok = t.endOfDoubleQuoted(pos)
	case n.Style&yaml.SingleQuotedStyle != 0:
		end, ok = t.endOfSingleQuoted(pos)
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		end, ok = t.endOfBlockScalar(pos, indent)
	default:
		end, ok = t.endOfPlain(pos, n.Value)
	}
	if !ok {
		return 0, Unsupported(n.Line, "a value whose end is not found")
	}
	return end, nil
}

func (s *source) endOfDoubleQuoted(pos int) (int, bool) {
	if s.at(pos) != '"' {
		return 0, false
	}
	for pos++; pos < len(s.src); pos++ {
		switch s.src[pos] {
		case '\\':
			pos++
		case '"':
			return pos + 1, true
		}
	}
	return 0, false
}

func (s *source) endOfSingleQuoted(pos int) (int, bool) {
	if s.at(pos) != '\'' {
		return 0, false
	}
	for pos++; pos < len(s.src); pos++ {
		if s.src[pos] != '\'' {
			continue
		}
		if s.at(pos+1) != '\'' {
			return pos + 1, true
		}
		pos++
	}
	return 0, false
}

// endOfPlain follows the value through the text: line breaks in the text are folded in the value, all else is equal.
func (s *source) endOfPlain(pos int, value string) (int, bool) {
	for len(value) > 0 && pos < len(s.src) {
		if !yamltext.IsWhite(s.src[pos]) {
			if s.src[pos] != value[0] {
				return 0, false
			}
			pos++
			value = value[1:]
			continue
		}
		start := pos
		for pos < len(s.src) && yamltext.IsWhite(s.src[pos]) {
			pos++
		}
		folded := fold(s.src[start:pos])
		if len(value) < len(folded) || value[:len(folded)] != string(folded) {
			return 0, false
		}
		value = value[len(folded):]
	}
	return pos, len(value) == 0
}

// fold returns what white space inside of a plain scalar stands for.
func fold(white []byte) []byte {
	switch breaks := bytes.Count(white, []byte{'\n'}); breaks {
	case 0:
		return white
	case 1:
		return []byte{' '}
	default:
		return bytes.Repeat([]byte{'\n'}, breaks-1)
	}
}

// blockHeader is the first line of a block scalar: |, >, and what may follow.
type blockHeader struct {
	keep   bool // trailing blank lines are part of the value
	indent int  // as written, or 0
	start  int
	end    int // after the indicators
}

func (s *source) blockHeader(pos int) (h blockHeader, ok bool) {
	if c := s.at(pos); c != '|' && c != '>' {
		return h, false
	}
	h.start = pos
	for pos++; ; pos++ {
		switch c := s.at(pos); {
		case c == '+':
			h.keep = true
		case c == '-':
		case c >= '1' && c <= '9':
			h.indent = int(c - '0')
		default:
			h.end = pos
			return h, true
		}
	}
}

// endOfBlockScalar follows the lines of a block scalar in a block collection at column indent.
func (t *text) endOfBlockScalar(pos, indent int) (int, bool) {
	h, ok := t.blockHeader(pos)
	if !ok {
		return 0, false
	}
	line := t.lineAt(pos) + 1
	width := max(indent, 0) + h.indent
	if h.indent == 0 {
		width = max(t.contentIndent(line), indent+1, 1)
	}
	last := line - 1
	for ; line < len(t.lines); line++ {
		spaces, blank := t.spaces(line)
		switch {
		case spaces >= width && (!blank || spaces != width):
			last = line
		case !blank:
			return t.endOfLine(t.lines[last]), true
		case h.keep && t.hasBreak(line):
			last = line
		}
	}
	return t.endOfLine(t.lines[last]), true
}

// contentIndent returns the indentation that a block scalar takes from its first lines.
func (s *source) contentIndent(line int) int {
	most := 0
	for ; line < len(s.lines); line++ {
		spaces, blank := s.spaces(line)
		most = max(most, spaces)
		if !blank {
			break
		}
	}
	return most
}
