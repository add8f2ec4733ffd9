// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Lint checks SidecarSets without a cluster: every rule of Kruise's admission that the objects alone decide, what
// injection needs beyond it, conflicts between sets that can meet in one pod, and the user's own policies.
//
// An error is what admission would refuse or what would make an injection fail; a policy's finding is an error too.
// A warning is a likely mistake that both accept. Of one cause there is one finding. What ParseSidecarSet finds is not
// repeated here: report the findings of both. Those of New are among Lint's. A set that was parsed with errors may be
// given all the same.
//
// Admission also compares an update with the set that the cluster has (upgradeType is immutable, containers cannot be
// added) and patchPodMetadata with a whitelist that the cluster holds; the first needs the cluster, and the second
// guards the webhook only: at build time the annotations are in the diff that a person reviews.
func Lint(c Context, opts Options, policies Policies) []manifest.Finding {
	in, findings := newInjector(c, opts)
	for _, set := range distinct(c.Sets) {
		l := &linter{reporter: &reporter{set: set}, in: in, policies: policies}
		l.lint()
		slices.SortStableFunc(l.findings, func(a, b manifest.Finding) int { return cmp.Compare(a.Source.Line, b.Source.Line) })
		findings = append(findings, l.findings...)
	}
	return append(findings, in.conflicts()...)
}

// unreadable lists what stands in a set that no API server would take, whatever the pod: values of a wrong type,
// fields that are missing or mistyped. Injection stops at them; the rest of Lint is left to those who ask for it.
func (in *Injector) unreadable(set *SidecarSet) []manifest.Finding {
	l := &linter{reporter: &reporter{set: set}, in: in}
	l.lint()
	return slices.DeleteFunc(l.findings, func(f manifest.Finding) bool {
		return f.Severity != manifest.SeverityError && f.Code != "unknown-pod-field" ||
			!slices.Contains([]string{"wrong-type", "missing-field", "unknown-pod-field", "bad-quantity"}, f.Code)
	})
}

// distinct drops sets that stand in the input twice with the same content.
func distinct(sets []*SidecarSet) []*SidecarSet {
	var out []*SidecarSet
	byName := map[string][]*SidecarSet{}
	for _, s := range sets {
		name := s.Metadata.Name
		if !slices.ContainsFunc(byName[name], func(o *SidecarSet) bool { return Equal(o.Node, s.Node) }) {
			out, byName[name] = append(out, s), append(byName[name], s)
		}
	}
	return out
}

// linter checks one set. What it checks of volumes, of sidecars and of their containers has a linter of its own, and all
// of them report to one reporter.
type linter struct {
	*reporter
	in       *Injector
	policies Policies
	told     toldCounts // conflicts with other sets
}

func (l *linter) lint() {
	l.checkName()
	l.checkVersion()
	l.checkSelectors()
	l.checkUpdateStrategy()
	l.checkRevision()
	l.checkPatches()
	l.checkCanary()
	types := typeReader{reporter: l.reporter, safe: l.in.opts.Compatibility == Safe}
	volumes := (&volumeLinter{types}).check()
	(&sidecarLinter{
		typeReader: types, policies: policies{l.reporter, l.policies}, volumes: volumes,
		names: map[string]writtenName{}, hostPorts: map[string]string{},
	}).check()
}

// reporter collects what is found in one set.
type reporter struct {
	set      *SidecarSet
	findings []manifest.Finding
	settled  map[string]bool // fields of which nothing more is said
}

// report adds a finding. Where a value could not be read at all, nothing more is said about its field.
func (r *reporter) report(s manifest.Severity, at spot, code, message, hint string) {
	if r.settled[at.field] {
		return
	}
	if code == "wrong-type" || code == "missing-field" || code == "bad-quantity" {
		if r.settled == nil {
			r.settled = map[string]bool{}
		}
		r.settled[at.field] = true
	}
	r.findings = append(r.findings, manifest.Finding{
		Severity: s, Code: code, Message: message, Hint: hint,
		Object: manifest.RefOf(r.set.Node), Field: at.field, Source: manifest.SourceAt(r.set.Source, at.near),
	})
}

// spot is a field of an object: its path, its node, and the node nearest to where it would stand if it is missing.
type spot struct {
	field      string
	node, near *yaml.Node
}

func (r *reporter) root() spot { return spot{node: r.set.Node, near: r.set.Node} }
func (r *reporter) spec() spot { return r.root().key(specField) }

func (p spot) step(field string, n *yaml.Node) spot {
	return spot{field: field, node: n, near: orElse(n, p.near)}
}

// key is a field of a struct.
func (p spot) key(name string) spot {
	field := name
	if p.field != "" {
		field = p.field + "." + name
	}
	return p.step(field, manifest.Lookup(p.node, name))
}

// entry is an entry of a map.
func (p spot) entry(name string) spot {
	return p.step(p.field+"["+name+"]", manifest.Lookup(p.node, name))
}

// index is an element of a list.
func (p spot) index(i int) spot {
	return p.step(indexed(p.field, i), manifest.Item(p.node, i))
}

// oneOf reports a word that is not one of those that a field knows. An empty one is the field's default.
func (r *reporter) oneOf(s manifest.Severity, at spot, value string, words ...string) {
	if value == "" || len(words) == 0 || slices.Contains(words, value) {
		return
	}
	hint := ""
	if near := manifest.Nearest(value, words); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	r.report(s, at, "unknown-value", fmt.Sprintf("is %q, must be %s", manifest.Shorten(value), alternatives(words)), hint)
}

// alternatives joins words as a sentence would: "A, B or C".
func alternatives(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// requireName asks for the name of the object that a reference is to.
func (r *reporter) requireName(at spot, name string) {
	if name == "" {
		r.report(manifest.SeverityError, at.key(nameField), "missing-field", "is required", "")
	}
}

// checkPath reports a path with .. in it, and an absolute one where a relative one is asked for.
func (r *reporter) checkPath(at spot, path string, absolute bool) {
	for _, part := range strings.Split(path, "/") {
		if part == ".." {
			r.report(manifest.SeverityError, at, "unsafe-path", fmt.Sprintf("%q must not contain ..", manifest.Shorten(path)), "")
			return
		}
	}
	if !absolute && strings.HasPrefix(path, "/") {
		r.report(manifest.SeverityError, at, "unsafe-path", fmt.Sprintf("%q must be relative", manifest.Shorten(path)),
			"remove the leading /")
	}
}
