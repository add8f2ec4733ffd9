// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Eject takes out of every pod template of an object what slipway put in, and puts back what it displaced.
// The tree that it returns, written with Result.Verbatim, is to the byte the object before the injection, where nobody
// has changed it since; what others have changed stays as they left it.
func (in *Injector) Eject(object *yaml.Node, source manifest.Source) Result {
	d := &manifest.Decoder{Source: source}
	result := Result{Object: object, Verbatim: map[*yaml.Node]string{}}
	edit := merger{object: object, edited: object}
	marked := false
	for t := range in.opts.templates(object, d) {
		mark := manifest.At(t.node, metadataField, annotationsField, InjectedAnnotation)
		if mark == nil {
			continue
		}
		marked = true
		e := &ejection{template: &template{in: in, doc: object, podTemplate: t, source: source}, verbatim: result.Verbatim}
		tmpl := e.run(mark)
		result.Findings = append(result.Findings, e.findings...)
		if tmpl != t.node {
			edit.add(change{template: e.template, tmpl: tmpl})
			result.Templates = append(result.Templates,
				TemplateResult{
					Object: t.object, Field: t.field(""), Source: manifest.SourceAt(source, t.node), Edited: true,
					Origins: e.rec.origins(),
				})
		}
	}
	if !marked {
		return result // what is wrong with it is not in the way of anything here
	}
	edited, findings := edit.merge()
	result.Findings = slices.Concat(d.Findings, result.Findings, findings)
	if !manifest.HasErrors(result.Findings) {
		result.Object = edited
	}
	return result
}

// ejection is the undoing of one build.
type ejection struct {
	*template
	rec      *provenance
	verbatim map[*yaml.Node]string
}

// run undoes what mark, the record of an injection, says.
func (e *ejection) run(mark *yaml.Node) *yaml.Node {
	if !e.direct() || !e.readMetadata() || !e.readSpec() {
		return e.node
	}
	rec, err := decodeProvenance(manifest.Text(mark))
	if err != nil {
		e.report(manifest.SeverityError, mark, "damaged-provenance", "metadata.annotations["+InjectedAnnotation+"]",
			err.Error(), "restore the annotation, or the file, from version control")
		return e.node
	}
	e.rec = rec
	spec := e.spec
	for _, field := range []string{initsField, containersField, volumesField, pullSecretsField} {
		spec = e.restoreList(spec, field)
	}
	tmpl := manifest.With(e.node, specField, spec)
	if spec == e.spec {
		tmpl = e.node
	}
	return e.restoreMetadata(tmpl)
}

// restoreList takes the recorded elements out of one list.
func (e *ejection) restoreList(spec *yaml.Node, field string) *yaml.Node {
	recorded := e.rec.recorded(field)
	was, rewritten := e.rec.Was[field]
	list := manifest.Resolve(childOf(spec, field))
	if len(recorded) == 0 && !rewritten || list == nil || list.Kind != yaml.SequenceNode {
		return spec
	}
	var kept []*yaml.Node
	for _, n := range list.Content {
		name := manifest.Text(manifest.Lookup(n, nameField))
		if !contains(recorded, name) {
			kept = append(kept, n)
		} else if was, ok := e.rec.Was[field+"["+name+"]"]; ok {
			kept = append(kept, e.originalElement(was, n))
		}
	}
	switch {
	case rewritten && e.unchanged(kept, was):
		return manifest.With(spec, field, e.original(was))
	case len(kept) == 0:
		return manifest.Without(spec, field)
	}
	c := *list
	c.Content = kept
	return manifest.With(spec, field, &c)
}

// contains says whether a sorted list holds a name.
func contains(sorted []string, name string) bool {
	_, found := slices.BinarySearch(sorted, name)
	return found
}

// unchanged says whether what is left of a list is what its original text held, so that the text can stand for it.
func (e *ejection) unchanged(kept []*yaml.Node, was string) bool {
	original := parseText(was)
	var before []string
	for _, n := range firstOfEach(slices.Clone(manifest.Items(original))) {
		before = append(before, manifest.Text(manifest.Lookup(n, nameField)))
	}
	now := make([]string, 0, len(kept))
	for _, n := range kept {
		now = append(now, manifest.Text(manifest.Lookup(n, nameField)))
	}
	return slices.Equal(before, now)
}

// original makes the node that stands for recorded text.
func (e *ejection) original(text string) *yaml.Node {
	n := manifest.Copy(parseText(text), false)
	if n == nil {
		n = &yaml.Node{Kind: yaml.ScalarNode, Tag: yaml.NodeTagNull}
	}
	e.verbatim[n] = text
	return n
}

// originalElement makes the node that stands for the recorded text of an element, in the place of an injected one. The
// text's first line is indented to the column of its keys; what of that stands before and at the dash is not repeated.
func (e *ejection) originalElement(text string, injected *yaml.Node) *yaml.Node {
	n := e.original(text)
	const dash = 2 // an injected element's keys start two columns after its dash
	if blanks := len(text) - len(strings.TrimLeft(text, " ")); blanks > 1 && n.Style&yaml.FlowStyle == 0 {
		e.verbatim[n] = text[min(max(injected.Column-dash, 0), blanks-1):]
	}
	n.Line, n.Column = -injected.Line, injected.Column // see inPlaceOf
	return n
}

func parseText(text string) *yaml.Node {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return manifest.NewScalar(strings.TrimSpace(text))
	}
	return manifest.Root(&doc)
}

// restoreMetadata takes out the recorded annotations and the record itself, and the mappings that came with them.
func (e *ejection) restoreMetadata(tmpl *yaml.Node) *yaml.Node {
	edit := manifest.NewEdit(manifest.Lookup(e.metadata, annotationsField))
	for _, key := range append(e.rec.recorded(annotationsField), InjectedAnnotation) {
		if was, ok := e.rec.Was[annotationsField+"["+key+"]"]; ok {
			edit.Set(key, e.original(was))
			continue
		}
		edit.Remove(key)
	}
	metadata := e.restoreMapping(e.metadata, annotationsField, edit.Node())
	return e.restoreMapping(tmpl, metadataField, metadata)
}

// restoreMapping puts a mapping back under its key; an empty one as it was written, or not at all.
func (e *ejection) restoreMapping(m *yaml.Node, key string, v *yaml.Node) *yaml.Node {
	if len(v.Content) > 0 {
		return manifest.With(m, key, v)
	}
	if was, ok := e.rec.Was[key]; ok {
		return manifest.With(m, key, e.original(was))
	}
	return manifest.Without(m, key)
}

// origins lists what a record names, as explain shows it where the sets are not at hand.
func (p *provenance) origins() []Origin {
	var out []Origin
	for _, field := range []string{initsField, containersField, volumesField, pullSecretsField, annotationsField} {
		base := specField + "."
		if field == annotationsField {
			base = metadataField + "."
		}
		for set, r := range p.Sets {
			for _, name := range *r.list(field) {
				out = append(out, Origin{Field: base + field + "[" + name + "]", Set: set, Rule: "recorded in " + InjectedAnnotation})
			}
		}
	}
	slices.SortFunc(out, func(a, b Origin) int { return strings.Compare(a.Field+a.Set, b.Field+b.Set) })
	return out
}
