// SPDX-License-Identifier: Apache-2.0

package yamltext

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Parse is parse, by way of the builder where that is able to.
func (s *Scanner) Parse(doc []byte) (*yaml.Node, error) {
	if root, ok := s.build(doc); ok {
		return root, nil
	}
	return Parse(doc)
}

// builder makes the tree of a document while the scanner goes through it: the same tree as the library's, except for
// comments. It takes a fraction of the library's time.
type builder struct {
	doc   []byte
	text  string // of doc; the values of nodes are parts of it
	root  *yaml.Node
	stack []unclosed
	kids  []*yaml.Node // of the open collections, outermost first
	nodes slab[yaml.Node]
	lists slab[*yaml.Node] // their contents

	nullLine, nullColumn int // of the null that a key or dash has if nothing follows

	openPlain
	comparing
	columnCount
}

// openPlain is a plain scalar that may go on in the next line.
type openPlain struct {
	last     *yaml.Node
	lastLine int
	more     []byte // its text, once it went on
}

// comparing is what a builder knows that makes no tree.
type comparing struct {
	follows *follower // the tree that there has to be; nil where one is made
	only    yaml.Node // what every node is then
	waits   bool      // only is a scalar that is not compared yet: it may go on
	differs bool
}

// columnCount is the last place in a line of which the column was asked for. Places are asked for from left to right.
type columnCount struct {
	counted []byte
	columns int
}

// Reuse says that nothing reads the trees any more that s has made: the next ones take their room.
func (s *Scanner) Reuse() {
	s.builder.nodes.reuse()
	s.builder.lists.reuse()
}

// unclosed is an open collection with the place of its first child in builder.kids.
type unclosed struct {
	node  *yaml.Node
	first int
}

// build returns the document node of doc, or nil where doc is empty. It is false where the scanner is not certain, or
// the document uses more than the builder knows; then parse decides.
func (s *Scanner) build(doc []byte) (root *yaml.Node, ok bool) {
	body := bytes.TrimPrefix(doc, []byte(ByteOrderMark))
	b := &s.builder
	b.doc = body
	if b.follows == nil {
		b.text, b.kids = string(body), make([]*yaml.Node, 0, 64)
	}
	s.tree = b
	defer func() {
		s.tree = nil
		*b = builder{stack: b.stack[:0], nodes: b.nodes, lists: b.lists} // what is the document's own goes with it
	}()
	if _, ok := s.Scan(body); !ok {
		return nil, false
	}
	b.settle()
	if b.follows != nil {
		return nil, !b.differs && b.follows.close()
	}
	if b.root == nil || len(b.kids) == 0 {
		return nil, true
	}
	b.root.Content = b.list(b.kids[:1])
	return b.root, true
}

// node returns a new node.
func (b *builder) node(kind yaml.Kind, line, column int) *yaml.Node {
	b.settle()
	if n := &b.only; b.follows != nil {
		n.Kind, n.Style, n.Tag, n.Value = kind, 0, "", "" // all that is compared
		return n
	}
	n := &b.nodes.take(1)[0]
	*n = yaml.Node{Kind: kind, Line: line, Column: column}
	return n
}

// add puts n into the innermost open collection.
func (b *builder) add(n *yaml.Node) {
	if b.follows != nil {
		b.waits = true
		return
	}
	b.kids = append(b.kids, n)
}

// list returns a copy of nodes that cannot grow into what is next to it.
func (b *builder) list(nodes []*yaml.Node) []*yaml.Node {
	list := b.lists.take(len(nodes))
	copy(list, nodes)
	return list
}

// string returns part, a part of the document, as a string: the one that there has to be, where it is that.
func (b *builder) string(part []byte) string {
	if b.follows != nil {
		b.settle()
		return b.follows.string(part)
	}
	start := cap(b.doc) - cap(part)
	return b.text[start : start+len(part)]
}

func (b *builder) start(line int) {
	b.root = b.node(yaml.DocumentNode, line, 1)
}

// open opens a block collection at an offset of a line, before which only ASCII stands.
func (b *builder) open(isMap bool, line, offset int) *yaml.Node {
	n := b.node(yaml.SequenceNode, line, offset+1)
	n.Tag = "!!seq"
	if isMap {
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
	}
	if b.follows != nil {
		b.differs = b.differs || !b.follows.enter(n)
		return n
	}
	b.add(n)
	b.stack = append(b.stack, unclosed{n, len(b.kids)})
	return n
}

func (b *builder) openFlow(l scanLines, text []byte) {
	b.open(text[0] == '{', l.number, b.column(l.line, len(l.line)-len(text))-1).Style = yaml.FlowStyle
}

// close leaves the innermost collection, whose last key or dash has no value where isNull is true.
func (b *builder) close(isNull bool) {
	if isNull {
		b.null()
	}
	if b.follows != nil {
		b.settle()
		b.differs = b.differs || !b.follows.close()
		return
	}
	top := b.stack[len(b.stack)-1]
	b.stack = b.stack[:len(b.stack)-1]
	if len(b.kids) > top.first {
		top.node.Content = b.list(b.kids[top.first:])
	}
	b.kids = b.kids[:top.first]
}

// next goes on to the next entry of the innermost collection. Its colon or dash ends at an offset of a line.
func (b *builder) next(isNull bool, line, offset int) {
	if isNull {
		b.null()
	}
	b.nullLine, b.nullColumn = line, offset+1
}

func (b *builder) null() {
	n := b.node(yaml.ScalarNode, b.nullLine, b.nullColumn)
	n.Tag = "!!null"
	b.add(n)
}

// column returns the column, from 1 and in characters, of an offset in a line.
func (b *builder) column(line []byte, offset int) int {
	if b.follows != nil {
		return 0 // places are not compared
	}
	from := 0
	if n := len(b.counted); n > 0 && n <= offset && &b.counted[0] == &line[0] {
		from = n
	} else {
		b.columns = 0
	}
	b.columns += utf8.RuneCount(line[from:offset])
	b.counted = line[:offset]
	return 1 + b.columns
}

// key adds a key that starts at an offset of the current line.
func (b *builder) key(line []byte, offset int, key []byte) {
	n := b.node(yaml.ScalarNode, b.nullLine, b.column(line, offset))
	n.Value = b.string(key)
	n.Style = quoteStyle(line[offset])
	n.Tag = tagOf(n)
	// In braces, where each key has its value, it is that of a key further left, and known.
	if after := b.nullColumn - 1; after > offset {
		b.nullColumn = b.column(line, after)
	}
	b.add(n)
}

func quoteStyle(c byte) yaml.Style {
	switch c {
	case '"':
		return yaml.DoubleQuotedStyle
	case '\'':
		return yaml.SingleQuotedStyle
	}
	return 0
}

// scalar adds a scalar that starts where rest, the end of the current line, does.
func (b *builder) scalar(l scanLines, rest []byte, value string, style yaml.Style) *yaml.Node {
	n := b.node(yaml.ScalarNode, l.number, b.column(l.line, len(l.line)-len(rest)))
	n.Value, n.Style = value, style
	n.Tag = tagOf(n)
	b.add(n)
	return n
}

// tagOf returns the tag of a scalar without one.
func tagOf(n *yaml.Node) string {
	if n.Style != 0 {
		return yaml.NodeTagString
	}
	return PlainTag(n.Value)
}

// PlainTag returns the tag that a plain scalar with this text has. The library, which finds out by trying one reading after
// the other, is asked only where it is neither a word, nor a number of digits alone, nor one with a unit.
func PlainTag(value string) string {
	const surelyInt = len("999999999999999999") // fits 64 bits
	switch first, digits := initial(value), leadingDigits(value); {
	case first == '/', IsLetter(first) && !IsTypedWord(value):
		return yaml.NodeTagString
	case first < '1' || first > '9':
	case digits == len(value) && digits <= surelyInt:
		return yaml.NodeTagInt
	case digits < len(value) && areLetters(value[digits:]):
		return yaml.NodeTagString
	}
	n := yaml.Node{Kind: yaml.ScalarNode, Value: value}
	return n.ShortTag()
}

// leadingDigits counts the digits that a text begins with.
func leadingDigits(text string) int {
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return n
}

// areLetters tells whether a text has letters of ASCII alone.
func areLetters(text string) bool {
	for i := range len(text) {
		if !IsLetter(text[i]) {
			return false
		}
	}
	return true
}

// initial is the first byte of a text, or 0.
func initial(text string) byte {
	if text == "" {
		return 0
	}
	return text[0]
}

func (b *builder) plain(l scanLines, rest, text []byte) bool {
	if string(text) == "<<" {
		return false
	}
	b.last, b.lastLine = b.scalar(l, rest, b.string(text), 0), l.number
	return true
}

// extend goes on with a plain scalar on a later line.
func (b *builder) extend(text []byte, line int) {
	glue := " "
	if breaks := line - b.lastLine; breaks > 1 {
		glue = strings.Repeat("\n", breaks-1)
	}
	if len(b.more) == 0 {
		b.more = append(b.more, b.last.Value...)
	}
	b.more = append(append(b.more, glue...), text...)
	b.lastLine = line
}

// settle ends the scalar before: it does not go on.
func (b *builder) settle() {
	if len(b.more) > 0 {
		b.last.Value, b.more = string(b.more), b.more[:0]
		b.last.Tag = ""
		b.last.Tag = b.last.ShortTag()
	}
	if b.waits {
		b.waits, b.differs = false, b.differs || !b.follows.expect(&b.only)
	}
}

// quoted adds a quoted scalar on one line, with its quotes.
func (b *builder) quoted(l scanLines, rest, text []byte) {
	inner := b.string(text[1 : len(text)-1])
	style := quoteStyle(text[0])
	if style == yaml.SingleQuotedStyle {
		inner = strings.ReplaceAll(inner, "''", "'")
	} else if strings.IndexByte(inner, '\\') >= 0 {
		inner = unescape(inner)
	}
	b.scalar(l, rest, inner, style)
}

// unescape resolves the escapes that the scanner lets pass.
func unescape(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\\' {
			i++
			switch c = text[i]; c {
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case 't':
				c = '\t'
			}
		}
		out.WriteByte(c)
	}
	return out.String()
}

// literal adds a literal block scalar whose header is rest on the current line and whose lines end at end. Folded ones
// are left to the library.
func (b *builder) literal(header scanLines, rest []byte, end int) bool {
	if rest[0] != '|' {
		return false
	}
	chomp := byte(' ')
	if len(rest) > 1 {
		chomp = rest[1]
	}
	value := literalValue(scanLines{doc: b.doc[:end], pos: header.pos}, chomp)
	b.scalar(header, rest, value, yaml.LiteralStyle)
	return true
}

// literalValue returns the value of a literal block scalar with the given lines, which the scanner has checked.
func literalValue(l scanLines, chomp byte) string {
	var out strings.Builder
	width, breaks, blank := -1, 0, 0
	for l.next() {
		isBlank := l.indent == len(l.line)
		if width < 0 && !isBlank {
			width = l.indent
		}
		if isBlank && (width < 0 || l.indent <= width) {
			if hasBreakAt(l) {
				blank++
			}
			continue
		}
		out.WriteString(strings.Repeat("\n", breaks+blank))
		out.Write(l.line[width:])
		breaks, blank = 0, 0
		if hasBreakAt(l) {
			breaks = 1
		}
	}
	if chomp != '-' {
		out.WriteString(strings.Repeat("\n", breaks))
	}
	if chomp == '+' {
		out.WriteString(strings.Repeat("\n", blank))
	}
	return out.String()
}

// hasBreakAt tells whether the current line ends with a line break.
func hasBreakAt(l scanLines) bool {
	return l.doc[l.pos-1] == '\n'
}
