// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// ledger is the file in which an output folder remembers what slipway wrote there.
const ledger = ".slipway-files"

// Dir is a sink that writes one file for each object into a folder, under names that depend on the object alone.
// Files that an earlier run wrote and this one does not are removed; no other file is.
type Dir struct {
	path  string
	check bool
	names []string
	texts map[string][]byte
	holds map[string]manifest.ObjectRef
	// Differs lists, after Commit, the files that were written, or would have been.
	Differs []string
}

// NewDir returns a sink that writes into the folder path, which is made if it is not there. With check it writes
// nothing and only finds out what it would.
func NewDir(path string, check bool) *Dir {
	return &Dir{path: path, check: check, texts: map[string][]byte{}, holds: map[string]manifest.ObjectRef{}}
}

// Document takes one object. Two objects of one name are an error: one would overwrite the other.
func (s *Dir) Document(d *Document) error {
	if d.Leaves || d.Object.Kind == "" && len(bytes.TrimSpace(withoutComments(d.Text))) == 0 {
		return nil
	}
	name := fileName(d.Object)
	if d.Object.Name == "" {
		name = s.numbered(name)
	}
	if other, taken := s.holds[name]; taken {
		return fmt.Errorf("%s: the objects %s and %s would both be the file %s (rename one, or render them into two folders)",
			d.Input, other, d.Object, filepath.Join(s.path, name))
	}
	s.names = append(s.names, name)
	s.holds[name] = d.Object
	s.texts[name] = withoutMarker(d.Text)
	return nil
}

// numbered is a name of its own for an object that has none: the first, second, ... of its kind.
func (s *Dir) numbered(name string) string {
	base := strings.TrimSuffix(name, ".yaml")
	for i := 1; ; i++ {
		name = base + "_" + strconv.Itoa(i) + ".yaml"
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

// fileName is group_version_kind_name.yaml in a folder named after the namespace, as kustomize names its files.
func fileName(o manifest.ObjectRef) string {
	group, version, found := strings.Cut(o.APIVersion, "/")
	parts := []string{group, version, o.Kind, o.Name}
	if !found {
		parts = []string{group, o.Kind, o.Name}
	}
	parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" })
	name := strings.ToLower(strings.Join(parts, "_")) + ".yaml"
	name = strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || r == ':' {
			return '-'
		}
		return r
	}, name)
	if o.Namespace == "" {
		return name
	}
	return filepath.Join(filepath.Base(o.Namespace), name)
}

// Commit writes the files, the changed ones only, and removes those of an earlier run that are gone. Every file is
// written beside its place first, and all are moved there only when that went well.
func (s *Dir) Commit() error {
	slices.Sort(s.names)
	if !s.check {
		if err := os.MkdirAll(s.path, 0o777); err != nil {
			return fmt.Errorf("writing into %s: %w", s.path, cause(err))
		}
	}
	root, err := os.OpenRoot(s.path)
	if s.check && errors.Is(err, fs.ErrNotExist) {
		s.Differs = s.inFolder(s.names)
		return nil
	}
	if err != nil {
		return fmt.Errorf("writing into %s: %w", s.path, cause(err))
	}
	return errors.Join(s.commit(root), root.Close())
}

func (s *Dir) commit(root *os.Root) error {
	written, err := readLedger(root)
	if err != nil {
		return fmt.Errorf("reading %s: %w", filepath.Join(s.path, ledger), cause(err))
	}
	stale := slices.DeleteFunc(slices.Clone(written), func(name string) bool { return s.texts[name] != nil })
	var changed []string
	for _, name := range s.names {
		if now, err := root.ReadFile(name); err != nil || !bytes.Equal(now, s.texts[name]) {
			changed = append(changed, name)
		}
	}
	s.Differs = s.inFolder(append(changed, stale...))
	if s.check {
		return nil
	}
	if err := s.write(root, changed, written); err != nil {
		return err
	}
	return s.removeStale(root, stale)
}

func (s *Dir) inFolder(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = filepath.Join(s.path, name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// readLedger lists what earlier runs wrote.
func readLedger(root *os.Root) ([]string, error) {
	text, err := root.ReadFile(ledger)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return slices.DeleteFunc(strings.Split(string(text), "\n"), func(name string) bool { return name == "" }), err
}

// write writes the changed files. The ledger comes first, with the files of this run and those of earlier ones: what a
// run that breaks off leaves behind is known to the next.
func (s *Dir) write(root *os.Root, changed, written []string) (err error) {
	temps := map[string]string{}
	defer func() {
		for _, temp := range temps {
			_ = os.Remove(temp)
		}
	}()
	for _, name := range changed {
		path := filepath.Join(s.path, name)
		if info, err := root.Stat(name); err == nil && info.IsDir() {
			return fmt.Errorf("writing %s: a folder is there (no file was changed)", path)
		}
		if err := root.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return fmt.Errorf("writing %s: %w (no file was changed)", path, cause(err))
		}
		if temps[name], err = writeTemp(filepath.Dir(path), s.texts[name], 0o644); err != nil {
			return fmt.Errorf("writing %s: %w (no file was changed)", path, err)
		}
	}
	if err := s.note(append(slices.Clone(s.names), written...)); err != nil {
		return err
	}
	for i, name := range changed {
		path := filepath.Join(s.path, name)
		if err := os.Rename(temps[name], path); err != nil {
			return fmt.Errorf("writing %s: %w (%d of %d files are written)", path, cause(err), i, len(changed))
		}
	}
	return nil
}

// note writes the ledger.
func (s *Dir) note(names []string) error {
	slices.Sort(names)
	text := []byte(strings.Join(slices.Compact(names), "\n") + "\n")
	path := filepath.Join(s.path, ledger)
	if now, err := os.ReadFile(path); err == nil && bytes.Equal(now, text) {
		return nil
	}
	temp, err := writeTemp(s.path, text, 0o644)
	if err == nil {
		err = cause(os.Rename(temp, path))
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// removeStale removes what earlier runs wrote and this one did not. os.Root keeps a ledger that someone has edited from
// naming files outside the folder.
func (s *Dir) removeStale(root *os.Root, stale []string) error {
	for _, name := range stale {
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing %s, which is no longer rendered: %w", filepath.Join(s.path, name), cause(err))
		}
	}
	if len(stale) == 0 {
		return nil
	}
	return s.note(slices.Clone(s.names))
}
