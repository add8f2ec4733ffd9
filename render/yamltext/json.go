// SPDX-License-Identifier: Apache-2.0

package yamltext

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// IsJSON tells whether doc is one JSON object or list, with nothing but white space and a marker around it.
func IsJSON(doc []byte) bool {
	r := &jsonReader{checks: true}
	_, ok := r.parse(doc)
	return ok
}

// jsonReader makes the tree of a JSON text: the one that the library makes of it where it can. JSON is no subset of the
// YAML that the library reads: it has escapes of its own, keys of any length and apart from their colons, and characters
// at which YAML breaks lines. Lines end at line feeds alone.
type jsonReader struct {
	doc  []byte
	text string // of doc where a tree is made; values without escapes are parts of it
	pos  int

	mark, line, column int // the last place that was asked for

	depth int
	kids  []*yaml.Node // of the open collections, outermost first
	nodes []yaml.Node  // room for nodes

	checks  bool      // no tree is asked for, only whether there is one
	only    yaml.Node // what every node is then
	follows *follower // the tree that there has to be, nil where any will do
}

// parseJSON returns the document node of doc. It is false where doc is no JSON object or list; then YAML decides.
func parseJSON(doc []byte) (root *yaml.Node, ok bool) {
	return new(jsonReader).parse(doc)
}

func (r *jsonReader) parse(doc []byte) (root *yaml.Node, ok bool) {
	start := jsonStart(doc)
	if start < 0 || !utf8.Valid(doc[start:]) {
		return nil, false
	}
	r.doc, r.pos, r.line, r.column = doc, start, 1, 1
	if !r.checks {
		r.text = string(doc)
	}
	if bytes.HasPrefix(doc, []byte(ByteOrderMark)) {
		r.mark = len(ByteOrderMark)
	}
	line, column := r.place()
	if !r.value() {
		return nil, false
	}
	if r.space(); r.pos < len(doc) {
		return nil, false
	}
	return &yaml.Node{Kind: yaml.DocumentNode, Line: line, Column: column, Content: r.kids}, true
}

// jsonStart returns where a brace or bracket opens the document, behind white space and a "---" line, or -1.
func jsonStart(doc []byte) int {
	body := bytes.TrimPrefix(doc, []byte(ByteOrderMark))
	if kind, _ := MarkerAt(body, true); kind == StartMarker {
		line, rest, _ := bytes.Cut(body, []byte{'\n'})
		if !isPreamble(line[len("---"):]) {
			return -1
		}
		body = rest
	}
	body = bytes.TrimLeft(body, " \t\r\n")
	if len(body) == 0 || body[0] != '{' && body[0] != '[' {
		return -1
	}
	return len(doc) - len(body)
}

// place returns the line and the column, from 1 and in characters, of the current position.
func (r *jsonReader) place() (line, column int) {
	passed := r.doc[r.mark:r.pos]
	if i := bytes.LastIndexByte(passed, '\n'); i >= 0 {
		r.line += bytes.Count(passed, []byte{'\n'})
		r.column = 1
		passed = passed[i+1:]
	}
	r.column += utf8.RuneCount(passed)
	r.mark = r.pos
	return r.line, r.column
}

// node adds a new node that starts at the current position to the innermost open collection.
func (r *jsonReader) node(kind yaml.Kind, tag string, style yaml.Style) *yaml.Node {
	if r.checks {
		r.only = yaml.Node{Kind: kind, Tag: tag}
		return &r.only
	}
	if len(r.nodes) == cap(r.nodes) {
		r.nodes = make([]yaml.Node, 0, min(8+2*cap(r.nodes), 1024))
	}
	line, column := r.place()
	r.nodes = append(r.nodes, yaml.Node{Kind: kind, Tag: tag, Style: style, Line: line, Column: column})
	n := &r.nodes[len(r.nodes)-1]
	r.kids = append(r.kids, n)
	return n
}

func (r *jsonReader) space() {
	for r.pos < len(r.doc) && IsWhite(r.doc[r.pos]) {
		r.pos++
	}
}

// next returns the first byte after white space, or 0.
func (r *jsonReader) next() byte {
	if r.space(); r.pos < len(r.doc) {
		return r.doc[r.pos]
	}
	return 0
}

func (r *jsonReader) value() bool {
	switch c := r.next(); c {
	case '{':
		return r.collection(r.node(yaml.MappingNode, yaml.NodeTagMap, yaml.FlowStyle), '}', r.pair)
	case '[':
		return r.collection(r.node(yaml.SequenceNode, yaml.NodeTagSeq, yaml.FlowStyle), ']', r.value)
	case '"':
		return r.string()
	default:
		return r.literal()
	}
}

// collection reads the entries of n from its opening brace or bracket to the closing one.
func (r *jsonReader) collection(n *yaml.Node, closing byte, entry func() bool) bool {
	if r.depth++; r.depth > maxDepth {
		return false
	}
	if r.follows != nil && !r.follows.enter(n) {
		return false
	}
	first := len(r.kids)
	if !r.entries(closing, entry) {
		return false
	}
	if len(r.kids) > first {
		n.Content = append(make([]*yaml.Node, 0, len(r.kids)-first), r.kids[first:]...)
	}
	r.kids = r.kids[:first]
	r.depth--
	return r.follows == nil || r.follows.close()
}

// entries reads from an opening brace or bracket to the closing one.
func (r *jsonReader) entries(closing byte, entry func() bool) bool {
	r.pos++
	for entries := 0; r.next() != closing || entries > 0; entries++ {
		if !entry() {
			return false
		}
		if c := r.next(); c == closing {
			break
		} else if c != ',' {
			return false
		}
		r.pos++
	}
	r.pos++
	return true
}

// scalar ends a scalar with its value, which is what stands from start to end or, with escapes, what they stand for.
func (r *jsonReader) scalar(n *yaml.Node, start, end int, escapes bool) bool {
	ok := true
	switch {
	case escapes:
		n.Value, ok = unescapeJSON(string(r.doc[start:end]))
	case !r.checks:
		n.Value = r.text[start:end]
	case r.follows != nil:
		return r.follows.reads(n, r.doc[start:end])
	}
	if !ok || r.checks && r.follows == nil {
		return ok
	}
	if n.Tag == "" {
		n.Tag = n.ShortTag()
	}
	if r.follows == nil {
		return true
	}
	return r.follows.expect(n)
}

func (r *jsonReader) pair() bool {
	if r.next() != '"' || !r.string() || r.next() != ':' {
		return false
	}
	r.pos++
	return r.value()
}

// literal reads a number, true, false or null.
func (r *jsonReader) literal() bool {
	end := r.pos
	for end < len(r.doc) && (IsNameChar(r.doc[end]) || r.doc[end] == '+' || r.doc[end] == '.') {
		end++
	}
	start, tag := r.pos, ""
	switch text := r.doc[start:end]; string(text) {
	case "null":
		tag = yaml.NodeTagNull
	case "true", "false":
		tag = yaml.NodeTagBool
	default:
		if !IsJSONNumber(string(text)) {
			return false
		}
	}
	n := r.node(yaml.ScalarNode, tag, 0)
	r.pos = end
	return r.scalar(n, start, end, false)
}

// string reads a string in quotes.
func (r *jsonReader) string() bool {
	n := r.node(yaml.ScalarNode, yaml.NodeTagString, yaml.DoubleQuotedStyle)
	start := r.pos + 1
	escapes := false
	for i := start; i < len(r.doc); i++ {
		switch c := r.doc[i]; {
		case c == '"':
			r.pos = i + 1
			return r.scalar(n, start, i, escapes)
		case c == '\\':
			escapes = true
			i++
		case c < ' ':
			return false
		}
	}
	return false
}

// unescapeJSON resolves the escapes of a string. Half a surrogate pair stands for no character: it becomes the sign for
// that, as Kubernetes reads it.
func unescapeJSON(text string) (string, bool) {
	var out strings.Builder
	out.Grow(len(text))
	for {
		plain, rest, found := strings.Cut(text, `\`)
		out.WriteString(plain)
		if !found {
			return out.String(), true
		}
		if rest == "" {
			return "", false
		}
		text = rest[1:]
		if i := strings.IndexByte(`"\/bfnrt`, rest[0]); i >= 0 {
			out.WriteByte("\"\\/\b\f\n\r\t"[i])
			continue
		}
		c, after, ok := escaped(rest)
		if !ok {
			return "", false
		}
		out.WriteRune(c)
		text = after
	}
}

// escaped reads the character that an escape with digits stands for, the other half of a pair included.
func escaped(text string) (c rune, rest string, ok bool) {
	unit, ok := codeUnit(text)
	if !ok {
		return 0, "", false
	}
	rest = text[len("u0000"):]
	if !utf16.IsSurrogate(unit) {
		return unit, rest, true
	}
	if next, found := strings.CutPrefix(rest, `\`); found {
		second, _ := codeUnit(next)
		if c := utf16.DecodeRune(unit, second); c != utf8.RuneError {
			return c, next[len("u0000"):], true
		}
	}
	return utf8.RuneError, rest, true
}

// codeUnit reads the u and the four digits of an escape.
func codeUnit(text string) (unit rune, ok bool) {
	if len(text) < len("u0000") || text[0] != 'u' {
		return 0, false
	}
	for _, c := range []byte(text[1:len("u0000")]) {
		digit := strings.IndexByte("0123456789abcdef", c|0x20)
		if digit < 0 || c < '0' {
			return 0, false
		}
		unit = unit<<4 | rune(digit)
	}
	return unit, true
}
