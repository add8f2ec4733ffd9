// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// partitionMode is a release in which a controller replaces the pods, and the partition says how many.
type partitionMode struct{ *release }

// forward looks at the status that a controller writes and steps the partition. It only ever goes down while
// the release goes forward.
func (m partitionMode) forward(batch int) work {
	b := m.boundsAfter(batch)
	wanted := b.Wanted()
	w := m.status(wanted, batch == len(m.targets)-1 && wanted == b.Replicas)
	set := &m.observed.Workload
	keep, kept := m.keepScaled(wanted)
	switch {
	case keep != nil:
		w.actions, w.ready = []Action{*keep}, true
	case w.behind, kept:
	case set.Spec.Partition.Partition(set.Spec.Replicas) > b.Partition:
		w.actions = []Action{m.set(plan.Pods(b.Partition), fmt.Sprintf("%d of %d pods to be updated", wanted, b.Replicas))}
		w.ready = m.progress.wasReady()
	case m.noteStep():
		// Noted after it is seen: a partition above the noted one is then always somebody else's.
		w.actions, w.ready = []Action{m.record()}, m.progress.wasReady()
	case !w.whole:
		w.actions = m.unblock()
		w.message += m.blocked()
	}
	return w
}

// keepScaled keeps pods that scaling adds to a batch that was ready at the revision before: an ordinal would have them all
// updated, and nobody has let them pass. How many are updated is right, so the partition goes above all pods; that is noted
// first, or it would be taken for somebody else's. kept tells whether it is there, where it stays as long as the batch is ready.
func (m partitionMode) keepScaled(wanted int) (keep *Action, kept bool) {
	spec := &m.observed.Workload.Spec
	now := spec.Partition.Partition(spec.Replicas)
	switch {
	case !spec.Ordinal || !m.progress.wasReady():
		return nil, false
	case spec.Replicas-now <= max(wanted, m.progress.Healthy):
		return nil, m.progress.Kept > 0 && spec.Partition.Up(spec.Replicas) == m.progress.Kept
	case m.progress.Kept != spec.Replicas:
		m.progress.Kept = spec.Replicas
		return new(m.record()), false
	default:
		return new(m.set(plan.Pods(spec.Replicas), "pods that scaling adds keep the revision before")), false
	}
}

// noteStep notes how low the partition has been set, and where it is since it was kept higher. It tells whether that is new.
func (m partitionMode) noteStep() bool {
	spec, p := m.observed.Workload.Spec, &m.progress
	written := spec.Partition.Up(spec.Replicas)
	if m.plan.Mode != plan.Partition || m.bySurge() || p.Stepped && p.Step <= written && p.Kept <= written {
		return false
	}
	p.Step = choose(p.Stepped, min(p.Step, written), written)
	p.Stepped, p.Kept = true, choose(written > p.Step, written, 0)
	return true
}

// status is what the controller's status says about a batch of so many updated pods; whole is the last batch of a
// release that updates every pod. Where the controller has not seen the present spec, the status says nothing.
func (m partitionMode) status(wanted int, whole bool) work {
	set := &m.observed.Workload
	s := set.Status
	w := work{updated: s.UpdatedReplicas, healthy: min(s.UpdatedAvailableReplicas, s.UpdatedReadyReplicas)}
	w.message = m.progressMessage(w, wanted)
	if said := set.Behind(); said != "" {
		w.behind, w.ready = true, m.progress.wasReady()
		w.message += said
		return w
	}
	w.ready = w.updated >= wanted && max(wanted-w.healthy, 0) <= m.threshold(wanted) && (w.healthy > 0 || wanted == 0)
	if whole {
		// Until the controller calls the new revision the current one, pods that are lost come back as old ones.
		current := s.CurrentRevision == "" || s.CurrentRevision == s.UpdateRevision
		w.ready = w.ready && current && s.UpdatedReplicas == s.Replicas && s.Replicas == set.Spec.Replicas
	}
	if w.whole = w.ready; m.progress.wasReady() {
		w.ready = w.stillHealthy(m.release, wanted)
	}
	return w
}

// set is the write of a partition, which fails where somebody else has written the target meanwhile.
func (m partitionMode) set(to plan.Quantity, reason string) Action {
	return Action{Kind: SetPartition, Partition: to, ResourceVersion: m.observed.Workload.ResourceVersion, Reason: reason}
}

// unblock deletes pods that keep the controller from its work: they are within the partition, so they will be replaced
// anyway, and are not ready, so that no pod that serves is lost. One of the stable revision may get ready by itself, so it is
// deleted only where the plan says so.
func (m partitionMode) unblock() []Action {
	var actions []Action
	for i := range m.observed.Stuck {
		p := &m.observed.Stuck[i]
		mayGo := !p.Kept && (m.plan.Unblock || p.Revision != m.progress.Stable)
		if p.Active() && !p.Ready && p.Revision != m.observed.UpdateRevision && mayGo {
			actions = append(actions, Action{Kind: DeletePod, Pod: p.ref(), Reason: "not ready, and the controller waits for it"})
		}
	}
	byName(actions)
	return actions
}

// blocked names a pod of the old revision that the controller may wait for and that only a person, or the plan, can end.
func (m partitionMode) blocked() string {
	i := slices.IndexFunc(m.observed.Stuck, func(p Pod) bool { return p.Active() && p.Revision == m.progress.Stable })
	if m.plan.Unblock || i < 0 {
		return ""
	}
	return fmt.Sprintf("; %s may wait for Pod %s, which is not ready and not updated: mend or delete it, or write unblock: true "+
		"in the plan", m.observed.Workload.KindOf().Controller, m.observed.Stuck[i].Name)
}

// nothingServes tells whether no pod of a StatefulSet is ready, and its controller may wait for one of them for ever
// (kubernetes#60164). Where the plan lets slipway end that wait, there is nothing that batches could protect: a pod that the
// partition keeps would come back as it was.
func (m partitionMode) nothingServes() bool {
	set := &m.observed.Workload
	return m.plan.Unblock && set.Spec.Ordinal && set.Status.ReadyReplicas == 0 && set.Status.ObservedGeneration >= set.Generation
}

// lowered is how low this release has set the partition, and whether it has.
func (m partitionMode) lowered() (int, bool) {
	step, known := m.progress.Step, m.progress.Stepped
	if w := m.observed.Wrote; w != nil {
		if written := w.Up(m.observed.Workload.Spec.Replicas); !known || written < step {
			step, known = written, true
		}
	}
	return step, known
}

// foreign tells whether somebody else raised the partition that this release had lowered.
func (m partitionMode) foreign() bool {
	spec := m.observed.Workload.Spec
	step, known := m.lowered()
	return m.plan.Mode == plan.Partition && !m.progress.Back && known &&
		spec.Partition.Up(spec.Replicas) > max(step, m.progress.Kept)
}

// foreignMessage says who raised it, and what to do.
func (m partitionMode) foreignMessage() string {
	set := &m.observed.Workload
	step, _ := m.lowered()
	who := "something else"
	if set.PartitionBy != "" {
		who = set.PartitionBy
	}
	return fmt.Sprintf("the partition is %s, but this release had set it to %d: %s writes it; exclude spec.%s.partition there",
		set.Spec.Partition, step, who, strings.Join(set.KindOf().Strategy, "."))
}

// leftover tells whether the partition is still where an earlier release left it when it stopped, and where it rests.
// What that release had exposed is the most that the controller can replace at once, so this one may begin there.
func (m partitionMode) leftover() (left bool, resting plan.Quantity) {
	spec := m.observed.Workload.Spec
	if p := m.progress; m.plan.Mode == plan.Partition && p.Stepped && spec.Partition == plan.Pods(max(p.Step, p.Kept)) {
		return true, p.Resting
	}
	return false, spec.Partition
}

// unarmed says why a release in partition mode cannot begin: the controller is about to update more pods than the
// first batch has. It is "" where the release can begin, also where these pods are updated already, as they are when
// the progress of a release was lost half way.
func (m partitionMode) unarmed() string {
	spec := m.observed.Workload.Spec
	now := spec.Partition.Partition(spec.Replicas)
	moving := m.observed.Workload.Status.UpdatedReplicas < m.bounds.Replicas-now
	if m.plan.Mode != plan.Partition || m.bySurge() || now >= m.bounds.Replicas-m.targets[0] || !moving {
		return ""
	}
	return fmt.Sprintf("the partition is %s, so the controller updates %d pods at once, but the first batch has %d: let the "+
		"partition rest at %s", spec.Partition, m.bounds.Replicas-now, m.targets[0], m.observed.Workload.KindOf().Everything())
}

// pausedUnarmed is what a person who has paused a target in partition mode has to do before it may go on.
func (m partitionMode) pausedUnarmed() string {
	spec := m.observed.Workload.Spec
	if m.plan.Mode != plan.Partition || m.progress.Revision != "" ||
		spec.Partition.Partition(spec.Replicas) >= m.bounds.Replicas-m.targets[0] {
		return ""
	}
	return fmt.Sprintf("; its partition is %s: set it to %s before you take the pause off",
		spec.Partition, m.observed.Workload.KindOf().Everything())
}

// resting puts the partition back after a release that left pods of one revision only, so that the cluster agrees with Git
// again. With one revision a partition moves nothing.
func (m partitionMode) resting() *Action {
	whole := len(m.targets) > 0 && m.targets[len(m.targets)-1] == m.bounds.Replicas
	if !whole && !m.progress.Back || m.observed.Workload.Spec.Partition == m.progress.Resting {
		return nil
	}
	return new(m.set(m.progress.Resting, "resting value"))
}
