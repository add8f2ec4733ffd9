// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// apply writes the collected changes into a copy of the pod template.
func (b *build) apply() *yaml.Node {
	if !b.editable(b.t.node, specField, specField) {
		return b.t.node
	}
	rec := newProvenance()
	spec := b.spec
	spec = b.insert(spec, initsField, b.changes.inits, rec)
	spec = b.insert(spec, containersField, b.changes.containers, rec)
	spec = b.insert(spec, volumesField, b.changes.volumes, rec)
	spec = b.insert(spec, pullSecretsField, b.changes.pullSecrets, rec)
	metadata := b.annotated(rec)
	if manifest.HasErrors(b.findings) {
		return b.t.node
	}
	tmpl := b.t.node
	if metadata != b.metadata {
		tmpl = manifest.With(tmpl, metadataField, metadata, specField)
	}
	return manifest.With(tmpl, specField, spec)
}

// insert adds elements to one list of the pod spec.
func (b *build) insert(spec *yaml.Node, field string, elements []placed, rec *provenance) *yaml.Node {
	old := manifest.Lookup(spec, field)
	own := slices.Clone(ownContent(old))
	if field == pullSecretsField && b.changes.containersToo() {
		own = unique(own)
	}
	repeated := len(own) < len(ownContent(old))
	if len(elements) == 0 && !repeated || !b.editable(spec, field, specField+"."+field) {
		return spec
	}
	if repeated {
		rec.Was[field] = b.text(b.child(spec, field))
	}
	var before, after []*yaml.Node
	for _, p := range elements {
		switch {
		case p.replaces >= 0:
			original := ownContent(old)[p.replaces]
			if own[p.replaces] == original {
				rec.replaced(field, p.name, b.elementText(original))
			}
			own[p.replaces] = inPlaceOf(original, p.node)
		case p.before:
			before = append(before, p.node)
		default:
			after = append(after, p.node)
		}
		rec.set(p.set).add(field, p.name)
	}
	b.recordEmpty(spec, field, field, rec)
	return manifest.With(spec, field, manifest.WithElements(old, slices.Concat(before, own, after)), after0(field)...)
}

// after0 are the keys that a new list goes before, so that a pod spec reads in its usual order.
func after0(field string) []string {
	if field == initsField {
		return []string{containersField}
	}
	return nil
}

// unique drops the elements whose name an earlier one has: the webhook does that to the pod's own pull secrets whenever
// it injects a container.
func unique(own []*yaml.Node) []*yaml.Node {
	seen := map[string]bool{}
	return slices.DeleteFunc(own, func(n *yaml.Node) bool {
		name := manifest.Text(manifest.Lookup(n, nameField))
		defer func() { seen[name] = true }()
		return seen[name]
	})
}

// recordEmpty remembers how an empty or null value was written that a list or mapping takes the place of.
func (b *build) recordEmpty(m *yaml.Node, key, name string, rec *provenance) {
	n := b.child(m, key)
	if n != nil && (manifest.IsNull(n) || len(manifest.Resolve(n).Content) == 0) {
		rec.Was[name] = b.text(n)
	}
}

func (b *build) child(m *yaml.Node, key string) *yaml.Node {
	if m == nil {
		return nil
	}
	return child(m, step{key: key})
}

// annotated returns the template's metadata with what the sets patched and with the provenance.
func (b *build) annotated(rec *provenance) *yaml.Node {
	if !b.editable(b.t.node, metadataField, metadataField) {
		return b.metadata
	}
	b.recordEmpty(b.t.node, metadataField, metadataField, rec)
	metadata := b.metadata
	if manifest.IsNull(metadata) || len(metadata.Content) == 0 {
		metadata = manifest.NewMapping()
	}
	if !b.editable(metadata, annotationsField, metadataField+"."+annotationsField) {
		return b.metadata
	}
	b.recordEmpty(metadata, annotationsField, annotationsField, rec)
	annotations := manifest.Lookup(metadata, annotationsField)
	if manifest.IsNull(annotations) || len(annotations.Content) == 0 {
		annotations = manifest.NewMapping()
	}
	for _, a := range b.changes.annotations {
		if old := b.child(annotations, a.key); old != nil {
			rec.replaced(annotationsField, a.key, b.text(old))
		}
		rec.set(a.set).add(annotationsField, a.key)
		annotations = manifest.With(annotations, a.key, manifest.NewScalar(a.value))
	}
	annotations = manifest.With(annotations, InjectedAnnotation, singleQuoted(rec.encode()))
	return manifest.With(metadata, annotationsField, annotations, labelsField)
}

// singleQuoted is the form in which JSON reads best inside YAML.
func singleQuoted(v string) *yaml.Node {
	n := manifest.NewScalar(v)
	n.Style = yaml.SingleQuotedStyle
	return n
}

// editable reports a value that cannot be changed where it stands without changing what else refers to it.
func (b *build) editable(m *yaml.Node, key, below string) bool {
	n := b.child(m, key)
	switch {
	case n == nil && manifest.Lookup(m, key) != nil:
		b.report(manifest.SeverityError, manifest.Lookup(m, key), "behind-merge-key", below,
			"comes from a YAML merge key (<<), and an edit there would change every mapping that merges it",
			"write it out in this object")
	case n != nil && n.Kind == yaml.AliasNode:
		b.report(manifest.SeverityError, n, "behind-alias", below, fmt.Sprintf(
			"is the YAML alias *%s, and an edit there would change every use of the anchor", n.Value),
			"write it out in place of the alias")
		return b.entangles(n)
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

// noteAnchor finds the first node on the way to the edits that an alias elsewhere in the document repeats. Where the edit
// must not appear there, that says more than what else is entangled.
func (b *build) noteAnchor() {
	path := []*yaml.Node{b.doc}
	for _, s := range b.t.path {
		path = append(path, child(path[len(path)-1], s))
	}
	metadata, spec := b.child(b.t.node, metadataField), b.child(b.t.node, specField)
	path = append(path, metadata, b.child(metadata, annotationsField), spec)
	for _, field := range []string{initsField, containersField, volumesField, pullSecretsField} {
		path = append(path, b.child(spec, field))
	}
	for _, n := range path {
		if n == nil || n.Anchor == "" {
			continue
		}
		if alias := aliasOf(b.doc, n); alias != nil {
			b.entangled = []manifest.Finding{b.behindAnchor(n, alias)}
			return
		}
	}
}

func (b *build) behindAnchor(n, alias *yaml.Node) manifest.Finding {
	other := "the place"
	if at := manifest.SourceAt(b.source, alias); at.Line > 0 {
		other = fmt.Sprintf("line %d", at.Line)
	}
	return manifest.Finding{
		Severity: manifest.SeverityError, Code: "behind-anchor", Object: b.t.object, Source: manifest.SourceAt(b.source, n),
		Message: fmt.Sprintf("an edit inside the YAML anchor &%s would also change %s, where *%s repeats it", n.Anchor, other, n.Anchor),
		Hint:    "write the mapping out in one of the two places",
	}
}

// aliasOf finds an alias of a node.
func aliasOf(tree, target *yaml.Node) *yaml.Node {
	if tree.Kind == yaml.AliasNode {
		if tree.Alias == target {
			return tree
		}
		return nil
	}
	for _, c := range tree.Content {
		if a := aliasOf(c, target); a != nil {
			return a
		}
	}
	return nil
}

// elementText is the text of a list's element as YAML of its own: its first line starts with as many spaces as keep its
// keys in one column.
func (b *build) elementText(n *yaml.Node) string {
	text := b.text(n)
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
