// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Annotations of slipway on workloads and pod templates.
const (
	InjectedAnnotation = "slipway.dev/injected"
	injectAnnotation   = "slipway.dev/inject"
	skipAnnotation     = "slipway.dev/skip"
	overridePrefix     = "slipway.dev/override."
	jobsAnnotation     = "slipway.dev/jobs" // on a SidecarSet
)

// Injector holds what every injection of a run shares. It does not change, and can be used from many goroutines.
type Injector struct {
	opts    Options
	sets    []*SidecarSet // in the order of compareSets
	history map[string][]revision
	pinned  map[*SidecarSet]pinned // the sets that name a revision, at it
	spreads map[target][]*yaml.Node
	filter  prefilter
	index   setIndex
	asked   map[string]bool // labels that a selector asks for
	byName  map[string]*SidecarSet
	// isInjected is the variable by which a container knows that it was injected. It is the same in all.
	isInjected *yaml.Node
	// disputable is what other sets could dispute of each set, at its revision too.
	disputable map[*SidecarSet]map[thing][]string
}

// New prepares injection. Findings tell of sets that cannot be used together.
func New(c Context, opts Options) (*Injector, []manifest.Finding) {
	in, findings := newInjector(c, opts)
	for _, set := range in.sets {
		findings = append(findings, in.unreadable(set)...)
	}
	return in, findings
}

func newInjector(c Context, opts Options) (*Injector, []manifest.Finding) {
	in := &Injector{
		opts: opts.WithDefaults(), history: readHistory(c.Revisions),
		isInjected: manifest.NewMapping(manifest.NewScalar(nameField), manifest.NewScalar(isInjectedEnv),
			manifest.NewScalar("value"), quoted("true")),
	}
	var findings []manifest.Finding
	byName := map[string]*SidecarSet{}
	in.byName = byName
	for _, s := range c.Sets {
		first, dup := byName[s.Metadata.Name]
		switch {
		case !dup:
			byName[s.Metadata.Name] = s
			in.sets = append(in.sets, s)
		case !first.sameAs(s):
			findings = append(findings, manifest.Finding{
				Severity: manifest.SeverityError, Code: "duplicate-sidecarset", Object: manifest.RefOf(s.Node),
				Source: manifest.SourceAt(s.Source, s.Node),
				Message: "another SidecarSet of this name, with other content, is at " +
					manifest.SourceAt(first.Source, first.Node).String(),
				Hint: "SidecarSets are cluster-scoped: keep one of the two",
			})
		}
	}
	slices.SortStableFunc(in.sets, compareSets)
	in.spreads = readSpreads(c.Spreads, in.opts.Namespace)
	in.filter = newPrefilter(in.sets)
	in.filter.addTargets(in.spreads)
	in.pinAll()
	in.index, in.asked = newSetIndex(in.sets), map[string]bool{}
	for _, s := range in.sets {
		for _, r := range requirements(s.Spec.Selector) {
			in.asked[r.Key] = true
		}
	}
	in.listDisputable()
	return in, findings
}

// listDisputable prepares for sets that meet in one pod.
func (in *Injector) listDisputable() {
	if len(in.sets) < 2 {
		return
	}
	in.disputable = make(map[*SidecarSet]map[thing][]string, len(in.sets))
	for _, set := range in.sets {
		in.disputable[set] = set.disputable()
		if at := in.pinned[set].set; at != nil {
			in.disputable[at] = at.disputable()
		}
	}
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
	Findings  []manifest.Finding
}

// Changed says whether the result differs from what was given.
func (r *Result) Changed(object *yaml.Node) bool { return r.Object != object }

// TemplateResult is what came of one pod template.
type TemplateResult struct {
	Object  manifest.ObjectRef `json:"object"`
	Field   string             `json:"field,omitempty"` // where the template stands; "" is the object itself
	Source  manifest.Source    `json:"source"`
	OptOut  bool               `json:"optOut,omitempty"`
	Edited  bool               `json:"-"` // whether the run put anything in or took anything out
	Matches []Match            `json:"matches"`
	Origins []Origin           `json:"injected,omitempty"`
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
func (in *Injector) Inject(object *yaml.Node, source manifest.Source, text Text) Result {
	d := &manifest.Decoder{Source: source}
	result := Result{Object: object}
	edit := merger{object: object, edited: object}
	for t := range in.opts.templates(object, d) {
		b := &build{template: &template{in: in, doc: object, podTemplate: t, source: source}, text: text}
		tmpl := b.run()
		result.Templates = append(result.Templates, b.result)
		result.Findings = append(result.Findings, b.findings...)
		if tmpl != t.node {
			edit.add(change{template: b.template, tmpl: tmpl})
			result.Templates[len(result.Templates)-1].Edited = true
		}
	}
	edited, findings := edit.merge()
	result.Findings = slices.Concat(d.Findings, result.Findings, findings)
	if !manifest.HasErrors(result.Findings) {
		result.Object = edited
	} else if !in.MayMatch(spelling(object)) {
		result.Findings = in.ofNoSet(result.Findings)
	}
	return result
}

// ofNoSet is what remains of findings about an object that no set could match. It stays as it is, whatever it holds: render
// does not even parse it, unless the user asks about every workload.
func (in *Injector) ofNoSet(findings []manifest.Finding) []manifest.Finding {
	if in.opts.Terse {
		return nil
	}
	for i := range findings {
		findings[i].Severity = manifest.SeverityWarning
	}
	return findings
}

// Sets are the SidecarSets that are injected, in the order in which they are.
func (in *Injector) Sets() []*SidecarSet { return slices.Clone(in.sets) }

// IsWorkload says whether an object is of a kind that has pod templates.
func (in *Injector) IsWorkload(ref manifest.ObjectRef) bool {
	_, ok := in.opts.kindOf(ref.Group(), ref.Kind)
	return ok
}

// Templates counts the pod templates of an object.
func (in *Injector) Templates(object *yaml.Node) int {
	n := 0
	for range in.opts.templates(object, &manifest.Decoder{}) {
		n++
	}
	return n
}
