// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"maps"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Annotations of slipway on workloads and pod templates.
const (
	InjectedAnnotation = "slipway.dev/injected"
	injectAnnotation   = "slipway.dev/inject"
	skipAnnotation     = "slipway.dev/skip"
	overridePrefix     = "slipway.dev/override."
)

// Injector holds what every injection of a run shares. It does not change, and can be used from many goroutines.
type Injector struct {
	opts    Options
	sets    []*SidecarSet // in the order of compareSets
	history map[string][]revision
	filter  prefilter
}

// New prepares injection. Findings tell of sets that cannot be used together.
func New(c Context, opts Options) (*Injector, []Finding) {
	in, findings := newInjector(c, opts)
	for _, set := range in.sets {
		findings = append(findings, in.unreadable(set)...)
	}
	return in, findings
}

func newInjector(c Context, opts Options) (*Injector, []Finding) {
	in := &Injector{opts: opts.WithDefaults(), history: readHistory(c.Revisions)}
	var findings []Finding
	byName := map[string]*SidecarSet{}
	for _, s := range c.Sets {
		first, dup := byName[s.Metadata.Name]
		switch {
		case !dup:
			byName[s.Metadata.Name] = s
			in.sets = append(in.sets, s)
		case !first.sameAs(s):
			findings = append(findings, Finding{
				Severity: SeverityError, Code: "duplicate-sidecarset", Object: Ref(s.Node), Source: s.Source,
				Message: "another SidecarSet of this name, with other content, is at " + first.Source.String(),
				Hint:    "SidecarSets are cluster-scoped: keep one of the two",
			})
		}
	}
	slices.SortStableFunc(in.sets, compareSets)
	in.filter = newPrefilter(in.sets)
	return in, findings
}

// Text returns the source text of a node of the object under injection: all that follows the colon or dash, white
// space included, to the value's end; in a flow sequence, the element alone. Eject puts it back to the byte.
type Text func(n *yaml.Node) string

// Result is what came of one object.
type Result struct {
	// Object is the edited tree; the one given where nothing is to change or a finding is an error.
	Object *yaml.Node
	// Verbatim holds the exact text of new nodes that stand for something that was there before.
	Verbatim  map[*yaml.Node]string
	Templates []TemplateResult
	Findings  []Finding
}

// Changed says whether the result differs from what was given.
func (r *Result) Changed(object *yaml.Node) bool { return r.Object != object }

// TemplateResult is what came of one pod template.
type TemplateResult struct {
	Object  ObjectRef `json:"object"`
	Field   string    `json:"field,omitempty"` // where the template stands; "" is the object itself
	Source  Source    `json:"source"`
	OptOut  bool      `json:"optOut,omitempty"`
	Edited  bool      `json:"-"` // whether the run put anything in or took anything out
	Matches []Match   `json:"matches"`
	Origins []Origin  `json:"injected,omitempty"`
}

// Origin tells where one injected field came from.
type Origin struct {
	Field     string `json:"field"` // below the pod template: spec.containers[log-collector].env[HOST]
	Set       string `json:"sidecarSet"`
	Rule      string `json:"rule"`
	Prevailed string `json:"prevailed,omitempty"` // what it replaced, or what stays in its place
}

// Inject injects into every pod template of an object that carries no injection of slipway's; Eject takes an earlier
// one out first. The object is not changed.
func (in *Injector) Inject(object *yaml.Node, source Source, text Text) Result {
	d := &Decoder{Source: source}
	result := Result{Object: object}
	templates := in.opts.templates(object, nil, d)
	result.Findings = d.Findings
	edited := object
	for _, t := range templates {
		b := &build{in: in, doc: object, t: t, text: text, source: source}
		tmpl := b.run()
		result.Templates = append(result.Templates, b.result)
		result.Findings = append(result.Findings, b.findings...)
		if tmpl != t.node {
			edited = replaceAt(edited, t.path, tmpl)
			result.Templates[len(result.Templates)-1].Edited = true
		}
	}
	if !HasErrors(result.Findings) {
		result.Object = edited
	}
	return result
}

// Sets are the SidecarSets that are injected, in the order in which they are.
func (in *Injector) Sets() []*SidecarSet { return slices.Clone(in.sets) }

// Templates counts the pod templates of an object.
func (in *Injector) Templates(object *yaml.Node) int {
	return len(in.opts.templates(object, nil, &Decoder{}))
}

// build is the injection into one pod template.
type build struct {
	in       *Injector
	doc      *yaml.Node // the document's root
	t        podTemplate
	text     Text
	source   Source
	result   TemplateResult
	findings []Finding

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
	b.result = TemplateResult{Object: b.t.object, Field: b.t.field(""), Source: at0(b.source, b.t.node)}
	if !b.readMetadata() || b.optedOut() || b.finished() {
		return b.t.node
	}
	b.matchSets()
	if len(b.sets) == 0 || !b.direct() || !b.readSpec() {
		return b.t.node
	}
	b.collect()
	if b.changes.empty() || b.anchored() || HasErrors(b.findings) {
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
	b.report(SeverityError, n, "behind-alias", "",
		"the pod template "+how+", and an edit there would change every use of the anchor",
		"write the template out in place of the alias")
	b.findings[len(b.findings)-1].Field = b.t.field("")
	return false
}

// readMetadata takes apart what matching looks at.
func (b *build) readMetadata() bool {
	b.metadata = lookup(b.t.node, metadataField)
	ok := b.shape(b.metadata, yaml.MappingNode, metadataField)
	for _, f := range []string{annotationsField, labelsField} {
		ok = ok && b.shape(lookup(b.metadata, f), yaml.MappingNode, metadataField+"."+f)
	}
	b.annotations = stringMap(lookup(b.metadata, annotationsField))
	b.overrides = stringMap(at(b.t.root, metadataField, annotationsField))
	maps.Copy(b.overrides, b.annotations)
	return ok
}

// readSpec takes apart what injection adds to, and checks the shapes that it relies on. A template that no set matches
// is not looked at so closely: it stays as it is, whatever it holds.
func (b *build) readSpec() bool {
	b.spec = lookup(b.t.node, specField)
	ok := b.shape(b.spec, yaml.MappingNode, specField)
	for _, f := range []string{containersField, initsField, volumesField, pullSecretsField} {
		ok = ok && b.list(f)
	}
	if !ok || isNull(b.spec) {
		return false
	}
	b.containers, b.inits = items(lookup(b.spec, containersField)), items(lookup(b.spec, initsField))
	b.volumes = items(lookup(b.spec, volumesField))
	return true
}

func (b *build) list(field string) bool {
	l := lookup(b.spec, field)
	if !b.shape(l, yaml.SequenceNode, specField+"."+field) {
		return false
	}
	for i, e := range items(l) {
		if isNull(e) {
			b.report(SeverityError, e, "wrong-type", indexed(specField+"."+field, i), "is null, must be a mapping", "")
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
	if isNull(n) || n.Kind == kind {
		return true
	}
	want := "a mapping"
	if kind == yaml.SequenceNode {
		want = "a list"
	}
	b.report(SeverityError, n, "wrong-type", field, "is "+describe(n)+", must be "+want, "")
	return false
}

func (b *build) report(s Severity, n *yaml.Node, code, below, message, hint string) {
	field := ""
	if below != "" {
		field = b.t.field(below)
	}
	b.findings = append(b.findings, Finding{
		Severity: s, Code: code, Message: message, Hint: hint, Object: b.t.object, Field: field,
		Source: at0(b.source, orElse(n, b.t.node)),
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
		b.report(SeverityError, nil, "bad-annotation", "metadata.annotations["+injectAnnotation+"]",
			fmt.Sprintf("is %q, must be \"true\" or \"false\"", v), "")
		return true
	}
}

// finished says whether a Pod in the input has ended, as the webhook asks before anything else.
func (b *build) finished() bool {
	if len(b.t.path) > 0 && b.t.object.Kind != "Pod" {
		return false
	}
	phase := str(at(b.t.node, "status", "phase"))
	return phase == "Succeeded" || phase == "Failed" || str(at(b.t.node, metadataField, "deletionTimestamp")) != ""
}

// matchSets holds every set against the template, in order.
func (b *build) matchSets() {
	p := pod{kind: b.t.kind, namespace: b.t.namespace(&b.in.opts), labels: stringMap(lookup(b.metadata, labelsField))}
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
			b.undecided(m)
		}
		b.result.Matches = append(b.result.Matches, m)
		if m.Verdict == Matched {
			b.sets = append(b.sets, pinned)
		}
	}
	b.sets = dropReplaced(b.sets, b.result.Matches)
}

// undecided reports a match that cannot be decided, as the options ask.
func (b *build) undecided(m Match) {
	if b.in.opts.OnUndecided == Skip {
		b.report(SeverityWarning, nil, "undecided", "",
			"SidecarSet "+m.Set+" is not injected, because it cannot be decided whether it matches: "+m.Reason, m.Add)
		return
	}
	hint := m.Add
	if hint != "" {
		hint += "; or set onUndecided: Skip"
	}
	b.report(SeverityError, nil, "undecided", "",
		"cannot decide whether SidecarSet "+m.Set+" matches: "+m.Reason, hint)
}

// blocksCompletion warns of a set whose containers would run on after a Job's own have ended.
func (b *build) blocksCompletion(set *SidecarSet) bool {
	if !b.t.kind.RunsToCompletion || b.in.opts.Jobs != Skip || len(set.Spec.Containers) == 0 {
		return false
	}
	b.report(SeverityWarning, nil, "job-skipped", "", fmt.Sprintf(
		"SidecarSet %s matches but is not injected: its containers never end, so this %s would never complete",
		set.Metadata.Name, b.t.object.Kind),
		"jobs: Native injects them as native sidecars, jobs: Inject as they are")
	return true
}
