// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Dir is a sink that writes one file for each object into a folder, under names that depend on the object alone.
// Files that an earlier run wrote and this one does not are removed; no other file is, and none is written over.
type Dir struct {
	path  string
	check bool
	names []string
	texts map[string][]byte
	holds map[string]manifest.ObjectRef
	count map[string]int // of objects without a name of their own, by what their files are called
	// Differs lists, after Commit, the files that were written, or would have been.
	Differs []string
	// Resumed names, after Commit, the folder if an earlier run was killed in it.
	Resumed []string
}

// NewDir returns a sink that writes into the folder path, which is made if it is not there. With check it writes
// nothing and only finds out what it would.
func NewDir(path string, check bool) *Dir {
	return &Dir{
		path: path, check: check, texts: map[string][]byte{}, holds: map[string]manifest.ObjectRef{},
		count: map[string]int{},
	}
}

// Document takes one object. Two objects of one name are an error: one would overwrite the other. Those that the API server
// gives their names are numbered.
func (s *Dir) Document(d *Document) error {
	if d.Leaves || d.Object.Kind == "" && len(bytes.TrimSpace(withoutComments(d.Text))) == 0 {
		return nil
	}
	if field, wrong := checkNames(d.Object, d.generated); wrong != "" {
		return fmt.Errorf("%s: %s: %s (no file was changed)", d.where(), field, wrong)
	}
	name := fileName(d.Object)
	if d.Object.Name == "" || d.generated {
		name = s.numbered(name)
	}
	if other, taken := s.holds[name]; taken {
		return fmt.Errorf("%s: the objects %s and %s would both be the file %s (rename one, or render them into two folders)",
			d.where(), other, d.Object, s.inFolder(name))
	}
	s.names = append(s.names, name)
	s.holds[name] = d.Object
	s.texts[name] = withoutMarker(d.Text)
	return nil
}

// numbered is a name of its own for an object that has none: the first, second, ... of its kind.
func (s *Dir) numbered(name string) string {
	base := strings.TrimRight(strings.TrimSuffix(name, ".yaml"), "-")
	for {
		s.count[base]++
		name = base + "_" + strconv.Itoa(s.count[base]) + ".yaml"
		if _, taken := s.holds[name]; !taken {
			return name
		}
	}
}

// withoutMarker is a document without the "---" that it opens with, which a file of its own does not need.
func withoutMarker(text []byte) []byte {
	for _, marker := range []string{"---\n", "---\r\n"} {
		if rest, ok := bytes.CutPrefix(text, []byte(marker)); ok {
			return rest
		}
	}
	return text
}

func withoutComments(text []byte) []byte {
	var out []byte
	for line := range bytes.Lines(text) {
		trimmed := bytes.TrimSpace(line)
		if len(trimmed) > 0 && trimmed[0] != '#' && !bytes.HasPrefix(trimmed, []byte("---")) {
			out = append(out, trimmed...)
		}
	}
	return out
}

// inFolder is a file of the folder as messages name it.
func (s *Dir) inFolder(name string) string { return filepath.Join(s.path, filepath.FromSlash(name)) }

// Commit writes the files, the changed ones only, and removes those of an earlier run that are gone. Every file is
// written beside its place first, and all are moved there only when that went well.
func (s *Dir) Commit() error {
	slices.Sort(s.names)
	if s.check {
		return s.compareOnly()
	}
	if err := os.MkdirAll(s.path, 0o777); err != nil {
		return fmt.Errorf("writing into %s: %w", s.path, Cause(err))
	}
	f, err := openFolder(s.path)
	if err != nil {
		return fmt.Errorf("writing into %s: %w (no file was changed)", s.path, err)
	}
	if f.left > 0 {
		s.Resumed = []string{s.path}
	}
	return errors.Join(s.commit(f), f.close())
}

// compareOnly finds out what Commit would change.
func (s *Dir) compareOnly() error {
	root, err := os.OpenRoot(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		s.differ(s.names)
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", s.path, Cause(err))
	}
	_, err = s.compare(root)
	return errors.Join(err, root.Close())
}

// work is what a folder lacks.
type work struct {
	owned   []string // written by earlier runs, by writtenFile, sorted
	kept    []string // of this run and in writtenFile after it
	changed []string // to be written
	stale   []string // to be removed
}

// compare holds the folder against what this run renders. A file of somebody else is left alone: one that says the same is no
// difference, any other is an error.
func (s *Dir) compare(root *os.Root) (w work, err error) {
	if w.owned, err = readWritten(root); err != nil {
		return w, fmt.Errorf("reading %s: %w", s.inFolder(writtenFile), Cause(err))
	}
	for _, name := range s.names {
		now, err := readRegular(root, name)
		same := err == nil && bytes.Equal(now, s.texts[name])
		switch _, owned := slices.BinarySearch(w.owned, name); {
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return w, fmt.Errorf("writing %s: %w (no file was changed)", s.inFolder(name), Cause(err))
		case err == nil && !owned && same:
			continue
		case err == nil && !owned:
			return w, s.foreign(name)
		case !same:
			w.changed = append(w.changed, name)
		}
		w.kept = append(w.kept, name)
	}
	w.stale = slices.DeleteFunc(slices.Clone(w.owned), func(name string) bool { return s.texts[name] != nil })
	s.differ(slices.Concat(w.changed, w.stale))
	return w, nil
}

func (s *Dir) foreign(name string) error {
	return fmt.Errorf("%s is there, and slipway has not written it, for %s does not list it: move it away, or render into "+
		"another folder (no file was changed)", s.inFolder(name), s.inFolder(writtenFile))
}

func (s *Dir) differ(names []string) {
	for _, name := range names {
		s.Differs = append(s.Differs, s.inFolder(name))
	}
	slices.Sort(s.Differs)
	s.Differs = slices.Compact(s.Differs)
}

func (s *Dir) commit(f *folder) error {
	w, err := s.compare(f.root)
	if err != nil {
		return err
	}
	if err := s.write(f, w); err != nil {
		return err
	}
	if err := s.removeStale(f.root, w.stale); err != nil {
		return err
	}
	if err := s.note(f, w.kept); err != nil {
		return err
	}
	return f.sync(slices.Concat(w.changed, w.stale))
}

// write writes the changed files. The list of them comes first, with the files of this run and those of earlier ones: what a
// run that breaks off leaves behind is known to the next.
func (s *Dir) write(f *folder, w work) (err error) {
	temps := map[string]string{}
	for _, name := range w.changed {
		if err := f.root.MkdirAll(path.Dir(name), 0o777); err != nil {
			return fmt.Errorf("writing %s: %w (no file was changed)", s.inFolder(name), Cause(err))
		}
		if temps[name], err = f.stage(name, s.texts[name]); err != nil {
			return fmt.Errorf("writing %s: %w (no file was changed)", s.inFolder(name), err)
		}
	}
	if err := s.note(f, slices.Concat(w.kept, w.owned)); err != nil {
		return err
	}
	for i, name := range w.changed {
		if err := f.move(temps[name], name); err != nil {
			return fmt.Errorf("writing %s: %w (%d of %d files are written)", s.inFolder(name), err, i, len(w.changed))
		}
	}
	return nil
}

// note writes that list, through to the disk before the files that it lists are.
func (s *Dir) note(f *folder, names []string) error {
	text, err := textOf(names)
	if err != nil {
		return err
	}
	if now, err := readRegular(f.root, writtenFile); err == nil && bytes.Equal(now, text) {
		return nil
	}
	temp, err := f.stage(writtenFile, text)
	if err == nil {
		err = f.move(temp, writtenFile)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", s.inFolder(writtenFile), err)
	}
	return f.sync(nil)
}

// removeStale removes what earlier runs wrote and this one did not.
func (s *Dir) removeStale(root *os.Root, stale []string) error {
	for _, name := range stale {
		info, err := root.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
			continue // gone, or somebody's folder in its place
		}
		if err == nil {
			err = root.Remove(name)
		}
		if err != nil {
			return fmt.Errorf("removing %s, which is no longer rendered: %w", s.inFolder(name), Cause(err))
		}
	}
	return nil
}
