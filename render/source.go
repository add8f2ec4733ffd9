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
	"sigs.k8s.io/kustomize/api/provenance"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// input is one stream of documents: a file, standard input, or what a kustomization builds.
type input struct {
	index int                           // among the inputs of a run
	name  string                        // as messages give it
	path  string                        // of the file, "" where there is none that could be written in place
	open  func() (io.ReadCloser, error) // can be called more than once

	builtFrom *builtFrom // of what a kustomization builds
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
	if isFile(filepath.Join(path, chartFile)) {
		return nil, chartError(path)
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

// chartFile is the file by which Helm knows a chart.
const chartFile = "Chart.yaml"

// isChart says whether a folder is a Helm chart, of which the templates are no manifests.
func isChart(dir string) bool {
	return isFile(filepath.Join(dir, chartFile)) && isFolder(filepath.Join(dir, "templates"))
}

func chartError(dir string) error {
	return fmt.Errorf("%s: this is a Helm chart: render it first (helm template %s | slipway render -s ...)", dir, dir)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
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
	text, builtFrom, err := build(ctx, dir)
	if err != nil {
		return input{}, fmt.Errorf("building kustomization %s: %w", dir, err)
	}
	return input{name: dir, builtFrom: builtFrom, open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(text)), nil
	}}, nil
}

// build runs kustomize, which may fetch from afar and knows no context: when ctx ends it is left to itself.
func build(ctx context.Context, dir string) ([]byte, *builtFrom, error) {
	type result struct {
		text      []byte
		builtFrom *builtFrom
		err       error
	}
	done := make(chan result, 1)
	go func() {
		options := krusty.MakeDefaultOptions()
		// The library's default is the order of the files; the command's is its own where sortOptions name no other.
		options.Reorder = krusty.ReorderOptionUnspecified
		files := &readFiles{FileSystem: filesys.MakeFsOnDisk()}
		resources, err := krusty.MakeKustomizer(options).Run(files, dir)
		if err != nil {
			done <- result{err: err}
			return
		}
		if err := nameVersion(resources); err != nil {
			done <- result{err: err}
			return
		}
		text, err := resources.AsYaml()
		done <- result{text, newBuiltFrom(dir, files, resources), err}
	}()
	select {
	case r := <-done:
		return r.text, r.builtFrom, r.err
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
}

// kustomizeVersion is the release of the command that has the library which slipway is built with.
const kustomizeVersion = "v5.8.2"

// nameVersion completes the label that the field buildMetadata asks for. The library finds the version in the command
// alone, and says anywhere else what no label may hold.
func nameVersion(resources resmap.ResMap) error {
	unknown := "kustomize-" + provenance.GetProvenance().Semver()
	for _, r := range resources.Resources() {
		if r.GetLabels()[konfig.ManagedbyLabelKey] != unknown {
			continue
		}
		if err := r.PipeE(yaml.SetLabel(konfig.ManagedbyLabelKey, "kustomize-"+kustomizeVersion)); err != nil {
			return err
		}
	}
	return nil
}

// partsOf lists the files that a folder's kustomization names and that are no manifests: patches, values, and what goes
// into a ConfigMap. A kustomization that cannot be read names none.
func partsOf(dir string) []string {
	var k struct {
		PatchesStrategicMerge []string         `yaml:"patchesStrategicMerge"`
		Patches               []map[string]any `yaml:"patches"`
		PatchesJSON6902       []map[string]any `yaml:"patchesJson6902"`
		Replacements          []map[string]any `yaml:"replacements"`
		HelmCharts            []map[string]any `yaml:"helmCharts"`
		Configurations        []string         `yaml:"configurations"`
		ConfigMaps            []files          `yaml:"configMapGenerator"`
		Secrets               []files          `yaml:"secretGenerator"`
	}
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil && yaml.Unmarshal(text, &k) != nil {
			return nil
		}
	}
	parts := slices.Concat(k.PatchesStrategicMerge, k.Configurations)
	for _, entry := range slices.Concat(k.Patches, k.PatchesJSON6902, k.Replacements, k.HelmCharts) {
		for _, key := range []string{"path", "valuesFile"} {
			if path, ok := entry[key].(string); ok {
				parts = append(parts, path)
			}
		}
	}
	for _, g := range slices.Concat(k.ConfigMaps, k.Secrets) {
		for _, file := range g.Files {
			_, path, named := strings.Cut(file, "=")
			if !named {
				path = file
			}
			parts = append(parts, path)
		}
	}
	for i := range parts {
		parts[i] = filepath.Join(dir, parts[i])
	}
	return parts
}

// files is a generator of a kustomization.
type files struct {
	Files []string `yaml:"files"`
}

// manifestFiles lists the manifests below a folder, by path. It follows links, as the tools that read the folder do,
// and refuses a link that leads back to a folder above it.
func manifestFiles(dir string) ([]string, error) {
	w := &walker{}
	err := w.walk(dir, nil)
	return slices.DeleteFunc(w.files, func(file string) bool { return slices.Contains(w.parts, file) }), err
}

type walker struct {
	files []string
	parts []string // of kustomizations
}

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
	if isChart(dir) {
		return chartError(dir)
	}
	if isKustomization(dir) {
		w.parts = append(w.parts, partsOf(dir)...)
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

// readFile reads a file that is one: anything else could keep a run waiting for ever.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := regular(info); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}
