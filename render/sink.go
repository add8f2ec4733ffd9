// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render/yamltext"
	"github.com/slipway-dev/slipway/render/yamltext/splice"
)

// Discard is a sink that shows nothing: for explain, lint and check.
type Discard struct{}

// Document does nothing.
func (Discard) Document(*Document) error { return nil }

// Commit does nothing.
func (Discard) Commit() error { return nil }

// Stream is a sink that writes one YAML stream when all documents are known to be right.
type Stream struct {
	to      io.Writer
	kept    buffer
	last    byte   // last byte written
	open    []byte // the last document, where it ends without a line break: it is written when it is known what follows
	cut     bool   // a document between the last one written and the next was left out
	values  int    // JSON values at the end, one after the other without a marker
	started bool
}

// NewStream returns a sink that writes to w.
func NewStream(w io.Writer) *Stream { return &Stream{to: w} }

// Document appends a document. Where two documents come to stand side by side that did not before, because they are of
// two inputs or because what stood between them left, it puts the marker that keeps them apart.
func (s *Stream) Document(d *Document) error {
	if d.Leaves {
		s.cut = true
		return nil
	}
	text := d.Text
	value := isValue(text)
	if s.started && (s.cut || d.First || d.Added) {
		text = bytes.TrimPrefix(text, []byte(yamltext.ByteOrderMark))
		between := separator(text, s.last)
		if value && (s.values > 1 || s.values == 1 && !d.First) {
			// Readers of a stream of JSON values take no marker in it.
			between = bytes.TrimSuffix(between, []byte("---"+lineEnd(text)))
		}
		if err := s.write(between); err != nil {
			return err
		}
	}
	if s.values++; !value {
		s.values = 0
	}
	s.started, s.cut = true, d.Added
	return s.write(text)
}

// close writes the document that was kept because it ends without a line break.
func (s *Stream) close(open []byte) error {
	s.open = nil
	return s.kept.add(open)
}

// isValue tells whether a document is a JSON object without a marker of its own.
func isValue(text []byte) bool {
	return bytes.HasPrefix(firstLine(text), []byte("{")) && yamltext.IsJSON(text)
}

// separator is what a document needs before it after another one that ended in the byte last: nothing where it opens
// with a marker of its own, and the end marker where it opens with a directive.
func separator(next []byte, last byte) []byte {
	newline := lineEnd(next)
	sep := ""
	if last != '\n' {
		sep = newline
	}
	switch opening := firstLine(next); {
	case bytes.HasPrefix(opening, []byte("%")):
		sep += "..." + newline
	case len(opening) > 0 && !bytes.HasPrefix(opening, []byte("---")):
		sep += "---" + newline
	}
	return []byte(sep)
}

// lineEnd is how a text ends its first line.
func lineEnd(text []byte) string {
	if line, _, found := bytes.Cut(text, []byte("\n")); found && bytes.HasSuffix(line, []byte("\r")) {
		return "\r\n"
	}
	return "\n"
}

// firstLine is a document's first line that is neither blank nor a comment; empty if there is none.
func firstLine(text []byte) []byte {
	for line := range bytes.Lines(text) {
		if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 && trimmed[0] != '#' {
			return line
		}
	}
	return nil
}

func (s *Stream) write(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	if s.open != nil {
		if err := s.close(splice.Closed(s.open)); err != nil {
			return err
		}
	}
	if s.last = text[len(text)-1]; s.last != '\n' {
		s.open = text
		return nil
	}
	return s.kept.add(text)
}

// Commit writes the stream.
func (s *Stream) Commit() error {
	if err := s.close(s.open); err != nil {
		return err
	}
	if err := s.kept.writeTo(s.to); err != nil {
		return fmt.Errorf("writing the manifests: %w", Cause(err))
	}
	return s.kept.close()
}

// Cause takes an error of a system call out of Go's wrapping of it.
func Cause(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}

// Diff is a sink that writes a unified diff of every input that changed.
type Diff struct {
	to       io.Writer
	kept     bytes.Buffer
	input    string
	cut      bool // the last document was added
	old, now bytes.Buffer
}

// NewDiff returns a sink that writes to w.
func NewDiff(w io.Writer) *Diff { return &Diff{to: w} }

// Document takes both texts of a document.
func (s *Diff) Document(d *Document) error {
	if d.First {
		s.flush()
	}
	s.input = d.Input
	s.old.Write(d.Original)
	if n := s.now.Len(); n > 0 && (d.Added || s.cut) {
		s.now.Write(separator(d.Text, s.now.Bytes()[n-1]))
	}
	s.cut = d.Added
	s.now.Write(d.Text)
	return nil
}

func (s *Diff) flush() {
	name := manifest.Printable(strings.TrimPrefix(filepath.ToSlash(s.input), "/"))
	s.kept.Write(diff.Diff("a/"+name, s.old.Bytes(), "b/"+name, s.now.Bytes()))
	s.old.Reset()
	s.now.Reset()
}

// Commit writes the diff.
func (s *Diff) Commit() error {
	s.flush()
	if _, err := s.kept.WriteTo(s.to); err != nil {
		return fmt.Errorf("writing the diff: %w", Cause(err))
	}
	return nil
}
