// SPDX-License-Identifier: Apache-2.0

package fn

import (
	"path"
	"strconv"

	"sigs.k8s.io/kustomize/kyaml/kio/kioutil"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/manifests"
)

// releases turns the BatchPlans among the items into what carries them out.
type releases struct {
	config *Config
	set    *manifests.Set // nil where nothing is released
}

func newReleases(config *Config) *releases {
	r := &releases{config: config}
	if config.Release.On() {
		r.set = manifests.NewSet(config.Release, config.Namespace, false)
	}
	return r
}

// made is how many plans were released.
func (r *releases) made() int { return r.set.Len() }

// all returns the items with their targets armed and the generated objects among them. BatchPlans stay, marked as local.
func (r *releases) all(items []item, findings *manifest.Findings) []item {
	if r.set == nil {
		r.tellOfPlans(items, findings)
		return items
	}
	for i, it := range items {
		ref := manifest.RefOf(it.node)
		if manifests.IsPlanRef(ref) || manifest.Annotation(it.node, manifests.GeneratedBy) != "" {
			findings.Add(r.set.Read(document(i, it, findings), it.node))
		}
	}
	if r.set.Len() == 0 || findings.Failed() {
		return items
	}
	for i, it := range items {
		if r.set.IsTarget(manifest.RefOf(it.node)) {
			findings.Add(r.set.Release(document(i, it, findings)))
		}
	}
	if findings.Add(r.set.Finish()); findings.Failed() {
		return items
	}
	return r.place(items, findings)
}

// tellOfPlans warns of plans that nothing is made of.
func (r *releases) tellOfPlans(items []item, findings *manifest.Findings) {
	for _, it := range items {
		if ref := manifest.RefOf(it.node); !r.config.Release.Off() && manifests.IsPlanRef(ref) {
			findings.Add([]manifest.Finding{manifests.NotReleased(ref, it.source)})
		}
	}
}

func document(i int, it item, findings *manifest.Findings) manifests.Document {
	d := manifests.Document{ID: manifests.ID{Doc: i}, Object: manifest.RefOf(it.node), Source: it.source}
	out, err := yaml.Marshal(it.node)
	if err != nil {
		findings.Add([]manifest.Finding{{
			Severity: manifest.SeverityError, Code: "malformed-yaml", Object: d.Object, Source: it.source, Message: err.Error(),
		}})
	}
	d.Text, d.Original = out, out
	return d
}

// place makes the edits, and puts what was generated where it was before, or at the end.
func (r *releases) place(items []item, findings *manifest.Findings) []item {
	var out, added []item
	for i, it := range items {
		id := manifests.ID{Doc: i}
		if object, ok := r.set.Replaces(id); ok {
			if object == nil {
				continue
			}
			if !manifests.Same(it.node, object.Text) {
				it.node = withPlace(generated(object.Text), it.node)
			}
		}
		edits := r.set.Edits(id)
		if manifests.IsPlan(it.node) {
			edits = []manifests.Edit{{
				Path: []string{yaml.MetadataField, yaml.AnnotationsField, manifests.LocalConfig}, Value: "true",
				Tag: yaml.NodeTagString,
			}}
		}
		node, told, err := manifests.Apply(it.node, edits)
		if err != nil {
			told = []manifest.Finding{{
				Severity: manifest.SeverityError, Code: "unsupported-layout", Object: manifest.RefOf(it.node), Source: it.source,
				Message: err.Error(),
			}}
			node = it.node
		}
		findings.Add(told)
		it.node = node
		out = append(out, it)
		for _, object := range r.set.Adds(id) {
			added = append(added, r.beside(items, object))
		}
	}
	number(out, added)
	return append(out, added...)
}

// generated is the tree of a generated object.
func generated(text []byte) *yaml.Node {
	n, err := yaml.Parse(string(text))
	if err != nil {
		return &yaml.Node{Kind: yaml.MappingNode, Tag: yaml.NodeTagMap} // it was written by a YAML library
	}
	return n.YNode()
}

// placeAnnotations are those by which an orchestrator finds the file of an item.
func placeAnnotations() [][2]string {
	return [][2]string{{kioutil.PathAnnotation, kioutil.IndexAnnotation}, {legacyPath, legacyIndex}}
}

// orchestrators lists all annotations that an item keeps for its orchestrator.
func orchestrators() []string {
	return []string{
		kioutil.PathAnnotation, kioutil.IndexAnnotation, kioutil.SeqIndentAnnotation, kioutil.IdAnnotation,
		"config.k8s.io/id", legacyPath, legacyIndex,
	}
}

// withPlace gives node what its orchestrator keeps on the item that it replaces.
func withPlace(node, was *yaml.Node) *yaml.Node {
	for _, key := range orchestrators() {
		if v := manifest.Annotation(was, key); v != "" {
			node = annotated(node, key, v)
		}
	}
	return node
}

func annotated(node *yaml.Node, key, value string) *yaml.Node {
	out, _, err := manifests.Apply(node, []manifests.Edit{
		{Path: []string{yaml.MetadataField, yaml.AnnotationsField, key}, Value: value, Tag: yaml.NodeTagString},
	})
	if err != nil {
		return node
	}
	return out
}

// beside is a new item in a file beside that of its plan, release-PLAN.yaml, where the orchestrator says where that is.
func (r *releases) beside(items []item, object manifests.Object) item {
	it := item{node: generated(object.Text), source: manifest.Source{File: ""}, place: -1}
	for _, plan := range items {
		if !manifests.IsPlan(plan.node) || manifest.RefOf(plan.node).Name != object.Plan {
			continue
		}
		for _, keys := range placeAnnotations() {
			if file := manifest.Annotation(plan.node, keys[0]); file != "" {
				it.node = annotated(it.node, keys[0], path.Join(path.Dir(file), manifests.FileName(object.Plan)))
			}
		}
	}
	return it
}

// number gives new items the indexes after those that their file has.
func number(items, added []item) {
	for _, keys := range placeAnnotations() {
		next := map[string]int{}
		for _, it := range items {
			if i, err := strconv.Atoi(manifest.Annotation(it.node, keys[1])); err == nil {
				file := manifest.Annotation(it.node, keys[0])
				next[file] = max(next[file], i+1)
			}
		}
		for i, it := range added {
			file := manifest.Annotation(it.node, keys[0])
			if file == "" {
				continue
			}
			added[i].node = annotated(it.node, keys[1], strconv.Itoa(next[file]))
			next[file]++
		}
	}
}
