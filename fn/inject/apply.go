// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// writer writes changes into a pod template, and records what was there.
type writer struct {
	*template
	text    Text
	changes changes
	record  *provenance
}

// apply writes the collected changes into a copy of the pod template.
func (w *writer) apply() *yaml.Node {
	if !w.editable(w.node, specField, specField) {
		return w.node
	}
	spec := w.spec
	spec = w.insert(spec, initsField, w.changes.inits)
	spec = w.insert(spec, containersField, w.changes.containers)
	spec = w.insert(spec, volumesField, w.changes.volumes)
	spec = w.insert(spec, pullSecretsField, w.changes.pullSecrets)
	metadata := w.annotated()
	if manifest.HasErrors(w.findings) {
		return w.node
	}
	tmpl := w.node
	if metadata != w.metadata {
		tmpl = manifest.With(tmpl, metadataField, metadata, specField)
	}
	return manifest.With(tmpl, specField, spec)
}

// insert adds elements to one list of the pod spec.
func (w *writer) insert(spec *yaml.Node, field string, elements []placed) *yaml.Node {
	old := manifest.Lookup(spec, field)
	own := slices.Clone(ownContent(old))
	if field == pullSecretsField && w.changes.containersToo() {
		own = firstOfEach(own) // as the webhook does to the pod's own whenever it injects a container
	}
	repeated := len(own) < len(ownContent(old))
	if len(elements) == 0 && !repeated || !w.editable(spec, field, specField+"."+field) {
		return spec
	}
	if repeated {
		w.record.Was[field] = w.text(childOf(spec, field))
	}
	var before, after []*yaml.Node
	for _, p := range elements {
		switch {
		case p.replaces >= 0:
			original := ownContent(old)[p.replaces]
			if own[p.replaces] == original {
				w.record.replaced(field, p.name, w.elementText(original))
			}
			own[p.replaces] = inPlaceOf(original, p.node)
		case p.before:
			before = append(before, p.node)
		default:
			after = append(after, p.node)
		}
		w.record.set(p.set).add(field, p.name)
	}
	w.recordEmpty(spec, field, field)
	return manifest.With(spec, field, manifest.WithElements(old, slices.Concat(before, own, after)), after0(field)...)
}

// after0 are the keys that a new list goes before, so that a pod spec reads in its usual order.
func after0(field string) []string {
	if field == initsField {
		return []string{containersField}
	}
	return nil
}

// recordEmpty remembers how an empty or null value was written that a list or mapping takes the place of.
func (w *writer) recordEmpty(m *yaml.Node, key, name string) {
	n := childOf(m, key)
	if n != nil && (manifest.IsNull(n) || len(manifest.Resolve(n).Content) == 0) {
		w.record.Was[name] = w.text(n)
	}
}

// annotated returns the template's metadata with what the sets patched and with the provenance.
func (w *writer) annotated() *yaml.Node {
	if !w.editable(w.node, metadataField, metadataField) {
		return w.metadata
	}
	w.recordEmpty(w.node, metadataField, metadataField)
	metadata := w.metadata
	if manifest.IsNull(metadata) || len(metadata.Content) == 0 {
		metadata = manifest.NewMapping()
	}
	if !w.editable(metadata, annotationsField, metadataField+"."+annotationsField) {
		return w.metadata
	}
	w.recordEmpty(metadata, annotationsField, annotationsField)
	annotations := manifest.Lookup(metadata, annotationsField)
	if manifest.IsNull(annotations) || len(annotations.Content) == 0 {
		annotations = manifest.NewMapping()
	}
	edit := manifest.NewEdit(annotations)
	for _, a := range w.changes.annotations {
		if old := edit.Own(a.key); old != nil {
			w.record.replaced(annotationsField, a.key, w.text(old))
		}
		w.record.set(a.set).add(annotationsField, a.key)
		edit.Set(a.key, manifest.NewScalar(a.value))
	}
	edit.Set(InjectedAnnotation, singleQuoted(w.record.encode()))
	return manifest.With(metadata, annotationsField, edit.Node(), labelsField)
}

// singleQuoted is the form in which JSON reads best inside YAML.
func singleQuoted(v string) *yaml.Node {
	n := manifest.NewScalar(v)
	n.Style = yaml.SingleQuotedStyle
	return n
}

// editable reports a value that cannot be changed where it stands without changing what else refers to it.
func (w *writer) editable(m *yaml.Node, key, below string) bool {
	n := childOf(m, key)
	switch {
	case n == nil && manifest.Lookup(m, key) != nil:
		w.report(manifest.SeverityError, manifest.Lookup(m, key), "behind-merge-key", below,
			"comes from a YAML merge key (<<), and an edit there would change every mapping that merges it",
			"write it out in this object")
	case n != nil && n.Kind == yaml.AliasNode:
		w.report(manifest.SeverityError, n, "behind-alias", below, fmt.Sprintf(
			"is the YAML alias *%s, and an edit there would change every use of the anchor", n.Value),
			"write it out in place of the alias")
		return w.entangles(n)
	default:
		return true
	}
	return false
}

func ownContent(list *yaml.Node) []*yaml.Node {
	if list == nil || list.Kind != yaml.SequenceNode {
		return nil
	}
	return list.Content
}

// elementText is the text of a list's element as YAML of its own: its first line starts with as many spaces as keep its
// keys in one column.
func (w *writer) elementText(n *yaml.Node) string {
	text := w.text(n)
	if n.Style&yaml.FlowStyle != 0 || n.Kind != yaml.MappingNode {
		return text
	}
	blanks := len(text) - len(strings.TrimLeft(text, " "))
	return strings.Repeat(" ", max(n.Column-1-blanks, 0)) + text
}

// inPlaceOf is the new element n marked as standing where old stood: a negative line names the place. Its text then
// goes there and nowhere else.
func inPlaceOf(old, n *yaml.Node) *yaml.Node {
	c := *n
	c.Line, c.Column = -old.Line, old.Column
	return &c
}

// childOf is the value of a key of a mapping as it stands there, an alias as an alias.
func childOf(m *yaml.Node, key string) *yaml.Node {
	if m == nil {
		return nil
	}
	return child(m, step{key: key})
}
