// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// build is the injection into one pod template: which sets match, what they bring, and the template with it.
type build struct {
	*template
	text Text
	sets []*SidecarSet // that matched, in order
}

// run returns the injected template, or the template itself.
func (b *build) run() *yaml.Node {
	b.result = TemplateResult{Object: b.object, Field: b.field(""), Source: manifest.SourceAt(b.source, b.node)}
	if !b.readMetadata() || b.optedOut() || b.finished() {
		return b.node
	}
	b.matchSets()
	if len(b.sets) == 0 || !b.textual() || !b.direct() || !b.readSpec() && manifest.HasErrors(b.findings) || b.lonely() {
		return b.node
	}
	c := &collector{template: b.template, sets: b.sets}
	c.collect()
	if c.changes.empty() || manifest.HasErrors(b.findings) {
		return b.node
	}
	w := &writer{template: b.template, text: b.text, changes: c.changes, record: newProvenance()}
	return w.apply()
}

// matchSets holds the sets against the template, in order.
func (b *build) matchSets() {
	p := pod{kind: b.kind, namespace: b.namespace(&b.in.opts), labels: b.labels(b.in.asked)}
	p.variants = b.in.variants(b.podTemplate, p.labels)
	for _, set := range b.in.toAsk(p) {
		m := b.in.match(set, p)
		if m.Verdict == Matched && b.skips(set.Metadata.Name) {
			m.Verdict, m.Reason = Unmatched, "skipped by the annotation "+skipAnnotation
		}
		pinned := set
		if m.Verdict == Matched {
			pinned = b.in.pin(set, p, &m)
		}
		if m.Verdict == Matched && b.blocksCompletion(pinned) {
			m.Verdict = Unmatched
			m.Reason = "its containers would keep this " + b.object.Kind + " from completing"
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

// blocksCompletion warns of a set whose containers would run on after a Job's own have ended. Those that Kruise ends
// with the Job do not.
func (b *build) blocksCompletion(set *SidecarSet) bool {
	if !b.ends() || b.in.opts.jobs(set) != Skip {
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
	what := b.object.Kind
	if b.isHookPod() {
		what = "hook"
	}
	b.report(manifest.SeverityWarning, nil, "job-skipped", "", fmt.Sprintf(
		"SidecarSet %s matches but is not injected: %s, so this %s would never complete", set.Metadata.Name, which, what),
		"jobs: Native injects them as native sidecars, jobs: Inject as they are")
	return true
}
