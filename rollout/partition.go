// SPDX-License-Identifier: Apache-2.0

package rollout

import "fmt"

// partitionWork looks at the status that a controller writes and steps the partition. It only ever goes down while
// the release goes forward.
func (d *decider) partitionWork(b Bounds, last bool) work {
	cs := d.observed.CloneSet
	status := cs.Status
	w := work{updated: status.UpdatedReplicas, healthy: min(status.UpdatedAvailableReplicas, status.UpdatedReadyReplicas)}
	wanted := b.wanted()
	now := cs.Spec.Partition.Partition(cs.Spec.Replicas)
	seen := status.ObservedGeneration >= cs.Generation
	w.message = d.progressMessage(w, wanted)
	switch {
	case !seen:
		w.message += fmt.Sprintf("; the controller has seen generation %d of %d", status.ObservedGeneration, cs.Generation)
	case now > b.Partition:
		w.actions = []Action{{
			Kind: SetPartition, Partition: Pods(b.Partition), ResourceVersion: cs.ResourceVersion,
			Reason: fmt.Sprintf("%d of %d pods to be updated", wanted, b.Replicas),
		}}
	case !d.progress.Stepped || d.progress.Step > now:
		// Noted after it is seen: a partition above the noted one is then always somebody else's.
		d.progress.Stepped, d.progress.Step = true, now
		w.actions = []Action{d.record()}
	default:
		w.ready = w.updated >= wanted && max(wanted-w.healthy, 0) <= d.threshold(wanted) && (w.healthy > 0 || wanted == 0)
		if last && wanted == b.Replicas {
			w.ready = w.ready && status.UpdatedReplicas == status.Replicas && status.Replicas == b.Replicas
		}
	}
	return w
}

// foreign tells whether somebody else raised the partition that this release had lowered.
func (d *decider) foreign() bool {
	spec := d.observed.CloneSet.Spec
	return d.plan.Mode == Partition && d.progress.Stepped && !d.progress.Back &&
		spec.Partition.Partition(spec.Replicas) > d.progress.Step
}

func (d *decider) foreignMessage() string {
	return fmt.Sprintf("the partition is %s, but this release had set it to %d: something else writes it; exclude the field there",
		d.observed.CloneSet.Spec.Partition, d.progress.Step)
}

// unarmed says why a release in partition mode cannot begin: the controller is about to update more pods than the
// first batch has. It is "" where the release can begin, also where these pods are updated already, as they are when
// the memory of a release was lost half way.
func (d *decider) unarmed() string {
	spec := d.observed.CloneSet.Spec
	now := spec.Partition.Partition(spec.Replicas)
	moving := d.observed.CloneSet.Status.UpdatedReplicas < d.bounds.Replicas-now
	if d.plan.Mode != Partition || now >= d.bounds.Replicas-d.targets[0] || !moving {
		return ""
	}
	return fmt.Sprintf("the partition is %s, so the controller updates %d pods at once, but the first batch has %d: let the partition rest at 100%%",
		spec.Partition, d.bounds.Replicas-now, d.targets[0])
}

// restPartition puts the partition back to what it was before a release that updated every pod, so that the cluster
// agrees with Git again. With one revision only, a partition moves nothing.
func (d *decider) restPartition() []Action {
	whole := len(d.targets) > 0 && d.targets[len(d.targets)-1] == d.bounds.Replicas
	if d.plan.Mode != Partition || !d.progress.Stepped || (!whole && !d.progress.Back) {
		return nil
	}
	return []Action{{
		Kind: SetPartition, Partition: d.progress.Resting, ResourceVersion: d.observed.CloneSet.ResourceVersion,
		Reason: "resting value",
	}}
}
