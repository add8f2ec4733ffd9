// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/rollout/ondelete"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// deleteMode is a release in which slipway deletes pods, and a controller makes them anew by the present template. Which pods
// may go now is for package ondelete to say.
type deleteMode struct{ *release }

// observation is what the rule knows of the target, and beside its pods those that were observed. What scaling down has
// condemned is none of them. Pods on nodes that a selector does not match are kept; nil matches all.
func (m deleteMode) observation(on *plan.Selector) (ondelete.Observation, []*Pod) {
	spec, status := &m.observed.Workload.Spec, &m.observed.Workload.Status
	l := ondelete.Observation{
		Replicas: m.bounds.Replicas, Unavailable: m.bounds.MaxUnavailable,
		Ordered: spec.Ordinal && spec.Ordered, First: spec.FirstOrdinal,
		Astray: status.Astray, Serving: status.AvailableReplicas,
	}
	nodes := map[string]ondelete.Node{}
	for _, n := range m.observed.Nodes {
		nodes[n.Name], l.Astray = n, 0 // it is known which they are
	}
	var pods []*Pod
	for i := range m.observed.Pods {
		p := &m.observed.Pods[i]
		seen := ondelete.Pod{
			New: p.Revision == m.observed.UpdateRevision, Available: p.Available(m.observed.Now, spec.MinReady),
			Place: p.Node + " " + p.Name,
		}
		// One of the stable revision may get ready by itself.
		seen.Blocking = m.plan.Unblock || p.Revision != m.progress.Stable
		seen.Lost, seen.Kept = nodes[p.Node].Closed, on != nil && !on.Matches(nodes[p.Node].Labels)
		if spec.Ordinal {
			seen.Ordinal, _ = strconv.Atoi(p.Name[strings.LastIndexByte(p.Name, '-')+1:])
		}
		if condemned := spec.Ordinal && (seen.Ordinal < l.First || seen.Ordinal >= l.First+l.Replicas); p.Active() && !condemned {
			l.Pods, pods = append(l.Pods, seen), append(pods, p)
		}
	}
	return l, pods
}

// Targets are the numbers of updated pods after each batch of a plan, those on the nodes that it selects where nodes are
// observed.
func (o *Observed) Targets(p plan.BatchPlan, b plan.Bounds) []int {
	targets := p.Targets(b)
	if o.Nodes == nil {
		return targets
	}
	on := map[string]bool{}
	for i := range o.Pods {
		on[o.Pods[i].Node] = true
	}
	return ondelete.Targets(p.Batches, o.Nodes, on, b.Replicas, targets)
}

// forward deletes old pods until as many are new as a batch has, or all on its nodes.
func (m deleteMode) forward(batch int) work {
	return m.toward(m.boundsAfter(batch).Wanted(), m.plan.Batch(batch).Nodes, batch == len(m.targets)-1)
}

// toward is what the pods still need until so many are of the present template, or all on nodes that a selector matches. Before
// its controller has seen the template a pod that is deleted would come back old.
func (m deleteMode) toward(wanted int, on *plan.Selector, last bool) work {
	l, pods := m.observation(on)
	c, part := l.Count(), l.Chosen()
	room, where := wanted-c.New-c.Missing, ""
	if on == nil {
		part = c
	} else {
		wanted, room, where = part.New+part.Old+c.Missing, part.Old, " on nodes "+on.String()
	}
	w := m.counted(part.New, part.AvailableNew, wanted)
	w.refused = m.strayed()
	healthy := max(wanted-w.healthy, 0) <= m.threshold(wanted) && (w.healthy > 0 || wanted == 0)
	w.whole = !w.behind && healthy && part.New >= wanted && c.Missing == 0 && (wanted < l.Replicas || c.Old == 0)
	w.ready = !w.behind && healthy && part.New >= wanted && (w.whole || !last)
	if m.progress.wasReady() {
		w.ready = w.stillHealthy(m.release, wanted)
	}
	w.message += where + c.Words(max(wanted, m.target()))
	if w.behind {
		return w
	}
	deleted, why := ondelete.Next(l, room)
	for _, i := range deleted {
		w.actions = append(w.actions, Action{Kind: DeletePod, Pod: pods[i].ref(), Reason: "old"})
		why = "" // of those that were tried before it is told why they stayed
	}
	if !w.ready && why != "" {
		w.message += "; " + why
	}
	return w
}

// strayed says what to do where the controller replaces pods by itself by now.
func (m deleteMode) strayed() string {
	if set := &m.observed.Workload; !set.Spec.OnDelete {
		return fmt.Sprintf("updateStrategy of %s is not OnDelete any more, so %s replaces its pods past the batches: "+
			"write updateStrategy: {type: OnDelete}", set, set.KindOf().Controller)
	}
	return ""
}

// back puts the stable template back in one write, and then deletes the pods of the failed revision within the same bounds.
func (m deleteMode) back() work {
	b := m.boundsBack()
	w := m.toward(b.Wanted(), nil, b.Partition == 0)
	switch {
	case w.behind:
	case !m.restored():
		w.message, w.ready = "the template is still "+m.observed.UpdateRevision, false
		w.actions = []Action{{
			Kind: RestoreTemplate, Revision: m.progress.Stable, ResourceVersion: m.observed.Workload.ResourceVersion,
			Reason: "rollback",
		}}
	case !m.progress.Restored:
		m.progress.Restored, w.ready = true, false
		w.actions = []Action{m.record()}
	}
	return w
}

// resting is nothing: no field of the target was written.
func (m deleteMode) resting() *Action { return nil }
