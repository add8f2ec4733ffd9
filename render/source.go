// SPDX-License-Identifier: Apache-2.0

package render

import (
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

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render/yamltext"
)

// input is one stream of documents: a file, standard input, or what a kustomization builds.
type input struct {
	index int                           // among the inputs of a run
	name  string                        // as messages give it
	path  string                        // of the file, "" where there is none that could be written in place
	open  func() (io.ReadCloser, error) // can be called more than once; nil where all stands in text
	text  []byte

	builtFrom *builtFrom // of what a kustomization builds
}

// inputs finds the streams that the paths name, in order: "-" is stdin, a folder with a kustomization is built, any
// other folder is read file by file. With AsFiles a kustomization is not built: its folder is one of files.
// The findings tell what was passed over.
func inputs(ctx context.Context, req *Request) ([]input, []manifest.Finding, error) {
	var out []input
	var findings []manifest.Finding
	for _, p := range req.Paths {
		found, told, err := inputsOf(ctx, p, req)
		if err != nil {
			return nil, nil, err
		}
		if len(found) == 0 {
			return nil, nil, fmt.Errorf("%s: no .yaml, .yml or .json file there", p)
		}
		out, findings = append(out, found...), append(findings, told...)
	}
	for i := range out {
		out[i].index = i
	}
	return out, findings, nil
}

func inputsOf(ctx context.Context, path string, req *Request) ([]input, []manifest.Finding, error) {
	if path == "-" {
		in, err := keep(stdinName, req.Stdin)
		return []input{in}, nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, pathError(path, err)
	}
	switch {
	case info.Mode().IsRegular():
		return []input{fileInput(path)}, nil, nil
	case !info.IsDir():
		in, err := onceInput(path)
		return []input{in}, nil, err
	case !req.AsFiles && isKustomization(path):
		in, err := kustomization(ctx, path, req)
		return []input{in}, nil, err
	}
	if IsFile(filepath.Join(path, chartFile)) {
		return nil, nil, chartError(path)
	}
	files, told, err := manifestFiles(path)
	if err != nil {
		return nil, nil, err
	}
	var out []input
	for _, f := range files {
		if req.AsFiles || !isToolFile(f) {
			out = append(out, fileInput(f))
		}
	}
	return out, told, nil
}

// chartFile is the file by which Helm knows a chart.
const chartFile = "Chart.yaml"

// isChart says whether a folder is a Helm chart, of which the templates are no manifests.
func isChart(dir string) bool {
	return IsFile(filepath.Join(dir, chartFile)) && isFolder(filepath.Join(dir, "templates"))
}

func chartError(dir string) error {
	return fmt.Errorf("%s: this is a Helm chart: render it first (helm template %s | slipway render -s ...)", dir, dir)
}

// IsFile says whether a path is a file, or a link to one.
func IsFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// isSameFile says whether two paths of files that are called alike lead to one file.
func isSameFile(one, other string) bool {
	if filepath.Base(one) != filepath.Base(other) {
		return false
	}
	first, err := os.Stat(one)
	if err != nil {
		return false
	}
	second, err := os.Stat(other)
	return err == nil && os.SameFile(first, second)
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// NotOneFile says what to do where a folder is named and one file is meant; nil where it is none.
func NotOneFile(path string) error {
	switch {
	case !isFolder(path):
		return nil
	case isChart(path):
		return chartError(path)
	default:
		return fmt.Errorf("%s: this is a folder, and one file is meant here: name it, or pipe what slipway render %[1]s prints, "+
			"with - in its place", path)
	}
}

// stdinName is what messages call standard input.
const stdinName = "stdin"

// pathError says what is wrong with a path, without Go's name for the system call.
func pathError(path string, err error) error {
	if hint := manifest.PathHint(path); hint != "" && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading %s: %s", manifest.Printable(path), hint)
	}
	return fmt.Errorf("reading %s: %w", manifest.Printable(path), Cause(err))
}

// maxStream bounds what is kept of a stream: it may have no end.
const maxStream = 4 << 30

// keep reads a stream so that it can be read twice: context first, then workloads.
func keep(name string, r io.Reader) (input, error) {
	b := &buffer{}
	err := b.fill(io.LimitReader(r, maxStream+1))
	if err == nil && b.size > maxStream {
		err = fmt.Errorf("it has more than %d GiB: give it in parts", maxStream>>30)
	}
	if err != nil {
		return input{}, pathError(name, errors.Join(err, b.close()))
	}
	if b.file == nil {
		return input{name: name, text: b.parts[0]}, nil
	}
	return input{name: name, open: func() (io.ReadCloser, error) { return io.NopCloser(b.reader()), nil }}, nil
}

// onceInput keeps what a pipe or device gives, as a shell's <(command) does, which comes only once.
func onceInput(path string) (in input, err error) {
	f, err := Open(path)
	if err != nil {
		return input{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return keep(path, f)
}

// splitter cuts an input into documents, any number of times.
func (in *input) splitter() (s *yamltext.Splitter, end func() error, err error) {
	if in.open == nil {
		return yamltext.NewTextSplitter(in.text), func() error { return nil }, nil
	}
	r, err := in.open()
	if err != nil {
		return nil, nil, err
	}
	return yamltext.NewSplitter(r), r.Close, nil
}

func fileInput(path string) input {
	return input{name: path, path: path, open: func() (io.ReadCloser, error) { return Open(path) }}
}

// hold takes a file of at most so many bytes into memory, for those who read it more than once, and returns how many it takes.
// What cannot be read stays as it is: who reads it says why.
func (in *input) hold(most int) int {
	if in.path == "" || in.open == nil {
		return 0
	}
	info, err := os.Stat(in.path)
	if err != nil || info.Size() > int64(most) {
		return 0
	}
	text, err := readFile(in.path)
	if err != nil || len(text) > most {
		return 0 // it is no file, or one that grows
	}
	in.text, in.open = text, nil
	return len(text)
}

func isKustomization(dir string) bool {
	return slices.ContainsFunc(konfig.RecognizedKustomizationFileNames(), func(name string) bool {
		return IsFile(filepath.Join(dir, name))
	})
}

// isToolFile says whether a file configures a tool and is no manifest.
func isToolFile(path string) bool {
	name := filepath.Base(path)
	return name == "Kptfile" || slices.Contains(konfig.RecognizedKustomizationFileNames(), name)
}

// kustomization builds a kustomization in process, as kustomize build does.
func kustomization(ctx context.Context, dir string, req *Request) (input, error) {
	if req.Building != nil {
		defer req.Building()()
	}
	text, builtFrom, err := build(ctx, dir, req.Within)
	if err != nil && (strings.Contains(err.Error(), "plugins disabled") || strings.Contains(err.Error(), "--enable-helm")) {
		err = fmt.Errorf("%w (slipway runs no plugin and no Helm: pipe in what kustomize build prints with --enable-helm, "+
			"or --enable-alpha-plugins --enable-exec)", err)
	}
	if err != nil {
		return input{}, fmt.Errorf("building kustomization %s: %w", dir, err)
	}
	return input{name: dir, builtFrom: builtFrom, text: text}, nil
}

// build runs kustomize, which may fetch from afar and knows no context: when ctx ends it is left to itself.
func build(ctx context.Context, dir, within string) ([]byte, *builtFrom, error) {
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
		files := &readFiles{FileSystem: regularFiles{filesys.MakeFsOnDisk(), within}}
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
		text, err := readFile(filepath.Join(dir, name))
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
