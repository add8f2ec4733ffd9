// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// partitionWork looks at the status that a controller writes and steps the partition. It only ever goes down while
// the release goes forward.
func (d *decider) partitionWork(b plan.Bounds, last bool) work {
	wanted := b.Wanted()
	w := d.statusWork(wanted, last && wanted == b.Replicas)
	set := &d.observed.Workload
	switch {
	case w.behind:
	case set.Spec.Partition.Partition(set.Spec.Replicas) > b.Partition:
		w.actions = []Action{d.setPartition(plan.Pods(b.Partition), fmt.Sprintf("%d of %d pods to be updated", wanted, b.Replicas))}
		w.ready = d.wasReady()
	case d.noteStep():
		// Noted after it is seen: a partition above the noted one is then always somebody else's.
		w.actions, w.ready = []Action{d.record()}, d.wasReady()
	case !w.whole:
		w.actions = d.unblock()
	}
	return w
}

// noteStep notes how low the partition has been set, and tells whether that was not noted before.
func (d *decider) noteStep() bool {
	spec := d.observed.Workload.Spec
	written := spec.Partition.Up(spec.Replicas)
	if d.plan.Mode != plan.Partition || d.bySurge() || d.progress.Stepped && d.progress.Step <= written {
		return false
	}
	d.progress.Stepped, d.progress.Step = true, written
	return true
}

// statusWork is what the controller's status says about a batch of so many updated pods; whole is the last batch of a
// release that updates every pod. Where the controller has not seen the present spec, the status says nothing.
func (d *decider) statusWork(wanted int, whole bool) work {
	set := &d.observed.Workload
	s := set.Status
	w := work{updated: s.UpdatedReplicas, healthy: min(s.UpdatedAvailableReplicas, s.UpdatedReadyReplicas)}
	w.message = d.progressMessage(w, wanted)
	if s.ObservedGeneration < set.Generation {
		w.behind, w.ready = true, d.wasReady()
		w.message += fmt.Sprintf("; %s, which reconciles %ss, has seen generation %d of %d",
			set.KindOf().Controller, set.KindName(), s.ObservedGeneration, set.Generation)
		return w
	}
	w.ready = w.updated >= wanted && max(wanted-w.healthy, 0) <= d.threshold(wanted) && (w.healthy > 0 || wanted == 0)
	if whole {
		// Until the controller calls the new revision the current one, pods that are lost come back as old ones.
		current := s.CurrentRevision == "" || s.CurrentRevision == s.UpdateRevision
		w.ready = w.ready && current && s.UpdatedReplicas == s.Replicas && s.Replicas == set.Spec.Replicas
	}
	if w.whole = w.ready; d.wasReady() {
		// Scaling adds pods to a batch that was ready; what was available then still has to be.
		w.ready = w.healthy > 0 && w.healthy+d.threshold(wanted) >= min(wanted, d.progress.Healthy)
	}
	return w
}

// wasReady tells whether the batch has been ready, and how many pods were available then is known.
func (d *decider) wasReady() bool { return !d.progress.Ready.IsZero() && d.progress.Healthy > 0 }

func (d *decider) setPartition(to plan.Quantity, reason string) Action {
	return Action{Kind: SetPartition, Partition: to, ResourceVersion: d.observed.Workload.ResourceVersion, Reason: reason}
}

// unblock deletes pods that keep the controller from its work: they are of a revision that is neither the released nor
// the stable one, will be replaced anyway, and are not ready, so that no pod that serves is lost.
func (d *decider) unblock() []Action {
	var actions []Action
	for i := range d.observed.Stuck {
		p := &d.observed.Stuck[i]
		if p.Active() && !p.Ready && p.Revision != d.observed.UpdateRevision && p.Revision != d.progress.Stable {
			actions = append(actions, Action{Kind: DeletePod, Pod: p.ref(), Reason: "not ready, and the controller waits for it"})
		}
	}
	byName(actions)
	return actions
}

// lowered is how low this release has set the partition, and whether it has.
func (d *decider) lowered() (int, bool) {
	step, known := d.progress.Step, d.progress.Stepped
	if w := d.observed.Wrote; w != nil {
		if written := w.Up(d.observed.Workload.Spec.Replicas); !known || written < step {
			step, known = written, true
		}
	}
	return step, known
}

// foreign tells whether somebody else raised the partition that this release had lowered.
func (d *decider) foreign() bool {
	spec := d.observed.Workload.Spec
	step, known := d.lowered()
	return d.plan.Mode == plan.Partition && !d.progress.Back && known && spec.Partition.Up(spec.Replicas) > step
}

func (d *decider) foreignMessage() string {
	set := &d.observed.Workload
	step, _ := d.lowered()
	who := "something else"
	if set.PartitionBy != "" {
		who = set.PartitionBy
	}
	return fmt.Sprintf("the partition is %s, but this release had set it to %d: %s writes it; exclude spec.%s.partition there",
		set.Spec.Partition, step, who, strings.Join(set.KindOf().Strategy, "."))
}

// leftover tells whether the partition is still where an earlier release left it when it stopped, and where it rests.
// What that release had exposed is the most that the controller can replace at once, so this one may begin there.
func (d *decider) leftover() (left bool, resting plan.Quantity) {
	spec := d.observed.Workload.Spec
	if p := d.progress; d.plan.Mode == plan.Partition && p.Stepped && spec.Partition == plan.Pods(p.Step) {
		return true, p.Resting
	}
	return false, spec.Partition
}

// unarmed says why a release in partition mode cannot begin: the controller is about to update more pods than the
// first batch has. It is "" where the release can begin, also where these pods are updated already, as they are when
// the memory of a release was lost half way.
func (d *decider) unarmed() string {
	spec := d.observed.Workload.Spec
	now := spec.Partition.Partition(spec.Replicas)
	moving := d.observed.Workload.Status.UpdatedReplicas < d.bounds.Replicas-now
	if d.plan.Mode != plan.Partition || d.bySurge() || now >= d.bounds.Replicas-d.targets[0] || !moving {
		return ""
	}
	return fmt.Sprintf("the partition is %s, so the controller updates %d pods at once, but the first batch has %d: let the partition rest at %s",
		spec.Partition, d.bounds.Replicas-now, d.targets[0], d.observed.Workload.KindOf().Everything())
}

// armFirst is what a person who has paused a target in partition mode has to do before it may go on.
func (d *decider) armFirst() string {
	spec := d.observed.Workload.Spec
	if d.plan.Mode != plan.Partition || d.progress.Revision != "" || spec.Partition.Partition(spec.Replicas) >= d.bounds.Replicas-d.targets[0] {
		return ""
	}
	return fmt.Sprintf("; its partition is %s: set it to %s before you take the pause off",
		spec.Partition, d.observed.Workload.KindOf().Everything())
}

// mustRest tells whether the partition has to be put back after a release that left pods of one revision only, so
// that the cluster agrees with Git again. With one revision a partition moves nothing.
func (d *decider) mustRest() bool {
	if d.bySurge() {
		return d.mustGiveBack()
	}
	whole := len(d.targets) > 0 && d.targets[len(d.targets)-1] == d.bounds.Replicas
	return d.plan.Mode == plan.Partition && (whole || d.progress.Back) &&
		d.observed.Workload.Spec.Partition != d.progress.Resting
}

// restingWrite is what puts the target back to where it rests.
func (d *decider) restingWrite() Action {
	if d.bySurge() {
		return d.giveBack()
	}
	return d.setPartition(d.progress.Resting, "resting value")
}

// rest puts the partition back and ends the release. That it is to be done is noted before, so that an agent that is
// killed in between leaves it to the next one.
func (d *decider) rest() Decision {
	if d.mustRest() {
		reason := plan.BatchReady
		if d.progress.Back {
			reason = plan.RollingBack
		}
		return d.decision(Go, reason, d.progress.Message, d.restingWrite())
	}
	if d.progress.Back {
		return d.rolledBack()
	}
	d.progress.Outcome = plan.Completed
	return d.decision(Done, plan.Completed, d.progress.Message, d.record())
}
