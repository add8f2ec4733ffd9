// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"maps"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// variant is what the pods of a part of a workload carry in the place of the template's labels.
type variant struct {
	labels map[string]string
	patch  string // the field that makes the difference; "" where the template itself counts
}

// target names the workload of a WorkloadSpread, whatever the version of its API.
type target struct{ group, kind, namespace, name string }

// isSpread says whether an object is a WorkloadSpread.
func isSpread(ref manifest.ObjectRef) bool {
	return ref.Group() == manifest.KruiseGroup && ref.Kind == "WorkloadSpread"
}

// readSpreads indexes WorkloadSpreads by the workload whose pods they patch.
func readSpreads(objects []*yaml.Node, namespace string) map[target][]*yaml.Node {
	out := map[target][]*yaml.Node{}
	for _, o := range objects {
		to := manifest.At(o, specField, "targetRef")
		key := target{
			group: manifest.ObjectRef{APIVersion: manifest.Text(manifest.Lookup(to, "apiVersion"))}.Group(),
			kind:  manifest.Text(manifest.Lookup(to, "kind")), name: manifest.Text(manifest.Lookup(to, nameField)),
			namespace: orWord(manifest.RefOf(o).Namespace, namespace),
		}
		out[key] = append(out[key], o)
	}
	return out
}

// variants lists the labels that pods of a template can have where subsets patch them; nil where they all have the
// template's. Kruise applies these patches before its webhook looks for SidecarSets.
func (in *Injector) variants(t podTemplate, labels map[string]string) []variant {
	var out []variant
	if t.object.Kind == "UnitedDeployment" && t.object.Group() == manifest.KruiseGroup {
		subsets := manifest.At(t.root, specField, "topology", "subsets")
		out = appendVariants(nil, labels, subsets, "spec.topology.subsets")
	}
	if len(in.spreads) == 0 {
		return out
	}
	ref := t.object
	for _, spread := range in.spreads[target{ref.Group(), ref.Kind, orWord(ref.Namespace, in.opts.Namespace), ref.Name}] {
		if len(out) == 0 {
			out = []variant{{labels: labels}} // a pod that no subset has room for
		}
		field := "WorkloadSpread " + manifest.RefOf(spread).Name + ", spec.subsets"
		out = appendVariants(out, labels, manifest.At(spread, specField, "subsets"), field)
	}
	return out
}

func appendVariants(out []variant, labels map[string]string, subsets *yaml.Node, field string) []variant {
	for i, s := range manifest.Items(subsets) {
		v := variant{labels: labels}
		if patch := manifest.Lookup(s, "patch"); !manifest.IsNull(patch) {
			v = variant{patchedLabels(labels, patch), indexed(field, i) + ".patch"}
		}
		out = append(out, v)
	}
	return out
}

// patchedLabels are labels after the strategic merge of a patch into the pod that has them.
func patchedLabels(labels map[string]string, patch *yaml.Node) map[string]string {
	n := patch
	for _, field := range []string{metadataField, labelsField} {
		if isReplacement(n) {
			labels = nil
		}
		next := manifest.Lookup(n, field)
		if next == nil {
			return labels
		}
		if n = next; manifest.IsNull(n) || manifest.Text(manifest.Lookup(n, "$patch")) == "delete" {
			return nil
		}
	}
	out := map[string]string{}
	if !isReplacement(n) {
		maps.Copy(out, labels)
	}
	manifest.EachPair(n, func(key, value *yaml.Node) {
		if delete(out, manifest.Key(key)); !manifest.IsNull(value) && key.Value != "$patch" {
			out[manifest.Key(key)] = manifest.Text(value)
		}
	})
	return out
}

// toAsk lists the sets to hold against a pod, in order: all of them where the results are to name those that do not match too.
func (in *Injector) toAsk(p pod) []*SidecarSet {
	if !in.opts.Terse {
		return in.sets
	}
	var out []*SidecarSet
	for _, i := range in.index.candidates(p) {
		out = append(out, in.sets[i])
	}
	return out
}

// match holds a set against the pods of a template. Where subsets patch their labels, all of them have to agree.
func (in *Injector) match(set *SidecarSet, p pod) Match {
	if len(p.variants) == 0 {
		return in.matchPod(set, p)
	}
	var first Match
	for i, v := range p.variants {
		p.labels = v.labels
		m := in.matchPod(set, p)
		if i == 0 {
			first = m
		}
		if m.Verdict == first.Verdict {
			continue
		}
		patch, does := v.patch, m
		if patch == "" {
			patch, does = p.variants[0].patch, first
		}
		return Match{
			Set: m.Set, Verdict: Undecided,
			Reason: patch + " decides it: pods that it patches are " + string(does.Verdict) + ", others are not",
			Add:    "put the labels that spec.selector asks for into the pod template, or select on labels that no patch changes",
		}
	}
	if patch := p.variants[0].patch; patch != "" && first.Verdict == Matched {
		first.Reason += ", as " + patch + " and its like leave them"
	}
	return first
}
