// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"bytes"
	"unicode/utf8"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/render/yamltext"
)

// source is the bytes of a document and its lines.
type source struct {
	src   []byte
	lines []int // offset of the start of each line
	ascii bool
	marks map[int][]int // by line, in long ones: where each of its markEvery characters starts
}

// newSource finds the lines of a document. Characters at which programs do not agree whether a line ends are an error.
func newSource(src []byte) (source, error) {
	s := source{src: src, ascii: isASCII(src)}
	unusual := -1
	if !s.ascii {
		unusual = unusualBreak(src)
	}
	s.lines = make([]int, 1, bytes.Count(src, []byte{'\n'})+2)
	if bytes.HasPrefix(src, []byte(yamltext.ByteOrderMark)) {
		s.lines[0] = len(yamltext.ByteOrderMark)
	}
	for pos := 0; pos < len(src); {
		end := len(src)
		if i := bytes.IndexByte(src[pos:], '\n'); i >= 0 {
			end = pos + i
			s.lines = append(s.lines, end+1)
		}
		if j := bytes.IndexByte(src[pos:end], '\r'); j >= 0 && (pos+j != end-1 || end == len(src)) && unusual < 0 {
			unusual = pos + j
		}
		pos = end + 1
	}
	if unusual >= 0 && !yamltext.IsJSON(src) {
		return source{}, breakError(src, unusual)
	}
	return s, nil
}

func isASCII(src []byte) bool {
	for _, c := range src {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// unusualBreak finds one of the characters that YAML 1.1 takes for line breaks and editors mostly do not: lines would be
// counted in two ways. In JSON they are text like any other.
func unusualBreak(src []byte) int {
	body := bytes.TrimPrefix(src, []byte(yamltext.ByteOrderMark))
	for _, c := range []string{"\u0085", "\u2028", "\u2029", yamltext.ByteOrderMark} {
		if i := bytes.Index(body, []byte(c)); i >= 0 {
			return i + len(src) - len(body)
		}
	}
	return -1
}

func breakError(src []byte, offset int) error {
	r, _ := utf8.DecodeRune(src[offset:])
	return yamltext.Errorf(yamltext.LineOf(src, offset), "the character U+%04X breaks lines in some programs only; "+
		"replace it with a line feed, or an escape in double quotes", r)
}

// offset returns where the node that starts at line and column (from 1, in characters) starts.
func (s *source) offset(n *yaml.Node) (int, error) {
	if n.Line < 1 || n.Line > len(s.lines) {
		return 0, Unsupported(n.Line, "the parser's mark lies outside of the document")
	}
	pos := s.lines[n.Line-1]
	if s.ascii {
		pos += n.Column - 1
	} else {
		from, skip := s.mark(n.Line-1, n.Column-1)
		pos = from
		for range skip {
			_, size := utf8.DecodeRune(s.src[pos:])
			pos += size
		}
	}
	if pos > len(s.src) {
		return 0, Unsupported(n.Line, "the parser's mark lies outside of the document")
	}
	return pos, nil
}

// markEvery is how many characters lie between two marks of a long line. Without them each place on a line of megabytes would
// be counted from its start.
const markEvery = 512

// mark returns a place on a line from which a column, from 0 and in characters, is a few characters away, and how many.
func (s *source) mark(line, column int) (pos, skip int) {
	start := s.lines[line]
	if column < markEvery {
		return start, column
	}
	marks, known := s.marks[line]
	if !known {
		end := len(s.src)
		if s.hasBreak(line) {
			end = s.lines[line+1]
		}
		for i, n := start, 0; i < end; n++ {
			if n%markEvery == 0 {
				marks = append(marks, i)
			}
			_, size := utf8.DecodeRune(s.src[i:])
			i += size
		}
		if s.marks == nil {
			s.marks = map[int][]int{}
		}
		s.marks[line] = marks
	}
	nearest := min(column/markEvery, len(marks)-1)
	return marks[nearest], column - nearest*markEvery
}

// lineAt returns the number, from 0, of the line that offset is on.
func (s *source) lineAt(offset int) int {
	low, high := 0, len(s.lines)
	for high-low > 1 {
		if mid := (low + high) / 2; s.lines[mid] <= offset {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

// endOfLine returns where the line that offset is on ends, before its line break.
func (s *source) endOfLine(offset int) int {
	next := s.lineAt(offset) + 1
	if next == len(s.lines) {
		return len(s.src)
	}
	return s.beforeBreak(s.lines[next] - 1)
}

// beforeBreak returns where the line break whose line feed is at offset starts.
func (s *source) beforeBreak(offset int) int {
	if offset > 0 && s.src[offset-1] == '\r' {
		return offset - 1
	}
	return offset
}

func (s *source) at(offset int) byte {
	if offset < len(s.src) {
		return s.src[offset]
	}
	return 0
}

func (s *source) skipBlanks(pos int) int {
	for s.at(pos) == ' ' || s.at(pos) == '\t' {
		pos++
	}
	return pos
}

// skipSpace skips white space, line breaks and comments.
func (s *source) skipSpace(pos int) int {
	for pos < len(s.src) {
		switch c := s.src[pos]; {
		case yamltext.IsWhite(c):
			pos++
		case c == '#':
			pos = s.endOfLine(pos)
		default:
			return pos
		}
	}
	return pos
}

// skipProperties skips anchor and tag, if the node at pos has any, and returns where the last of them ends.
func (s *source) skipProperties(pos int) int {
	end := pos
	for s.at(pos) == '&' || s.at(pos) == '!' {
		end = s.endOfProperty(pos)
		pos = s.skipSpace(end)
	}
	return end
}

// endOfProperty returns where the anchor or tag at pos ends.
func (s *source) endOfProperty(pos int) int {
	isAnchor := s.at(pos) == '&'
	for pos++; pos < len(s.src) && !yamltext.IsWhite(s.src[pos]) && (!isAnchor || yamltext.IsNameChar(s.src[pos])); {
		pos++
	}
	return pos
}

// body returns where the node that starts at pos starts without its anchor and tag.
func (s *source) body(pos int) int {
	if end := s.skipProperties(pos); end != pos {
		return s.skipSpace(end)
	}
	return pos
}

// isQuestion tells whether the mark of a key that stands apart from its value is at pos.
func (s *source) isQuestion(pos int) bool {
	return s.at(pos) == '?' && yamltext.IsWhite(s.at(pos+1))
}

// spaces counts the spaces that a line starts with, and tells whether nothing else is on it.
func (s *source) spaces(line int) (n int, blank bool) {
	pos := s.lines[line]
	start := pos
	for s.at(pos) == ' ' {
		pos++
	}
	c := s.at(pos)
	return pos - start, c == '\n' || c == '\r' || pos >= len(s.src)
}

func (s *source) hasBreak(line int) bool {
	return line+1 < len(s.lines)
}

// afterBreak returns where the line after the one that ends at end starts.
func (s *source) afterBreak(end int) int {
	if s.at(end) == '\r' {
		end++
	}
	if s.at(end) == '\n' {
		end++
	}
	return end
}

// newline returns the line break used at pos.
func (s *source) newline(pos int) string {
	line := s.lineAt(pos)
	if s.hasBreak(line) {
		line++
	}
	if i := s.lines[line] - 1; line > 0 && i > 0 && s.src[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}
