// SPDX-License-Identifier: Apache-2.0

package yamltext

import (
	"bytes"
	"unicode/utf8"
)

// Span is where a part of a text starts and ends.
type Span struct{ Start, End int }

// Items returns where the elements of the list "items" of the object in doc stand: those of JSON as values, those of block style
// as lines. It is nil where doc has no such list, or the scanner is not certain.
func (s *Scanner) Items(doc []byte) []Span {
	if start := jsonStart(doc); start >= 0 {
		return jsonItems(doc, start)
	}
	l := &itemList{}
	s.items = l
	_, certain := s.Scan(doc)
	s.items = nil
	if !certain || len(l.items) == 0 || l.lists > 1 {
		return nil
	}
	mark := len(doc) - len(bytes.TrimPrefix(doc, []byte(ByteOrderMark)))
	for i := range l.items {
		item := &l.items[i]
		item.Start += mark
		if i > 0 {
			l.items[i-1].End = item.Start
		}
	}
	l.items[len(l.items)-1].End = len(doc)
	if l.end > 0 {
		l.items[len(l.items)-1].End = l.end + mark
	}
	return l.items
}

// itemList is the list "items" of the top level, as a scanner finds it.
type itemList struct {
	within bool // the value of the key is being read
	lists  int  // how often the key came
	items  []Span
	end    int // where the line after the list starts, 0 where it is the last of the document
}

// start is where the current line starts in the document.
func (l *scanLines) start() int { return cap(l.doc) - cap(l.line) }

// key notes a key of the top level.
func (l *itemList) key(key []byte) {
	if l.within = string(key) == "items"; l.within {
		l.lists++
	}
}

func jsonItems(doc []byte, start int) (items []Span) {
	r := &jsonReader{checks: true, doc: doc, pos: start}
	ok := utf8.Valid(doc[start:]) && r.next() == '{' && r.entries('}', func() bool {
		from := r.pos
		if r.next() != '"' || !r.string() {
			return false
		}
		isItems := string(bytes.TrimSpace(doc[from:r.pos])) == `"items"`
		if r.next() != ':' {
			return false
		}
		r.pos++
		if !isItems || r.next() != '[' {
			return !isItems && r.value()
		}
		return items == nil && r.entries(']', func() bool {
			r.space()
			from := r.pos
			if !r.value() {
				return false
			}
			items = append(items, Span{from, r.pos})
			return true
		})
	})
	if r.space(); !ok || r.pos < len(doc) {
		return nil
	}
	return items
}
