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

	"github.com/slipway-dev/slipway/fn/inject"
)

// ledger is the file in which an output folder remembers what slipway wrote there.
const ledger = ".slipway-files"

// Dir is a sink that writes one file for each object into a folder, under names that depend on the object alone.
// Files that an earlier run wrote and this one does not are removed; no other file is.
type Dir struct {
	path  string
	names []string
	texts map[string]*bytes.Buffer
}

// NewDir returns a sink that writes into the folder path, which is made if it is not there.
func NewDir(path string) *Dir {
	return &Dir{path: path, texts: map[string]*bytes.Buffer{}}
}

// Document takes one object. Two objects of one name are an error: one would overwrite the other.
func (s *Dir) Document(d *Document) error {
	if d.Leaves || d.Object.Kind == "" && len(bytes.TrimSpace(withoutComments(d.Text))) == 0 {
		return nil
	}
	name := fileName(d.Object)
	if d.Object.Name == "" {
		name = filepath.Join(filepath.Dir(name), strings.TrimSuffix(filepath.Base(name), ".yaml")+strconv.Itoa(len(s.names)+1)+".yaml")
	}
	if s.texts[name] != nil {
		return fmt.Errorf("%s: two documents are the object %s, and would be one file %s", d.Input, d.Object, name)
	}
	s.names = append(s.names, name)
	s.texts[name] = bytes.NewBuffer(bytes.TrimPrefix(d.Text, []byte("---\n")))
	return nil
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
func fileName(o inject.ObjectRef) string {
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

// Commit writes the files, the changed ones only, and removes those of an earlier run that are gone.
func (s *Dir) Commit() error {
	if err := os.MkdirAll(s.path, 0o777); err != nil {
		return fmt.Errorf("writing into %s: %w", s.path, cause(err))
	}
	root, err := os.OpenRoot(s.path)
	if err != nil {
		return fmt.Errorf("writing into %s: %w", s.path, cause(err))
	}
	old, err := root.ReadFile(ledger)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("reading %s: %w", filepath.Join(s.path, ledger), cause(err)), root.Close())
	}
	err = s.write(root)
	if err == nil {
		err = s.removeStale(root, strings.Split(strings.TrimSpace(string(old)), "\n"))
	}
	return errors.Join(err, root.Close())
}

func (s *Dir) write(root *os.Root) error {
	for _, name := range s.names {
		text := s.texts[name].Bytes()
		if now, err := root.ReadFile(name); err == nil && bytes.Equal(now, text) {
			continue
		}
		if err := root.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return fmt.Errorf("writing %s: %w", filepath.Join(s.path, name), cause(err))
		}
		temp, err := writeTemp(filepath.Dir(filepath.Join(s.path, name)), text, 0o644)
		if err != nil {
			return fmt.Errorf("writing %s: %w", filepath.Join(s.path, name), err)
		}
		if err := os.Rename(temp, filepath.Join(s.path, name)); err != nil {
			return fmt.Errorf("writing %s: %w", filepath.Join(s.path, name), errors.Join(cause(err), os.Remove(temp)))
		}
	}
	slices.Sort(s.names)
	if err := root.WriteFile(ledger, []byte(strings.Join(s.names, "\n")+"\n"), 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Join(s.path, ledger), cause(err))
	}
	return nil
}

// removeStale removes what the ledger of the last run names and this run did not write. os.Root keeps a ledger that
// someone has edited from naming files outside the folder.
func (s *Dir) removeStale(root *os.Root, before []string) error {
	for _, name := range before {
		if name == "" || s.texts[name] != nil {
			continue
		}
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing %s, which is no longer rendered: %w", filepath.Join(s.path, name), cause(err))
		}
	}
	return nil
}
