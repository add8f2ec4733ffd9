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

// build is the injection into one pod template.
type build struct {
	in       *Injector
	doc      *yaml.Node // the document's root
	t        podTemplate
	text     Text
	source   manifest.Source
	result   TemplateResult
	findings []manifest.Finding
	// entangled is what is wrong where an anchor carries the edit to places that do not change alike; see merge.
	entangled []manifest.Finding

	metadata, spec *yaml.Node
	annotations    map[string]string // of the template, with all that was annotated so far
	patched        map[string]string // of the template, with what patchPodMetadata set and nothing else
	overrides      map[string]string // of workload and template
	containers     []*yaml.Node      // the app's own, aliases followed
	inits          []*yaml.Node
	volumes        []*yaml.Node

	sets    []*SidecarSet // that matched, in order
	changes changes
}

// run returns the injected template, or the template itself.
func (b *build) run() *yaml.Node {
	b.result = TemplateResult{Object: b.t.object, Field: b.t.field(""), Source: manifest.SourceAt(b.source, b.t.node)}
	if !b.readMetadata() || b.optedOut() || b.finished() {
		return b.t.node
	}
	b.matchSets()
	if len(b.sets) == 0 || !b.direct() || !b.readSpec() && manifest.HasErrors(b.findings) || b.lonely() {
		return b.t.node
	}
	b.collect()
	if b.changes.empty() || manifest.HasErrors(b.findings) {
		return b.t.node
	}
	return b.apply()
}

// direct reports a template that cannot be edited where it stands.
func (b *build) direct() bool {
	n := detour(b.doc, b.t.path)
	if n == nil {
		return true
	}
	how := "stands behind a YAML alias"
	if n.Kind != yaml.AliasNode {
		how = "comes from a YAML merge key (<<)"
	}
	b.report(manifest.SeverityError, n, "behind-alias", "",
		"the pod template "+how+", and an edit there would change every use of the anchor",
		"write the template out in place of the alias")
	b.findings[len(b.findings)-1].Field = b.t.field("")
	return b.entangles(n)
}

// entangles tells whether what was just reported of n counts only where the uses of an anchor differ, and keeps it until
// that is known.
func (b *build) entangles(n *yaml.Node) bool {
	if n.Kind != yaml.AliasNode {
		return false
	}
	last := len(b.findings) - 1
	b.entangled = append(b.entangled, b.findings[last])
	b.findings = b.findings[:last]
	return true
}

// readMetadata takes apart what matching looks at.
func (b *build) readMetadata() bool {
	b.metadata = manifest.Lookup(b.t.node, metadataField)
	ok := b.shape(b.metadata, yaml.MappingNode, metadataField)
	for _, f := range []string{annotationsField, labelsField} {
		ok = ok && b.shape(manifest.Lookup(b.metadata, f), yaml.MappingNode, metadataField+"."+f)
	}
	b.annotations = manifest.StringMap(manifest.Lookup(b.metadata, annotationsField))
	b.overrides = manifest.StringMap(manifest.At(b.t.root, metadataField, annotationsField))
	maps.Copy(b.overrides, b.annotations)
	return ok
}

// readSpec takes apart what injection adds to, and checks the shapes that it relies on. A template that no set matches
// is not looked at so closely: it stays as it is, whatever it holds.
func (b *build) readSpec() bool {
	b.spec = manifest.Lookup(b.t.node, specField)
	ok := b.shape(b.spec, yaml.MappingNode, specField)
	for _, f := range []string{containersField, initsField, volumesField, pullSecretsField} {
		ok = ok && b.list(f)
	}
	if !ok || manifest.IsNull(b.spec) {
		return false
	}
	b.containers, b.inits = manifest.Items(manifest.Lookup(b.spec, containersField)), manifest.Items(manifest.Lookup(b.spec, initsField))
	b.volumes = manifest.Items(manifest.Lookup(b.spec, volumesField))
	return true
}

func (b *build) list(field string) bool {
	l := manifest.Lookup(b.spec, field)
	if !b.shape(l, yaml.SequenceNode, specField+"."+field) {
		return false
	}
	for i, e := range manifest.Items(l) {
		if manifest.IsNull(e) {
			b.report(manifest.SeverityError, e, "wrong-type", indexed(specField+"."+field, i), "is null, must be a mapping", "")
			return false
		}
		if !b.shape(e, yaml.MappingNode, indexed(specField+"."+field, i)) {
			return false
		}
	}
	return true
}

// shape reports a node that is neither null nor of the kind that its place asks for.
func (b *build) shape(n *yaml.Node, kind yaml.Kind, field string) bool {
	if manifest.IsNull(n) || n.Kind == kind {
		return true
	}
	want := "a mapping"
	if kind == yaml.SequenceNode {
		want = "a list"
	}
	b.report(manifest.SeverityError, n, "wrong-type", field, "is "+manifest.Describe(n)+", must be "+want, "")
	return false
}

func (b *build) report(s manifest.Severity, n *yaml.Node, code, below, message, hint string) {
	field := ""
	if below != "" {
		field = b.t.field(below)
	}
	b.findings = append(b.findings, manifest.Finding{
		Severity: s, Code: code, Message: message, Hint: hint, Object: b.t.object, Field: field,
		Source: manifest.SourceAt(b.source, orElse(n, b.t.node)),
	})
}

// optedOut honours slipway.dev/inject.
func (b *build) optedOut() bool {
	switch v, ok := b.overrides[injectAnnotation]; {
	case !ok || v == "true":
		return false
	case v == "false":
		b.result.OptOut = true
		return true
	default:
		b.report(manifest.SeverityError, nil, "bad-annotation", "metadata.annotations["+injectAnnotation+"]",
			fmt.Sprintf("is %q, must be \"true\" or \"false\"", v), "")
		return true
	}
}

// finished says whether a Pod in the input has ended, as the webhook asks before anything else.
func (b *build) finished() bool {
	if len(b.t.path) > 0 && b.t.object.Kind != "Pod" {
		return false
	}
	phase := manifest.Text(manifest.At(b.t.node, "status", "phase"))
	return phase == "Succeeded" || phase == "Failed" || manifest.Text(manifest.At(b.t.node, metadataField, "deletionTimestamp")) != ""
}

// matchSets holds every set against the template, in order.
func (b *build) matchSets() {
	p := pod{kind: b.t.kind, namespace: b.t.namespace(&b.in.opts), labels: manifest.StringMap(manifest.Lookup(b.metadata, labelsField))}
	p.variants = b.in.variants(b.t, p.labels)
	skipped := b.skipped()
	for _, set := range b.in.sets {
		m := b.in.match(set, p)
		if m.Verdict == Matched && slices.Contains(skipped, set.Metadata.Name) {
			m.Verdict, m.Reason = Unmatched, "skipped by the annotation "+skipAnnotation
		}
		pinned := set
		if m.Verdict == Matched {
			pinned = b.in.pin(set, p, &m)
		}
		if m.Verdict == Matched && b.blocksCompletion(pinned) {
			m.Verdict = Unmatched
			m.Reason = "its containers would keep this " + b.t.object.Kind + " from completing"
		}
		if m.Verdict == Undecided {
			b.undecided(m, pinned == nil)
		}
		b.result.Matches = append(b.result.Matches, m)
		if m.Verdict == Matched {
			b.sets = append(b.sets, pinned)
		}
	}
	b.sets = dropReplaced(b.sets, b.result.Matches)
}

// undecided reports a match that cannot be decided, as the options ask. What the webhook refuses too is never skipped.
func (b *build) undecided(m Match, refused bool) {
	switch {
	case refused:
		b.report(manifest.SeverityError, nil, "undecided", "",
			"SidecarSet "+m.Set+" matches and cannot be injected: "+m.Reason, m.Add)
	case b.in.opts.OnUndecided == Skip:
		b.report(manifest.SeverityWarning, nil, "undecided", "",
			"SidecarSet "+m.Set+" is not injected, because it cannot be decided whether it matches: "+m.Reason, m.Add)
	default:
		hint := m.Add
		if hint != "" {
			hint += "; or set onUndecided: Skip"
		}
		b.report(manifest.SeverityError, nil, "undecided", "",
			"cannot decide whether SidecarSet "+m.Set+" matches: "+m.Reason, hint)
	}
}

// jobs is what happens to a set in workloads that run to completion: what the set says itself, or the options.
func (b *build) jobs(set *SidecarSet) Policy {
	return Policy(orWord(set.Metadata.Annotations[jobsAnnotation], string(b.in.opts.Jobs)))
}

// blocksCompletion warns of a set whose containers would run on after a Job's own have ended. Those that Kruise ends
// with the Job do not.
func (b *build) blocksCompletion(set *SidecarSet) bool {
	if !b.t.ends() || b.jobs(set) != Skip {
		return false
	}
	var endless []string
	for i := range set.Spec.Containers {
		if s := &set.Spec.Containers[i]; !s.endsWithJob() {
			endless = append(endless, s.Name)
		}
	}
	which := "its containers never end"
	switch n := len(endless); {
	case n == 0:
		return false
	case n < len(set.Spec.Containers):
		which = "nothing ends " + strings.Join(endless, ", ")
	}
	what := b.t.object.Kind
	if b.t.isHookPod() {
		what = "hook"
	}
	b.report(manifest.SeverityWarning, nil, "job-skipped", "", fmt.Sprintf(
		"SidecarSet %s matches but is not injected: %s, so this %s would never complete", set.Metadata.Name, which, what),
		"jobs: Native injects them as native sidecars, jobs: Inject as they are")
	return true
}
