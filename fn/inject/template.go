// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// template is a pod template that is being injected into: what is read of it, and what is said about it.
type template struct {
	podTemplate
	in       *Injector
	doc      *yaml.Node // the document's root
	source   manifest.Source
	result   TemplateResult
	findings []manifest.Finding
	// entangled is what is wrong where an anchor carries the edit to places that do not change alike; see merge.
	entangled []manifest.Finding

	metadata, spec *yaml.Node
	annotations    map[string]string // of the template, with all that was annotated so far
	overrides      map[string]string // of workload and template
	skip           map[string]bool   // what is skipped, once that was asked for
	specLists
}

// specLists are the lists of a pod spec that injection adds to.
type specLists struct {
	containers []*yaml.Node // the app's own, aliases followed
	inits      []*yaml.Node
	volumes    []*yaml.Node
	named      map[string]*manifest.Index // the elements of all of them by name
}

// direct reports a template that cannot be edited where it stands.
func (t *template) direct() bool {
	n := obstacle(t.doc, t.path)
	if n == nil {
		return true
	}
	how := "stands behind a YAML alias"
	if n.Kind != yaml.AliasNode {
		how = "comes from a YAML merge key (<<)"
	}
	t.report(manifest.SeverityError, n, "behind-alias", "",
		"the pod template "+how+", and an edit there would change every use of the anchor",
		"write the template out in place of the alias")
	t.findings[len(t.findings)-1].Field = t.field("")
	return t.entangles(n)
}

// entangles tells whether what was just reported of n counts only where the uses of an anchor differ, and keeps it until
// that is known.
func (t *template) entangles(n *yaml.Node) bool {
	if n.Kind != yaml.AliasNode {
		return false
	}
	last := len(t.findings) - 1
	t.entangled = append(t.entangled, t.findings[last])
	t.findings = t.findings[:last]
	return true
}

// readMetadata takes apart what matching looks at.
func (t *template) readMetadata() bool {
	t.metadata = manifest.Lookup(t.node, metadataField)
	ok := t.shape(t.metadata, yaml.MappingNode, metadataField)
	for _, f := range []string{annotationsField, labelsField} {
		ok = ok && t.shape(manifest.Lookup(t.metadata, f), yaml.MappingNode, metadataField+"."+f)
	}
	t.annotations = manifest.StringMap(manifest.Lookup(t.metadata, annotationsField))
	t.overrides = manifest.StringMap(manifest.At(t.root, metadataField, annotationsField))
	maps.Copy(t.overrides, t.annotations)
	return ok
}

// textual reports labels and annotations that are no text: an API server refuses them, though they may read as what a
// selector asks for.
func (t *template) textual() bool {
	d := &manifest.Decoder{Object: t.object, Source: t.source}
	for _, f := range []string{labelsField, annotationsField} {
		d.Decode(orElse(manifest.Lookup(t.metadata, f), manifest.NewNull()), &map[string]string{}, t.field(metadataField+"."+f))
	}
	t.findings = append(t.findings, d.Findings...)
	return len(d.Findings) == 0
}

// readSpec takes apart what injection adds to, and checks the shapes that it relies on. A template that no set matches
// is not looked at so closely: it stays as it is, whatever it holds.
func (t *template) readSpec() bool {
	t.spec = manifest.Lookup(t.node, specField)
	ok := t.shape(t.spec, yaml.MappingNode, specField)
	for _, f := range []string{containersField, initsField, volumesField, pullSecretsField} {
		ok = ok && t.checkList(f)
	}
	if !ok || manifest.IsNull(t.spec) {
		return false
	}
	t.containers, t.inits = manifest.Items(manifest.Lookup(t.spec, containersField)),
		manifest.Items(manifest.Lookup(t.spec, initsField))
	t.volumes = manifest.Items(manifest.Lookup(t.spec, volumesField))
	t.named = map[string]*manifest.Index{
		containersField: manifest.NewIndex(t.containers), initsField: manifest.NewIndex(t.inits),
		volumesField:     manifest.NewIndex(t.volumes),
		pullSecretsField: manifest.NewIndex(manifest.Items(manifest.Lookup(t.spec, pullSecretsField))),
	}
	return true
}

func (t *template) checkList(field string) bool {
	l := manifest.Lookup(t.spec, field)
	if !t.shape(l, yaml.SequenceNode, specField+"."+field) {
		return false
	}
	for i, e := range manifest.Items(l) {
		if manifest.IsNull(e) {
			t.report(manifest.SeverityError, e, "wrong-type", indexed(specField+"."+field, i), "is null, must be a mapping", "")
			return false
		}
		if !t.shape(e, yaml.MappingNode, indexed(specField+"."+field, i)) {
			return false
		}
	}
	return true
}

// shape reports a node that is neither null nor of the kind that its place asks for.
func (t *template) shape(n *yaml.Node, kind yaml.Kind, field string) bool {
	if manifest.IsNull(n) || n.Kind == kind {
		return true
	}
	want := "a mapping"
	if kind == yaml.SequenceNode {
		want = "a list"
	}
	t.report(manifest.SeverityError, n, "wrong-type", field, "is "+manifest.Describe(n)+", must be "+want, manifest.Advice(n))
	return false
}

func (t *template) report(s manifest.Severity, n *yaml.Node, code, below, message, hint string) {
	field := ""
	if below != "" {
		field = t.field(below)
	}
	t.findings = append(t.findings, manifest.Finding{
		Severity: s, Code: code, Message: message, Hint: hint, Object: t.object, Field: field,
		Source: manifest.SourceAt(t.source, orElse(n, t.node)),
	})
}

// reportAnnotation reports an annotation of the template or, where that has none of the key, of its object.
func (t *template) reportAnnotation(s manifest.Severity, key, code, message, hint string) {
	field := metadataField + "." + annotationsField + "[" + key + "]"
	n := manifest.At(t.metadata, annotationsField, key)
	if n != nil {
		t.report(s, n, code, field, message, hint)
		return
	}
	t.report(s, manifest.At(t.root, metadataField, annotationsField, key), code, "", message, hint)
	t.findings[len(t.findings)-1].Field = field
}

// optedOut honours slipway.dev/inject.
func (t *template) optedOut() bool {
	switch v, ok := t.overrides[injectAnnotation]; {
	case !ok || v == "true":
		return false
	case v == "false":
		t.result.OptOut = true
		return true
	default:
		t.reportAnnotation(manifest.SeverityError, injectAnnotation, "bad-annotation",
			fmt.Sprintf("is %q, must be \"true\" or \"false\"", v), "")
		return true
	}
}

// finished says whether a Pod in the input has ended, as the webhook asks before anything else.
func (t *template) finished() bool {
	if len(t.path) > 0 && t.object.Kind != "Pod" {
		return false
	}
	phase := manifest.Text(manifest.At(t.node, "status", "phase"))
	return phase == "Succeeded" || phase == "Failed" || manifest.Text(manifest.At(t.node, metadataField, "deletionTimestamp")) != ""
}

// origin notes where an injected field came from, for results that explain.
func (t *template) origin(list, name string, set *SidecarSet, rule, prevailed string) {
	if t.in.opts.Terse {
		return
	}
	field := specField + "." + list
	if list == annotationsField {
		field = metadataField + "." + list
	}
	field += "[" + name
	if !strings.Contains(name, "]") {
		field += "]"
	}
	t.result.Origins = append(t.result.Origins, Origin{Field: field, Set: set.Metadata.Name, Rule: rule, Prevailed: prevailed})
}

// mistake is the severity of what the webhook passes over in silence: Safe refuses it, Kruise only tells.
func (t *template) mistake() manifest.Severity {
	if t.in.opts.Compatibility == Kruise {
		return manifest.SeverityWarning
	}
	return manifest.SeverityError
}

// skips says whether the annotation slipway.dev/skip names a set or a container.
func (t *template) skips(name string) bool {
	if t.skip == nil {
		t.skip = map[string]bool{}
		for _, s := range t.skipped() {
			t.skip[s] = true
		}
	}
	return t.skip[name]
}

// skipped lists what the annotation slipway.dev/skip names: sets, or single containers of sets.
func (t *template) skipped() []string {
	return strings.FieldsFunc(t.overrides[skipAnnotation], func(r rune) bool { return r == ',' || r == ' ' })
}

// unusedAnnotation warns of an annotation for slipway that changes nothing.
func (t *template) unusedAnnotation(key, message, name string, known map[string]bool) {
	hint := ""
	if near := manifest.Nearest(name, slices.Collect(maps.Keys(known))); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	t.reportAnnotation(manifest.SeverityWarning, key, "unused-annotation", message, hint)
}
