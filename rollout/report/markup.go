// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"html"
)

// constant is text that this package wrote itself: tag and attribute names, style and script. A string from a log has
// another type, so it cannot become markup by mistake.
type constant string

// markup writes HTML. Every text and every attribute's value is escaped on its way. It stands in for html/template,
// which calls methods by name: the linker then keeps every method, and the stripped binary is 31.8 MB in place of 25.9.
type markup struct {
	b bytes.Buffer
}

// attribute is a name and a value that is escaped.
type attribute struct {
	name  constant
	value string
}

// is makes an attribute.
func is(name constant, value string) attribute { return attribute{name, value} }

// class is the attribute that style refers to.
func class(names constant) attribute { return attribute{"class", string(names)} }

func (m *markup) open(tag constant, attributes ...attribute) {
	m.b.WriteByte('<')
	m.b.WriteString(string(tag))
	for _, a := range attributes {
		m.b.WriteByte(' ')
		m.b.WriteString(string(a.name))
		m.b.WriteString(`="`)
		m.b.WriteString(html.EscapeString(a.value))
		m.b.WriteByte('"')
	}
	m.b.WriteByte('>')
}

func (m *markup) close(tags ...constant) {
	for _, tag := range tags {
		m.b.WriteString("</" + string(tag) + ">")
	}
}

func (m *markup) text(s string) { m.b.WriteString(html.EscapeString(s)) }

// element is an element that holds a text.
func (m *markup) element(tag constant, text string, attributes ...attribute) {
	m.open(tag, attributes...)
	m.text(text)
	m.close(tag)
}

// verbatim writes what this package wrote itself.
func (m *markup) verbatim(c constant) { m.b.WriteString(string(c)) }

func (m *markup) newline() { m.b.WriteByte('\n') }
