// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/slipway-dev/slipway/rollout/manifests"
)

// InPlace is a sink that rewrites the files that changed, and writes what was generated into files of its own.
type InPlace struct {
	// Resumed names, after Commit, the folders in which an earlier run was killed.
	Resumed []string

	files   []*rewrite
	seen    map[string]bool          // folders with a file of the input
	added   map[string]*bytes.Buffer // by path, what was generated and had no place
	folders []*folder                // in which files are written
}

// rewrite is one file on its way to disk.
type rewrite struct {
	path    string
	text    bytes.Buffer
	read    hash.Hash // of what the run has read
	changed bool
	isNew   bool

	folder     *folder
	name, temp string // in the folder
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
		p.files = append(p.files, &rewrite{path: d.Path, read: sha256.New()})
		if p.seen == nil {
			p.seen = map[string]bool{}
		}
		p.seen[filepath.Dir(d.Path)] = true
	}
	f := p.files[len(p.files)-1]
	f.read.Write(d.Original)
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
			now, err := readFile(path)
			switch {
			case err == nil && !bytes.Contains(now, []byte(manifests.GeneratedBy)):
				return fmt.Errorf("%s is there, and slipway has not generated it: rename it, for the release of the plan goes there (no "+
					"file was changed)", path)
			case err != nil && !errors.Is(err, fs.ErrNotExist):
				return fmt.Errorf("reading %s: %w", path, Cause(err))
			}
			f := &rewrite{path: path, changed: true, isNew: err != nil, read: sha256.New()}
			f.read.Write(now)
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
func (p *InPlace) Commit() (err error) {
	p.drop()
	if err := p.place(); err != nil {
		return err
	}
	defer func() {
		for _, f := range p.folders {
			err = errors.Join(err, f.close())
		}
	}()
	for _, f := range p.files {
		if err := p.stage(f); err != nil {
			return fmt.Errorf("writing %s: %w (no file was changed)", f.path, err)
		}
	}
	if err := p.clearRest(); err != nil {
		return err
	}
	for i, f := range p.files {
		if err := f.folder.move(f.temp, f.name); err != nil {
			return fmt.Errorf("writing %s: %w (%d of %d files are written)", f.path, err, i, len(p.files))
		}
	}
	for _, f := range p.folders {
		if err := f.sync(nil); err != nil {
			return err
		}
	}
	return nil
}

// stage writes a file's new content beside it. A link stays one: it is the file at its end that changes.
func (p *InPlace) stage(f *rewrite) (err error) {
	path := f.path
	if !f.isNew {
		if path, err = filepath.EvalSymlinks(f.path); err != nil {
			return Cause(err)
		}
	}
	f.name = filepath.Base(path)
	if f.folder, err = p.folder(filepath.Dir(path)); err != nil {
		return err
	}
	if err := f.unchanged(); err != nil {
		return err
	}
	f.temp, err = f.folder.stage(f.name, f.text.Bytes())
	return err
}

// unchanged makes sure that a file is still what the run has read: another run, or an editor, may have been faster.
func (f *rewrite) unchanged() error {
	now, err := readRegular(f.folder.root, f.name)
	switch {
	case f.isNew && errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return Cause(err)
	}
	if sum := sha256.Sum256(now); f.isNew || !bytes.Equal(f.read.Sum(nil), sum[:]) {
		return errors.New("it has changed since slipway has read it: run slipway again")
	}
	return nil
}

// folder takes a folder for the run, once whatever its names.
func (p *InPlace) folder(path string) (*folder, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, Cause(err)
	}
	for _, f := range p.folders {
		if f.is(info) {
			return f, nil
		}
	}
	f, err := openFolder(path)
	if err != nil {
		return nil, err
	}
	p.folders = append(p.folders, f)
	if f.left > 0 {
		p.Resumed = append(p.Resumed, path)
	}
	return f, nil
}

// clearRest clears the folders in which nothing changes of what a killed run has left there. One in which another run is at
// work is that run's.
func (p *InPlace) clearRest() error {
	for _, path := range slices.Sorted(maps.Keys(p.seen)) {
		info, err := os.Stat(path)
		if err != nil || slices.ContainsFunc(p.folders, func(f *folder) bool { return f.is(info) }) || !holdsTemp(path) {
			continue
		}
		f, err := openFolder(path)
		switch {
		case errors.Is(err, errBusy):
			continue
		case err != nil:
			return fmt.Errorf("clearing %s: %w (no file was changed)", path, err)
		case f.left > 0:
			p.Resumed = append(p.Resumed, path)
		}
		if err := f.close(); err != nil {
			return err
		}
	}
	return nil
}
