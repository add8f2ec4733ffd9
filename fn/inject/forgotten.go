// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Forgotten reports the injections of an object to a run that knows no SidecarSet. It would take them all out, and more
// likely than not its user has forgotten to name the sets; name says how that is done.
func (in *Injector) Forgotten(object *yaml.Node, source manifest.Source, name string) []manifest.Finding {
	report := func(ref manifest.ObjectRef, field string, mark *yaml.Node) manifest.Finding {
		return manifest.Finding{
			Severity: manifest.SeverityError, Code: "sets-forgotten", Object: ref, Field: field, Source: manifest.SourceAt(source, mark),
			Message: "an earlier run has injected sidecars, and this one knows no SidecarSet: it would take them all out",
			Hint:    name + ", or take the sidecars out with slipway eject",
		}
	}
	const annotation = metadataField + "." + annotationsField + "[" + InjectedAnnotation + "]"
	var out []manifest.Finding
	for t := range in.opts.templates(object, &manifest.Decoder{Source: source}) {
		annotations := manifest.At(t.node, metadataField, annotationsField)
		if manifest.Lookup(annotations, InjectedAnnotation) != nil {
			out = append(out, report(t.object, t.field(annotation), keyOf(annotations, InjectedAnnotation)))
		}
	}
	if len(out) > 0 {
		return out
	}
	// A kind that this run is not told about keeps its injection, and yet it says that the sets are missing.
	if mark := Mark(object); mark != nil {
		out = append(out, report(manifest.RefOf(object), "", mark))
	}
	return out
}

// keyOf is the node of a key, or of the mapping where the key comes from elsewhere.
func keyOf(m *yaml.Node, key string) *yaml.Node {
	if i := manifest.OwnIndex(m, key); i > 0 {
		return m.Content[i-1]
	}
	return m
}

// Mark finds the first key of slipway's record of an injection anywhere in a tree.
func Mark(n *yaml.Node) *yaml.Node {
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && c.Value == InjectedAnnotation {
			return c
		}
		if found := Mark(c); found != nil {
			return found
		}
	}
	return nil
}
