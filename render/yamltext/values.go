// SPDX-License-Identifier: Apache-2.0

package yamltext

import (
	"bytes"
	"encoding/json"
)

// values finds where JSON objects of a stream follow each other without a marker, as kubectl takes them. It goes through
// the bytes of a document once, however they arrive.
type values struct {
	off    bool // the document is no JSON object that another one follows
	start  int  // of the object, once depth is not 0
	pos    int  // where the search goes on
	depth  int
	quoted bool
	closed bool
}

// next returns where the second of two objects that buf holds starts. It answers only what bytes still to be read cannot
// change.
func (v *values) next(buf []byte) (second int, ok bool) {
	if v.off {
		return 0, false
	}
	if v.depth == 0 && !v.closed {
		if !v.opens(buf) {
			return 0, false
		}
		v.start = v.pos
	}
	if !v.closed && !v.closes(buf) || !v.opens(buf) {
		return 0, false
	}
	// Braces that match are no proof: only what JSON readers take is cut.
	v.off = !json.Valid(buf[v.start:v.pos])
	return v.pos, !v.off
}

// opens tells whether an object opens behind white space. What else stands there ends the search.
func (v *values) opens(buf []byte) bool {
	if v.pos == 0 && bytes.HasPrefix([]byte(ByteOrderMark), buf[:min(len(buf), len(ByteOrderMark)-1)]) {
		if len(buf) < len(ByteOrderMark) {
			return false
		}
		v.pos = len(buf) - len(bytes.TrimPrefix(buf, []byte(ByteOrderMark)))
	}
	for v.pos < len(buf) && IsWhite(buf[v.pos]) {
		v.pos++
	}
	if v.pos == len(buf) {
		return false
	}
	v.off = buf[v.pos] != '{'
	return !v.off
}

// closes goes on to the end of the object.
func (v *values) closes(buf []byte) bool {
	for v.pos < len(buf) {
		c := buf[v.pos]
		switch {
		case c == '\\' && v.quoted:
			if v.pos+1 == len(buf) {
				return false
			}
			v.pos++
		case c == '"':
			v.quoted = !v.quoted
		case v.quoted:
		case c == '{':
			v.depth++
		case c == '}':
			v.depth--
		}
		if v.pos++; v.depth == 0 {
			v.closed = true
			return true
		}
	}
	return false
}
