// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/slipway-dev/slipway/render/yamltext"
	"github.com/slipway-dev/slipway/rollout/manifests"
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
	kept    spool
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
	_, err := s.kept.Write(open)
	return err
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
		if err := s.close(yamltext.Closed(s.open)); err != nil {
			return err
		}
	}
	if s.last = text[len(text)-1]; s.last != '\n' {
		s.open = bytes.Clone(text)
		return nil
	}
	_, err := s.kept.Write(text)
	return err
}

// Commit writes the stream.
func (s *Stream) Commit() error {
	if err := s.close(s.open); err != nil {
		return err
	}
	if _, err := io.Copy(s.to, s.kept.reader()); err != nil {
		return fmt.Errorf("writing the manifests: %w", cause(err))
	}
	return s.kept.close()
}

// InPlace is a sink that rewrites the files that changed, and writes what was generated into files of its own.
type InPlace struct {
	files []*rewrite
	added map[string]*bytes.Buffer // by path, what was generated and had no place
}

// rewrite is one file on its way to disk.
type rewrite struct {
	path    string
	text    bytes.Buffer
	changed bool
	isNew   bool
	temp    string
}

// Document takes a document of a file; one of a stream that is no file is an error.
func (p *InPlace) Document(d *Document) error {
	if d.Path == "" {
		return fmt.Errorf("%s cannot be changed in place: it is not a file (name files or folders)", d.Input)
	}
	if d.Added {
		p.add(d)
		return nil
	}
	if d.First {
		p.drop()
		p.files = append(p.files, &rewrite{path: d.Path})
	}
	f := p.files[len(p.files)-1]
	f.text.Write(d.Text)
	f.changed = f.changed || d.changed
	return nil
}

// add keeps an object for the file that its path names.
func (p *InPlace) add(d *Document) {
	if p.added == nil {
		p.added = map[string]*bytes.Buffer{}
	}
	if p.added[d.Path] == nil {
		p.added[d.Path] = &bytes.Buffer{}
	}
	appendDocument(p.added[d.Path], d.Text)
}

// appendDocument puts a document after what is in a file.
func appendDocument(file *bytes.Buffer, text []byte) {
	if n := file.Len(); n > 0 {
		file.Write(separator(text, file.Bytes()[n-1]))
	}
	file.Write(text)
}

// place puts what was generated into the files that it goes to: at the end of one that is among the inputs, else into a
// new one.
func (p *InPlace) place() error {
	for _, path := range slices.Sorted(maps.Keys(p.added)) {
		i := slices.IndexFunc(p.files, func(f *rewrite) bool { return f.path == path })
		if i < 0 {
			now, err := os.ReadFile(path)
			switch {
			case err == nil && !bytes.Contains(now, []byte(manifests.GeneratedBy)):
				return fmt.Errorf("%s is there, and slipway has not generated it: rename it, for the release of the plan goes there (no file was changed)", path)
			case err != nil && !errors.Is(err, fs.ErrNotExist):
				return fmt.Errorf("reading %s: %w", path, cause(err))
			}
			f := &rewrite{path: path, changed: true, isNew: err != nil}
			f.text.Write(now)
			p.files, i = append(p.files, f), len(p.files)
		}
		appendDocument(&p.files[i].text, p.added[path].Bytes())
	}
	return nil
}

// drop forgets the last file where it did not change.
func (p *InPlace) drop() {
	if n := len(p.files); n > 0 && !p.files[n-1].changed {
		p.files = p.files[:n-1]
	}
}

// Commit writes every changed file beside its place first, and moves them there only when all could be written.
func (p *InPlace) Commit() error {
	p.drop()
	if err := p.place(); err != nil {
		return err
	}
	defer func() {
		for _, f := range p.files {
			if f.temp != "" {
				_ = os.Remove(f.temp)
			}
		}
	}()
	for _, f := range p.files {
		if err := f.stage(); err != nil {
			return fmt.Errorf("writing %s: %w (no file was changed)", f.path, err)
		}
	}
	for i, f := range p.files {
		if err := os.Rename(f.temp, f.path); err != nil {
			return fmt.Errorf("writing %s: %w (%d of %d files are written)", f.path, err, i, len(p.files))
		}
		f.temp = ""
	}
	return nil
}

// stage writes a file's new content beside it, with its permissions.
func (f *rewrite) stage() (err error) {
	if f.isNew {
		f.temp, err = writeTemp(filepath.Dir(f.path), f.text.Bytes(), 0o644)
		return err
	}
	path, err := filepath.EvalSymlinks(f.path)
	if err != nil {
		return cause(err)
	}
	f.path = path
	info, err := os.Stat(path)
	if err != nil {
		return cause(err)
	}
	f.temp, err = writeTemp(filepath.Dir(path), f.text.Bytes(), info.Mode().Perm())
	return err
}

// writeTemp writes a file under a name of its own, through to the disk.
func writeTemp(dir string, text []byte, mode fs.FileMode) (name string, err error) {
	t, err := os.CreateTemp(dir, ".slipway-*")
	if err != nil {
		return "", cause(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(t.Name()))
		}
	}()
	if _, err = t.Write(text); err == nil {
		err = t.Chmod(mode)
	}
	if err == nil {
		err = t.Sync()
	}
	if err = errors.Join(err, t.Close()); err != nil {
		return "", cause(err)
	}
	return t.Name(), nil
}

// cause takes an error of a system call out of Go's wrapping of it.
func cause(err error) error {
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
	name := strings.TrimPrefix(filepath.ToSlash(s.input), "/")
	s.kept.Write(diff.Diff("a/"+name, s.old.Bytes(), "b/"+name, s.now.Bytes()))
	s.old.Reset()
	s.now.Reset()
}

// Commit writes the diff.
func (s *Diff) Commit() error {
	s.flush()
	if _, err := s.kept.WriteTo(s.to); err != nil {
		return fmt.Errorf("writing the diff: %w", cause(err))
	}
	return nil
}
