// SPDX-License-Identifier: Apache-2.0

package yamltext

import (
	"bytes"
	"unicode/utf8"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// text is the source of a document, with the way from the parser's marks (line and character) to offsets. The parser
// marks where nodes start; where they end is found here, from the text and the value that the parser read from it.
type text struct {
	src   []byte
	lines []int // offset of the start of each line
	ascii bool
}

func newText(src []byte) (*text, error) {
	t := &text{src: src, ascii: isASCII(src)}
	unusual := -1
	if !t.ascii {
		unusual = unusualBreak(src)
	}
	t.lines = make([]int, 1, bytes.Count(src, []byte{'\n'})+2)
	if bytes.HasPrefix(src, []byte(ByteOrderMark)) {
		t.lines[0] = len(ByteOrderMark)
	}
	for pos := 0; pos < len(src); {
		end := len(src)
		if i := bytes.IndexByte(src[pos:], '\n'); i >= 0 {
			end = pos + i
			t.lines = append(t.lines, end+1)
		}
		if j := bytes.IndexByte(src[pos:end], '\r'); j >= 0 && (pos+j != end-1 || end == len(src)) && unusual < 0 {
			unusual = pos + j
		}
		pos = end + 1
	}
	if unusual >= 0 && !IsJSON(src) {
		return nil, breakError(src, unusual)
	}
	return t, nil
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
	body := bytes.TrimPrefix(src, []byte(ByteOrderMark))
	for _, c := range []string{"\u0085", "\u2028", "\u2029", ByteOrderMark} {
		if i := bytes.Index(body, []byte(c)); i >= 0 {
			return i + len(src) - len(body)
		}
	}
	return -1
}

func breakError(src []byte, offset int) error {
	r, _ := utf8.DecodeRune(src[offset:])
	return syntaxErrorf(lineOf(src, offset), "the character U+%04X breaks lines in some programs only; "+
		"replace it with a line feed, or an escape in double quotes", r)
}

// offset returns where the node that starts at line and column (from 1, in characters) starts.
func (t *text) offset(n *yaml.Node) (int, error) {
	if n.Line < 1 || n.Line > len(t.lines) {
		return 0, Unsupported(n.Line, "the parser's mark lies outside of the document")
	}
	pos := t.lines[n.Line-1]
	if t.ascii {
		pos += n.Column - 1
	} else {
		for range n.Column - 1 {
			_, size := utf8.DecodeRune(t.src[pos:])
			pos += size
		}
	}
	if pos > len(t.src) {
		return 0, Unsupported(n.Line, "the parser's mark lies outside of the document")
	}
	return pos, nil
}

// Unsupported is the error for a layout that slipway does not edit, or a mark that is not where it should be.
func Unsupported(line int, what string) error {
	return syntaxErrorf(line, "%s; nothing was changed: write this part in plain block style", what)
}

// lineAt returns the number, from 0, of the line that offset is on.
func (t *text) lineAt(offset int) int {
	low, high := 0, len(t.lines)
	for high-low > 1 {
		if mid := (low + high) / 2; t.lines[mid] <= offset {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

// endOfLine returns where the line that offset is on ends, before its line break.
func (t *text) endOfLine(offset int) int {
	i := bytes.IndexByte(t.src[offset:], '\n')
	if i < 0 {
		return len(t.src)
	}
	return t.beforeBreak(offset + i)
}

// beforeBreak returns where the line break whose line feed is at offset starts.
func (t *text) beforeBreak(offset int) int {
	if offset > 0 && t.src[offset-1] == '\r' {
		return offset - 1
	}
	return offset
}

func (t *text) at(offset int) byte {
	if offset < len(t.src) {
		return t.src[offset]
	}
	return 0
}

func (t *text) skipBlanks(pos int) int {
	for t.at(pos) == ' ' || t.at(pos) == '\t' {
		pos++
	}
	return pos
}

// skipSpace skips white space, line breaks and comments.
func (t *text) skipSpace(pos int) int {
	for pos < len(t.src) {
		switch c := t.src[pos]; {
		case isWhite(c):
			pos++
		case c == '#':
			pos = t.endOfLine(pos)
		default:
			return pos
		}
	}
	return pos
}

// skipProperties skips anchor and tag, if the node at pos has any, and returns where the last of them ends.
func (t *text) skipProperties(pos int) int {
	end := pos
	for t.at(pos) == '&' || t.at(pos) == '!' {
		end = t.endOfProperty(pos)
		pos = t.skipSpace(end)
	}
	return end
}

// endOfProperty returns where the anchor or tag at pos ends.
func (t *text) endOfProperty(pos int) int {
	isAnchor := t.at(pos) == '&'
	for pos++; pos < len(t.src) && !isWhite(t.src[pos]) && (!isAnchor || isNameChar(t.src[pos])); {
		pos++
	}
	return pos
}

// isNameChar tells whether c can be part of an anchor's name.
func isNameChar(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '-'
}

// body returns where the node that starts at pos starts without its anchor and tag.
func (t *text) body(pos int) int {
	if end := t.skipProperties(pos); end != pos {
		return t.skipSpace(end)
	}
	return pos
}

// isEmpty tells whether n is a null of which nothing, or nothing but anchor and tag, is written.
func isEmpty(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style&^yaml.TaggedStyle == 0
}

// isUnwritten tells whether n is a null of which nothing is written. The tag "!" stands in the text alone: the parser
// drops it, and marks the place.
func (t *text) isUnwritten(n *yaml.Node) bool {
	if !isEmpty(n) || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		return false
	}
	start, err := t.offset(n)
	return err != nil || t.at(start) != '!'
}

// endOfEmpty returns where the anchor and tag of a null end, which are all that is written of it, from start on. On later
// lines they stand right of indent, the column of the collection around it; what does not belongs to the next key.
func (t *text) endOfEmpty(n *yaml.Node, start, indent int) int {
	end, line := start, t.lineAt(start)
	anchor, tag := n.Anchor != "", true
	for pos := start; ; pos = t.skipSpace(end) {
		c := t.at(pos)
		if c == '&' && anchor {
			anchor = false
		} else if c == '!' && tag {
			tag = false
		} else {
			return end
		}
		if at := t.lineAt(pos); at > line && pos-t.lines[at] <= indent {
			return end
		}
		end = t.endOfProperty(pos)
	}
}

// end returns where the text of n ends: after its last character, comments not included. indent is the column, from
// 0, of the block collection around n; block scalars end by it.
func (t *text) end(n *yaml.Node, indent int) (int, error) {
	start, err := t.offset(n)
	if err != nil {
		return 0, err
	}
	if isEmpty(n) {
		return t.endOfEmpty(n, start, indent), nil
	}
	body := t.body(start)
	switch {
	case n.Kind == yaml.AliasNode:
		return t.endOfAlias(n, body)
	case n.Kind == yaml.ScalarNode:
		return t.endOfScalar(n, body, indent)
	case isFlow(n):
		return t.endOfFlow(n, body)
	case len(n.Content) == 0:
		return 0, Unsupported(n.Line, "an empty block collection")
	}
	last := len(n.Content) - 1
	column, err := t.column(n)
	if err != nil {
		return 0, err
	}
	if n.Kind == yaml.MappingNode {
		return t.endOfEntry(n.Content[last-1], n.Content[last], column)
	}
	return t.end(n.Content[last], column)
}

func isFlow(n *yaml.Node) bool {
	return n.Style&yaml.FlowStyle != 0
}

func isBlock(n *yaml.Node) bool {
	return (n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode) && !isFlow(n)
}

// column returns the column, from 0, of the keys or dashes of a block collection.
func (t *text) column(n *yaml.Node) (int, error) {
	start, err := t.offset(n)
	if err != nil {
		return 0, err
	}
	pos := t.body(start)
	// A mapping's own mark may be that of its first key's anchor: the body starts after it.
	if n.Kind == yaml.MappingNode && len(n.Content) > 0 && !t.isQuestion(pos) {
		if pos, err = t.offset(n.Content[0]); err != nil {
			return 0, err
		}
	}
	if n.Kind == yaml.SequenceNode && t.at(pos) != '-' {
		return 0, Unsupported(n.Line, "a list whose first dash is not where the parser says")
	}
	line := t.lines[t.lineAt(pos)]
	return utf8.RuneCount(t.src[line:pos]), nil
}

// isQuestion tells whether the mark of a key that stands apart from its value is at pos.
func (t *text) isQuestion(pos int) bool {
	return t.at(pos) == '?' && isWhite(t.at(pos+1))
}

// endOfEntry returns where an entry of a block or flow mapping ends.
func (t *text) endOfEntry(key, value *yaml.Node, indent int) (int, error) {
	if t.isUnwritten(value) {
		colon, ok, err := t.colon(key)
		if err != nil || ok {
			return colon + 1, err
		}
		return t.end(key, indent)
	}
	return t.end(value, indent)
}

// colon returns where the colon after a key is, and whether there is one.
func (t *text) colon(key *yaml.Node) (pos int, ok bool, err error) {
	if isEmpty(key) && key.Anchor == "" {
		return 0, false, Unsupported(key.Line, "an empty key")
	}
	end, err := t.end(key, -1)
	if err != nil {
		return 0, false, err
	}
	pos = t.skipSpace(end)
	return pos, t.at(pos) == ':', nil
}

func (t *text) endOfAlias(n *yaml.Node, pos int) (int, error) {
	end := pos + 1 + len(n.Value)
	if end > len(t.src) || string(t.src[pos+1:end]) != n.Value || t.src[pos] != '*' {
		return 0, Unsupported(n.Line, "an alias that is not where the parser says")
	}
	return end, nil
}

// endOfFlow returns where a flow collection ends. A single pair without braces, as in [a: b], ends with its value.
func (t *text) endOfFlow(n *yaml.Node, pos int) (int, error) {
	open := t.at(pos)
	braced := open == '[' && n.Kind == yaml.SequenceNode || open == '{' && n.Kind == yaml.MappingNode
	if !braced {
		return 0, Unsupported(n.Line, "a pair without braces in a list in brackets")
	}
	pos++
	if last := len(n.Content) - 1; last >= 0 {
		var err error
		if n.Kind == yaml.MappingNode {
			pos, err = t.endOfEntry(n.Content[last-1], n.Content[last], -1)
		} else {
			pos, err = t.end(n.Content[last], -1)
		}
		if err != nil {
			return 0, err
		}
	}
	pos = t.skipSpace(pos)
	if t.at(pos) == ',' {
		pos = t.skipSpace(pos + 1)
	}
	// ']' and '}' follow '[' and '{' at a distance of two.
	if t.at(pos) != open+2 {
		return 0, Unsupported(n.Line, "brackets or braces whose end is not found")
	}
	return pos + 1, nil
}
