// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// input is one stream of documents: a file, standard input, or what a kustomization builds.
type input struct {
	index int                           // among the inputs of a run
	name  string                        // as messages give it
	path  string                        // of the file, "" where there is none that could be written in place
	open  func() (io.ReadCloser, error) // can be called more than once
}

// inputs finds the streams that the paths name, in order: "-" is stdin, a folder with a kustomization is built, any
// other folder is read file by file. With asFiles a kustomization is not built: its folder is one of files.
func inputs(ctx context.Context, paths []string, stdin io.Reader, asFiles bool) ([]input, error) {
	var out []input
	for _, p := range paths {
		found, err := inputsOf(ctx, p, stdin, asFiles)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%s: no .yaml, .yml or .json file there", p)
		}
		out = append(out, found...)
	}
	for i := range out {
		out[i].index = i
	}
	return out, nil
}

func inputsOf(ctx context.Context, path string, stdin io.Reader, asFiles bool) ([]input, error) {
	if path == "-" {
		in, err := keep(stdinName, stdin)
		return []input{in}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, pathError(path, err)
	}
	switch {
	case info.Mode().IsRegular():
		return []input{fileInput(path)}, nil
	case !info.IsDir():
		in, err := onceInput(path)
		return []input{in}, err
	case !asFiles && isKustomization(path):
		in, err := kustomization(ctx, path)
		return []input{in}, err
	}
	files, err := manifestFiles(path)
	if err != nil {
		return nil, err
	}
	var out []input
	for _, f := range files {
		if asFiles || !isToolFile(f) {
			out = append(out, fileInput(f))
		}
	}
	return out, nil
}

// stdinName is what messages call standard input.
const stdinName = "stdin"

// pathError says what is wrong with a path, without Go's name for the system call.
func pathError(path string, err error) error {
	return fmt.Errorf("reading %s: %w", path, cause(err))
}

// keep reads a stream so that it can be read twice: context first, then workloads.
func keep(name string, r io.Reader) (input, error) {
	s := &spool{}
	if _, err := io.Copy(s, r); err != nil {
		return input{}, pathError(name, err)
	}
	return input{name: name, open: func() (io.ReadCloser, error) { return io.NopCloser(s.reader()), nil }}, nil
}

// onceInput keeps what a pipe or device gives, as a shell's <(command) does, which comes only once.
func onceInput(path string) (in input, err error) {
	f, err := os.Open(path)
	if err != nil {
		return input{}, pathError(path, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return keep(path, f)
}

func fileInput(path string) input {
	return input{name: path, path: path, open: func() (io.ReadCloser, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, pathError(path, err)
		}
		return f, nil
	}}
}

func isKustomization(dir string) bool {
	return slices.ContainsFunc(konfig.RecognizedKustomizationFileNames(), func(name string) bool {
		info, err := os.Stat(filepath.Join(dir, name))
		return err == nil && !info.IsDir()
	})
}

// isToolFile says whether a file configures a tool and is no manifest.
func isToolFile(path string) bool {
	name := filepath.Base(path)
	return name == "Kptfile" || slices.Contains(konfig.RecognizedKustomizationFileNames(), name)
}

// kustomization builds a kustomization in process, as kustomize build does.
func kustomization(ctx context.Context, dir string) (input, error) {
	text, err := build(ctx, dir)
	if err != nil {
		return input{}, fmt.Errorf("building kustomization %s: %w", dir, err)
	}
	return input{name: dir, open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(text)), nil
	}}, nil
}

// build runs kustomize, which may fetch from afar and knows no context: when ctx ends it is left to itself.
func build(ctx context.Context, dir string) ([]byte, error) {
	type result struct {
		text []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
		if err != nil {
			done <- result{nil, err}
			return
		}
		text, err := resources.AsYaml()
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		return r.text, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// manifestFiles lists the manifests below a folder, by path. It follows links, as the tools that read the folder do,
// and refuses a link that leads back to a folder above it.
func manifestFiles(dir string) ([]string, error) {
	w := &walker{}
	err := w.walk(dir, nil)
	return w.files, err
}

type walker struct{ files []string }

func (w *walker) walk(dir string, above []os.FileInfo) error {
	info, err := os.Stat(dir)
	if err != nil {
		return pathError(dir, err)
	}
	if slices.ContainsFunc(above, func(a os.FileInfo) bool { return os.SameFile(a, info) }) {
		return fmt.Errorf("reading %s: the folder contains itself through a symbolic link (remove the link, or name the files)", dir)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return pathError(dir, err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		isDir := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			target, err := os.Stat(path)
			if err != nil {
				return pathError(path, err)
			}
			isDir = target.IsDir()
		}
		switch ext := filepath.Ext(path); {
		case isDir:
			if err := w.walk(path, append(above[:len(above):len(above)], info)); err != nil {
				return err
			}
		case ext == ".yaml" || ext == ".yml" || ext == ".json":
			w.files = append(w.files, path)
		}
	}
	return nil
}
