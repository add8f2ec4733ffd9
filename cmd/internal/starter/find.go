// SPDX-License-Identifier: Apache-2.0

package starter

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// workload is one that was found.
type workload struct {
	ref   manifest.ObjectRef
	file  string
	label [2]string // of its pod template, by which a SidecarSet can select it
}

// releasable says whether a release can be made of it.
func (w workload) releasable() bool {
	_, ok := plan.KindOf(w.ref.APIVersion, w.ref.Kind)
	return ok
}

// find lists the workloads below a folder whose pods have a label. What is no YAML is none of its business.
func find(folder string) ([]workload, error) {
	if info, err := os.Stat(folder); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("%s is no folder: name the one that the manifests are in", folder)
	}
	var out []workload
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		hidden := path != folder && strings.HasPrefix(d.Name(), ".")
		switch {
		case err != nil:
			return fmt.Errorf("looking for manifests: %s: %w", path, render.Cause(err))
		case d.IsDir() && hidden:
			return filepath.SkipDir
		case !d.Type().IsRegular() || !slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(path)):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("looking for manifests: %s: %w", path, render.Cause(err))
		}
		out = append(out, inText(path, text)...)
		return nil
	})
	return out, err
}

func inText(file string, text []byte) []workload {
	var out []workload
	for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var doc yaml.Node
		if decoder.Decode(&doc) != nil {
			return out
		}
		object := manifest.Root(&doc)
		ref := manifest.RefOf(object)
		kind, known := manifest.KindOf(ref.Group(), ref.Kind)
		if !known || ref.Name == "" {
			continue
		}
		for _, path := range kind.PodTemplatePaths {
			if label, ok := labelAt(object, path); ok {
				out = append(out, workload{ref: ref, file: file, label: label})
				break
			}
		}
	}
}

// labelAt is the label by which people know the pods of a template: a usual one, or else the first.
func labelAt(object *yaml.Node, path string) ([2]string, bool) {
	keys, err := manifest.SplitPath(path)
	if err != nil || slices.Contains(keys, manifest.EachElement) {
		return [2]string{}, false
	}
	labels := manifest.StringMap(manifest.At(object, append(keys, "metadata", "labels")...))
	for _, usual := range []string{"app.kubernetes.io/name", "app"} {
		if labels[usual] != "" {
			return [2]string{usual, labels[usual]}, true
		}
	}
	var all []string
	for key := range labels {
		all = append(all, key)
	}
	if len(all) == 0 {
		return [2]string{}, false
	}
	first := slices.Min(all)
	return [2]string{first, labels[first]}, true
}
