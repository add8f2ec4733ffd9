// SPDX-License-Identifier: Apache-2.0

package yamltext

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Document is one YAML document of a stream, with the bytes around it that belong to it: a preamble of comments,
// directives and blank lines, its "---" line, everything up to the next document. The documents of a stream,
// concatenated, are the stream, byte for byte.
type Document struct {
	Bytes []byte
	// Line is the line of the stream, from 1, on which Bytes starts.
	Line int
	// Index is the place of the document in its stream, from 0.
	Index int
}

// readSize is the least room that a read is given. Memory grows beyond it only with the largest document.
const readSize = 64 << 10

// maxDocument is far above what an API server takes for one object, and below what would fill a machine's memory.
const maxDocument = 128 << 20

// ByteOrderMark may begin a stream.
const ByteOrderMark = "\xef\xbb\xbf"

// Splitter cuts a stream into documents. It looks at line starts alone, which is what YAML itself does: "---" or "..."
// at the start of a line ends a document whatever comes before it, an open block scalar included. JSON objects that
// follow each other are documents too.
type Splitter struct {
	r   io.Reader
	buf []byte
	eof bool

	index, line int // of the document that starts at buf[0]

	opened bool // a "---" line of this document has been passed
	pos    int  // where the search goes on: a line start, or any byte when inLine
	inLine bool
	values values
}

// NewSplitter cuts what r holds.
func NewSplitter(r io.Reader) *Splitter {
	return &Splitter{r: r, line: 1}
}

// NewTextSplitter cuts text. The documents are parts of it.
func NewTextSplitter(text []byte) *Splitter {
	return &Splitter{buf: text, eof: true, line: 1}
}

// Read returns the next document, or io.EOF after the last one. The bytes stay as they are.
func (s *Splitter) Read() (Document, error) {
	for {
		if end, ok := s.boundary(); ok {
			return s.cut(end), nil
		}
		if s.eof {
			if len(s.buf) == 0 {
				return Document{}, io.EOF
			}
			return s.cut(len(s.buf)), nil
		}
		if err := s.fill(); err != nil {
			return Document{}, err
		}
	}
}

func (s *Splitter) cut(end int) Document {
	doc := Document{Bytes: s.buf[:end:end], Line: s.line, Index: s.index}
	s.buf = s.buf[end:]
	s.line += bytes.Count(doc.Bytes, []byte{'\n'})
	s.index++
	s.opened, s.pos, s.inLine, s.values = false, 0, false, values{}
	return doc
}

func (s *Splitter) fill() error {
	if len(s.buf) > maxDocument {
		return fmt.Errorf("the document that begins on line %d has more than %d MiB: cut it into several", s.line, maxDocument>>20)
	}
	if cap(s.buf)-len(s.buf) < readSize {
		// The array's front, documents that are cut already, is their readers' alone from here on.
		grown := make([]byte, len(s.buf), 2*len(s.buf)+2*readSize)
		copy(grown, s.buf)
		s.buf = grown
	}
	n, err := s.r.Read(s.buf[len(s.buf):cap(s.buf)])
	s.buf = s.buf[:len(s.buf)+n]
	if errors.Is(err, io.EOF) {
		s.eof = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading line %d: %w", s.line+bytes.Count(s.buf, []byte{'\n'}), err)
	}
	return nil
}

// boundary finds where the document that starts at buf[0] ends. It answers only what bytes still to be read cannot
// change.
func (s *Splitter) boundary() (int, bool) {
	if second, ok := s.values.next(s.buf); ok {
		return second, true
	}
	for s.pos < len(s.buf) {
		if s.inLine {
			if !s.nextLine() {
				return 0, false
			}
			continue
		}
		kind, sure := MarkerAt(s.buf[s.pos:], s.eof)
		if !sure {
			return 0, false
		}
		if kind == StartMarker {
			if s.pos > 0 && (s.opened || !isPreamble(s.buf[:s.pos])) {
				return s.pos, true
			}
			s.opened = true
		}
		if kind == endMarker {
			i := bytes.IndexByte(s.buf[s.pos:], '\n')
			return s.pos + i + 1, i >= 0
		}
		s.inLine = true
	}
	return 0, false
}

// nextLine moves to the next line start that could be a marker, and reports whether there is one in the buffer.
func (s *Splitter) nextLine() bool {
	for {
		i := bytes.IndexByte(s.buf[s.pos:], '\n')
		if i < 0 {
			s.pos = len(s.buf)
			return false
		}
		s.pos += i + 1
		if s.pos == len(s.buf) || mayBeMarker(s.buf[s.pos]) {
			s.inLine = false
			return true
		}
	}
}

func mayBeMarker(c byte) bool {
	return c == '-' || c == '.' || c == ByteOrderMark[0]
}

type marker int

// The markers of YAML. StartMarker begins a document.
const (
	noMarker marker = iota
	StartMarker
	endMarker
)

// MarkerAt tells whether a line starts with "---" or "...", followed by white space or the end of the line. It is not
// sure when the line's decisive bytes are not read yet.
func MarkerAt(line []byte, eof bool) (kind marker, sure bool) {
	sure = true
	if !eof && len(line) < len(ByteOrderMark)+4 {
		sure = len(line) > 0 && !mayBeMarker(line[0])
	}
	line = bytes.TrimPrefix(line, []byte(ByteOrderMark))
	if len(line) < 3 || len(line) > 3 && !IsWhite(line[3]) {
		return noMarker, sure
	}
	switch string(line[:3]) {
	case "---":
		return StartMarker, sure
	case "...":
		return endMarker, sure
	}
	return noMarker, sure
}

// isPreamble tells whether text holds only what may stand before a document's "---": comments, directives, blank
// lines and a byte order mark.
func isPreamble(text []byte) bool {
	for line := range bytes.Lines(bytes.TrimPrefix(text, []byte(ByteOrderMark))) {
		rest := bytes.TrimSpace(line)
		if len(rest) > 0 && rest[0] != '#' && line[0] != '%' {
			return false
		}
	}
	return true
}
