// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// manifestFiles lists the manifests below a folder, by path, and tells of what is called like one and is no file. It follows
// links, as the tools that read the folder do, and refuses a link that leads back to a folder above it. Each file and folder is
// read once, however many links lead there.
func manifestFiles(dir string) ([]string, []manifest.Finding, error) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, nil, pathError(dir, err)
	}
	w := &walker{root: real, seen: map[string]bool{}}
	err = w.walk(dir, real, nil)
	return slices.DeleteFunc(w.files, func(file string) bool { return slices.Contains(w.parts, file) }), w.told, err
}

type walker struct {
	root  string          // without links
	seen  map[string]bool // what has been read, by its path without links
	files []string
	parts []string // of kustomizations
	told  []manifest.Finding
}

// walk reads a folder, real without links, that has not been read yet. above are the folders that it is in.
func (w *walker) walk(dir, real string, above []string) error {
	w.seen[real] = true
	entries, err := os.ReadDir(dir)
	if err != nil {
		return pathError(dir, err)
	}
	if isChart(dir) {
		return chartError(dir)
	}
	if isKustomization(dir) {
		w.parts = append(w.parts, partsOf(dir)...)
	}
	above = append(above[:len(above):len(above)], real)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := w.entry(filepath.Join(dir, e.Name()), filepath.Join(real, e.Name()), e.Type(), above); err != nil {
			return err
		}
	}
	return nil
}

// entry takes what is in a folder, real where it is no link.
func (w *walker) entry(path, real string, mode fs.FileMode, above []string) error {
	linked := mode&fs.ModeSymlink != 0
	if linked {
		info, err := os.Stat(path)
		if err != nil {
			return pathError(path, err)
		}
		if real, err = filepath.EvalSymlinks(path); err != nil {
			return pathError(path, err)
		}
		mode = info.Mode()
	}
	switch {
	case mode.IsDir() && slices.Contains(above, real):
		return fmt.Errorf("reading %s: the folder contains itself through a symbolic link (remove the link, or name the files)",
			manifest.Printable(path))
	case !mode.IsDir() && !manifest.NamesFile(path), w.seen[real], linked && w.reaches(real, mode.IsDir()):
		return nil
	case mode.IsDir():
		return w.walk(path, real, above)
	case !mode.IsRegular():
		w.told = append(w.told, manifest.Finding{
			Severity: manifest.SeverityWarning, Code: "not-a-file", Source: manifest.Source{File: path},
			Message: "is " + Special(mode) + " and no file: it is passed over",
		})
		return nil
	}
	w.seen[real] = true
	w.files = append(w.files, path)
	return nil
}

// reaches says whether the walk comes by something without a link: it is read under its own name then.
func (w *walker) reaches(real string, isDir bool) bool {
	below, err := filepath.Rel(w.root, real)
	if err != nil || !filepath.IsLocal(below) || !isDir && !manifest.NamesFile(real) {
		return false
	}
	return !slices.ContainsFunc(strings.Split(below, string(filepath.Separator)),
		func(name string) bool { return strings.HasPrefix(name, ".") })
}
