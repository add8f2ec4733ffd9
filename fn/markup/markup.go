// SPDX-License-Identifier: Apache-2.0

// Package markup writes HTML pages that load nothing from anywhere, in one look, light and dark. It is the leaf below the
// page of a release and the matrix of an explanation.
package markup

import (
	"bytes"
	_ "embed" // the style
	"html"
)

//go:embed page.css
var style string

// Constant is text that a program wrote itself: tag and attribute names, style and script. A string from a log has
// another type, so it cannot become markup by mistake.
type Constant string

// Page writes HTML. Every text and every attribute's value is escaped on its way. It stands in for html/template,
// which calls methods by name: the linker then keeps every method, and the stripped binary is 31.8 MB in place of 25.9.
type Page struct {
	b bytes.Buffer

	columns []string // of the table that is being written, where its cells tell which they belong to
	column  int      // the next one
}

// Attribute is a name and a value that is escaped.
type Attribute struct {
	name  Constant
	value string
}

// Is makes an attribute.
func Is(name Constant, value string) Attribute { return Attribute{name, value} }

// Class is the attribute that style refers to.
func Class(names Constant) Attribute { return Attribute{"class", string(names)} }

// Open begins an element.
func (m *Page) Open(tag Constant, attributes ...Attribute) {
	m.b.WriteByte('<')
	m.b.WriteString(string(tag))
	for _, a := range attributes {
		m.b.WriteByte(' ')
		m.b.WriteString(string(a.name))
		m.b.WriteString(`="`)
		m.b.WriteString(html.EscapeString(a.value))
		m.b.WriteByte('"')
	}
	m.cell(tag)
	m.b.WriteByte('>')
}

// cell tells of a cell to which column it belongs.
func (m *Page) cell(tag Constant) {
	switch {
	case tag == "tr":
		m.column = 0
	case tag == "th" && m.columns != nil:
		m.column++
	case tag == "td" && m.column < len(m.columns):
		m.b.WriteString(` data-column="` + html.EscapeString(m.columns[m.column]) + `"`)
		m.column++
	}
}

// Close ends elements.
func (m *Page) Close(tags ...Constant) {
	for _, tag := range tags {
		m.b.WriteString("</" + string(tag) + ">")
	}
}

// Text writes a text.
func (m *Page) Text(s string) { m.b.WriteString(html.EscapeString(s)) }

// Element is an element that holds a text.
func (m *Page) Element(tag Constant, text string, attributes ...Attribute) {
	m.Open(tag, attributes...)
	m.Text(text)
	m.Close(tag)
}

// Verbatim writes what the program wrote itself.
func (m *Page) Verbatim(c Constant) { m.b.WriteString(string(c)) }

// Newline makes the source readable.
func (m *Page) Newline() { m.b.WriteByte('\n') }

// Bytes is what has been written so far.
func (m *Page) Bytes() []byte { return m.b.Bytes() }

// Add writes what another page has.
func (m *Page) Add(other *Page) { m.b.Write(other.b.Bytes()) }

// Head writes what comes before the body. policy is the page's Content-Security-Policy, more is style beyond that of all pages.
func (m *Page) Head(title, policy string, more Constant) {
	m.Verbatim("<!doctype html>\n")
	m.Open("html", Is("lang", "en"))
	m.Open("head")
	m.Newline()
	m.Open("meta", Is("charset", "utf-8"))
	m.Open("meta", Is("name", "viewport"), Is("content", "width=device-width, initial-scale=1"))
	m.Open("meta", Is("name", "color-scheme"), Is("content", "light dark"))
	m.Open("meta", Is("http-equiv", "Content-Security-Policy"), Is("content", policy))
	m.Open("meta", Is("name", "referrer"), Is("content", "no-referrer"))
	m.Open("link", Is("rel", "icon"), Is("href", "data:,"))
	m.Newline()
	m.Element("title", title)
	m.Verbatim("\n<style>\n" + Constant(style) + more + "</style>\n")
	m.Close("head")
	m.Newline()
}

// Table begins a table that scrolls for itself where it is wider than the screen.
func (m *Page) Table(name Constant, label string, columns ...string) {
	m.Open("div", Class("scroll"), Is("role", "region"), Is("aria-label", label), Is("tabindex", "0"))
	m.Open("table", Class(name), Is("aria-label", label))
	m.Open("thead")
	m.Open("tr")
	for _, c := range columns {
		m.Element("th", c, Is("scope", "col"))
	}
	m.Close("tr", "thead")
	m.Newline()
	m.Open("tbody")
}

// Stacked begins a table whose cells stand below each other on a narrow screen, each behind the name of its column.
func (m *Page) Stacked(name Constant, label string, columns ...string) {
	m.Table("stacked "+name, label, columns...)
	m.columns = columns
}

// EndTable ends a table.
func (m *Page) EndTable() {
	m.columns = nil
	m.Close("tbody", "table", "div")
	m.Newline()
}
