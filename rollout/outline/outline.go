// SPDX-License-Identifier: Apache-2.0

// Package outline works out a release before it runs, in numbers of pods and in words: what plan prints. It knows a plan and a
// target, and nothing of what a release does with them step by step.
package outline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/ondelete"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

// Release is a release before it runs, in absolute numbers, for a person to read.
type Release struct {
	Kind     string // of the target
	Set      string // namespace/name
	By       string // the controller that replaces the pods; "" where slipway does
	Lets     string // what lets it, as the end of a sentence
	Bounds   plan.Bounds
	Unknown  string // the budget as it is written, where only the cluster knows how many pods there are; "": it is in Bounds
	Batches  []Batch
	Change   string   // what happens to a pod, and why
	Keep     string   // how many pods keep their identity; "": not known
	Order    []string // which pods come first, the strongest rule first
	OnFail   plan.OnFailure
	FailFast plan.FailFast
	Warnings []string // what may surprise: not wrong, but worth a second look
}

// Batch is one batch in absolute numbers.
type Batch struct {
	Nodes   string        // the nodes that the batch selects, "" where it has a number
	Written string        // that number, as the plan has it
	Updated int           // updated pods after the batch
	More    int           // of these, updated in this batch
	Old     int           // pods of older revisions after the batch
	Missing int           // updated pods that may be unavailable when it counts as ready
	Limit   time.Duration // how long it may take to become ready
	Pause   plan.Pause
	Checks  []string // names, with what is special about a check
}

// New works out the release of a CloneSet from what it was before, which may be nil where it is not known, on the nodes that are
// known. The error is that of Plan.Validate.
func New(p plan.BatchPlan, cs plan.Workload, older *plan.Workload, nodes []ondelete.Node) (Release, error) {
	if err := p.Validate(cs); err != nil {
		return Release{}, err
	}
	b, _ := p.Bounds(cs)
	out := Release{
		Kind: cs.KindName(), Set: cs.Name, Bounds: b, OnFail: cmp.Or(p.OnFailure, plan.Stop), Order: orderOf(cs),
		FailFast: p.FailFast,
	}
	if cs.Namespace != "" {
		out.Set = cs.Namespace + "/" + cs.Name
	}
	if p.ModeOf(cs) == plan.Partition {
		out.By, out.Lets = cs.KindOf().Controller, "as the partition lets it"
		if cs.Rolling != nil {
			out.Lets = "as the release lets it"
		}
	}
	if p.ModeOf(cs) == plan.Delete {
		out.By, out.Lets = cs.KindOf().Controller, "each when slipway has deleted it"
	}
	if cs.KindOf().Nodes && len(nodes) == 0 {
		out.Unknown = "maxUnavailable " + cs.Spec.MaxUnavailable.String()
	}
	out.divide(p, cs, nodes)
	if said := p.UnknownWarning(cs); said != "" {
		out.warn("%s", said)
	}
	if said := p.LaunchWarning(cs); said != "" {
		out.warn("%s", said)
	}
	if said := p.PartitionWarning(cs); said != "" {
		out.warn("%s", said)
	}
	out.describe(cs, older)
	out.warnUnarmed(p, cs, older)
	out.warnScaled(p, cs)
	return out, nil
}

// warnScaled warns of pods that a controller makes of the new revision, past what was approved, where the target is scaled while
// a batch waits. An ordinal is moved along, and in direct and delete mode there is no partition to be past.
func (o *Release) warnScaled(p plan.BatchPlan, cs plan.Workload) {
	waits := slices.ContainsFunc(p.Batches, func(b plan.Batch) bool { return b.Pause.UntilApproved })
	switch {
	case !waits || p.ModeOf(cs) != plan.Partition:
	case cs.Rolling != nil:
		o.warn("scaled to 0 and back while a batch waits, every pod comes back updated: %s has no others to scale then", o.By)
	case cs.KindName() == "CloneSet":
		o.warn("scaled up while a batch waits, every pod that is added is updated: %s keeps as many old pods as the partition says, "+
			"and no more", o.By)
	}
}

// divide puts the batches into numbers of pods.
func (o *Release) divide(p plan.BatchPlan, cs plan.Workload, nodes []ondelete.Node) {
	on, before := map[string]bool{}, 0
	for _, n := range nodes {
		on[n.Name] = true
	}
	for i, n := range ondelete.Targets(p.Batches, nodes, on, o.Bounds.Replicas, p.Targets(o.Bounds)) {
		b := p.Batch(i)
		batch := Batch{
			Written: "all", Updated: n, More: n - before, Old: o.Bounds.Replicas - n, Missing: p.FailureThreshold.Down(n),
			Limit: p.Limit(cs.Spec, o.Bounds, n-before), Pause: b.Pause,
		}
		switch {
		case b.Nodes != nil:
			batch.Nodes, batch.Written = b.Nodes.String(), ""
		case len(p.Batches) > 0:
			batch.Written = b.Replicas.String()
		case cs.Spec.Partition != plan.Pods(0):
			batch.Written = "all but " + cs.Spec.Partition.String()
		}
		if i < len(p.Batches) {
			batch.Checks = p.CheckNames(b)
		}
		o.Batches = append(o.Batches, batch)
		before = n
	}
}

// LeastAvailable is how many pods stay available at any time, as long as none crashes.
func (o Release) LeastAvailable() int { return o.Bounds.Least() }

// MostPods is how many pods there are at most at any time.
func (o Release) MostPods() int { return o.Bounds.Replicas + o.Bounds.MaxSurge }

// describe says what happens to a pod, and warns of what may surprise.
func (o *Release) describe(cs plan.Workload, older *plan.Workload) {
	o.Change = "not known without --from; " + map[plan.UpdateType]string{
		plan.ReCreate:          cs.KindOf().Recreate,
		plan.InPlaceIfPossible: "images, cpu and memory, and metadata are updated in place, everything else is recreated",
		plan.InPlaceOnly:       "only images, cpu and memory, and metadata may change",
	}[cs.Spec.UpdateType]
	if older != nil {
		c := o.change(older.Spec.Template, cs.Spec.Template)
		o.Change = cs.ChangeSummary(c)
		if len(c.Images)+len(c.Resized)+len(c.Metadata)+len(c.Blockers) == 0 {
			o.Change = "nothing: both templates are equal"
			o.warn("the template is the one that already runs, so there is nothing to release")
		}
		o.keep(c.InPlace && cs.Spec.UpdateType != plan.ReCreate, cs)
		if !c.InPlace && cs.Spec.UpdateType == plan.InPlaceOnly {
			o.warn("the release would stop before its first write: %s", o.Change)
		}
		if said := plan.ClaimsSummary(older.Spec.ClaimTemplates, cs.Spec.ClaimTemplates); said != "" {
			o.warn("%s", said)
		}
	}
	if o.Unknown == "" {
		o.warnNumbers(cs)
	}
	if cs.Spec.Paused {
		o.warn("updateStrategy.paused is true: the release waits until it is not")
	}
}

// warnNumbers warns of what the numbers of pods say.
func (o *Release) warnNumbers(cs plan.Workload) {
	o.warnBounds(cs)
	for i, b := range o.Batches {
		switch {
		case b.More > 0:
		case o.Bounds.Replicas == 0:
			o.warn("batch %d updates no pod: there are 0 replicas", i+1)
		case b.Updated == 0:
			o.warn("batch %d updates no pod: it is to leave 0 pods updated", i+1)
		default:
			o.warn("batch %d updates no pod that batch %d has not updated already", i+1, i)
		}
	}
}

// change is what differs between two templates, and what whoever replaces the pods makes of it.
func (o *Release) change(before, after map[string]any) manifest.Change {
	c := manifest.CompareTemplates(before, after)
	if o.By != "" {
		return c.WithoutResize(plan.KruiseResize)
	}
	if len(c.Resized) > 0 {
		o.warn("cpu and memory change in place by pods/resize, which Kubernetes has from 1.33 on; on an older cluster, and in " +
			"partition mode unless Kruise has its feature gate InPlaceWorkloadVerticalScaling on, they change only in a new pod")
	}
	return c
}

// keep says how many pods keep their identity. Who deletes pods in partition mode is a controller, which may not keep them all.
func (o *Release) keep(inPlace bool, cs plan.Workload) {
	b, what, others := o.Bounds, "name, node, IP and claims", ""
	switch {
	case inPlace:
	case cs.KindOf().Ordinal:
		what, others = "node and IP", "; all keep their name and claims"
	case cs.KindOf().Nodes:
		what, others = "name and IP", "; all keep their node"
	}
	kept := b.Replicas
	if !inPlace {
		kept -= o.updated()
	}
	if o.Unknown != "" || inPlace && o.By != "" && b.MaxSurge > 0 {
		return
	}
	if kept == b.Replicas {
		others = ""
	}
	o.Keep = fmt.Sprintf("%d of %s keep their %s%s", kept, waiting.Count(b.Replicas), what, others)
}

// updated is how many pods the release updates.
func (o *Release) updated() int {
	if len(o.Batches) == 0 {
		return 0
	}
	return o.Batches[len(o.Batches)-1].Updated
}

func (o *Release) warnBounds(cs plan.Workload) {
	b := o.Bounds
	if b.MaxUnavailable >= b.Replicas && b.Replicas > 0 {
		o.warn("maxUnavailable %s lets all %d pods be unavailable at once", cs.Spec.MaxUnavailable, b.Replicas)
	}
	if cs.APIVersion == plan.V1beta1 && b.MaxUnavailable == 0 {
		o.warn("maxUnavailable is 0: a cluster whose CloneSet webhook serves v1beta1 may refuse that, even beside maxSurge %s",
			cs.Spec.MaxSurge)
	}
	if cs.Spec.UpdateType == plan.InPlaceIfPossible && b.MaxSurge > 0 && b.MaxUnavailable > 0 && b.Wanted() > 0 {
		surge := waiting.Count(min(b.MaxSurge, o.updated()))
		if o.By != "" {
			o.warn("maxSurge creates up to %s although pods are updated in place, and %s then deletes as many that were there before; "+
				"maxUnavailable alone would create none", surge, o.By)
		} else {
			o.warn("maxSurge creates up to %s in each batch, which leave again when the others are updated in place; maxUnavailable "+
				"alone would create none", surge)
		}
	}
}

func (o *Release) warn(format string, args ...any) {
	o.Warnings = append(o.Warnings, fmt.Sprintf(format, args...))
}

// orderOf says in words which pods are replaced first.
func orderOf(cs plan.Workload) []string {
	s := cs.Spec
	if cs.Rolling != nil {
		return []string{"pods that are not available", "older revisions", "lower pod-deletion-cost", "more crowded node", "newer"}
	}
	switch {
	case s.OnDelete && !s.Ordinal:
		return []string{"pods that are not available", "nodes by name"}
	case cs.KindOf().Nodes:
		return []string{"nodes that the strategy selects", "nodes by name, the last one first"}
	case cs.KindOf().Ordinal && !s.Ordinal:
		return []string{"the order that unorderedUpdate has", "higher ordinal"}
	case s.OnDelete:
		return []string{"pods that are not available", "higher ordinal"}
	case s.Ordinal:
		return []string{"higher ordinal"}
	}
	order := []string{"pods asked to be deleted", "pods that are not available"}
	for _, w := range slices.Backward(slices.SortedFunc(slices.Values(s.Priority.Weights),
		func(a, b plan.WeightTerm) int { return a.Weight - b.Weight })) {
		order = append(order, fmt.Sprintf("weight %d: %s", w.Weight, w.Selector))
	}
	for _, key := range s.Priority.Keys {
		order = append(order, fmt.Sprintf("label %s, larger number first", key))
	}
	for _, t := range s.Scatter {
		order = append(order, fmt.Sprintf("pods with %s=%s spread evenly over the release", t.Key, t.Value))
	}
	return append(order, "lower pod-deletion-cost", "more crowded topology domain", "ready for a shorter time", "more restarts",
		"newer")
}

// Short is a duration without the units that are zero: 10m instead of 10m0s.
func Short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
