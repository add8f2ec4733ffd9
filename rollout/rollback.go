// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// back works on a release that returns to its stable revision, within the same bounds. It is the release the other
// way round: the stable revision is released, and the failed one is the old. In batches it walks the plan's batches in
// reverse; at once it is a single batch.
func (d *decider) back() Decision {
	w := d.backWork(d.backGoal())
	message := fmt.Sprintf("rolling back to %s: %s", d.progress.Stable, strings.ReplaceAll(w.message, "updated", "restored"))
	switch {
	case d.progress.Restored && !d.restored() && !w.behind:
		return *d.ended(plan.ForeignChange, fmt.Sprintf("while it rolled back to %s something else wrote the template of %s again: revert it where it comes from; it was rolled back because %s",
			d.progress.Stable, d.progress.Revision, d.progress.Message), nil)
	case !w.ready && d.overdue() > 0:
		return d.stop(plan.DeadlineExceeded,
			fmt.Sprintf("%s; not ready after %v; it was rolled back because %s%s", message, d.limit(), d.progress.Message, d.armAgain()))
	case len(w.actions) > 0:
		return d.decision(Go, plan.RollingBack, message, w.actions...)
	case !w.ready:
		return d.wait(plan.RollingBack, message, d.soonest(w.soonest, -d.overdue()))
	case d.progress.Batch > 0:
		d.progress.Batch--
		d.progress.Started, d.progress.Ready = d.observed.Now, time.Time{}
		return d.decision(Go, plan.RollingBack, message, d.record())
	case d.mustRest():
		d.progress.Finished = true
		return d.decision(Go, plan.RollingBack, message, d.record())
	default:
		return d.rolledBack()
	}
}

// armAgain is what a person has to do after a rollback in partition mode that did not get ready. The partition stays low,
// because the controller may still restore the pods that are left; so the next template would reach every pod at once.
func (d *decider) armAgain() string {
	set := &d.observed.Workload
	if d.plan.Mode != plan.Partition || d.bySurge() || set.Spec.Partition.Partition(set.Spec.Replicas) >= set.Spec.Replicas {
		return ""
	}
	namespace := ""
	if set.Namespace != "" {
		namespace = " -n " + set.Namespace
	}
	return fmt.Sprintf("; the partition is left at %s, so that the controller can restore the pods that are left; before the pod template changes again run: slipway rollout arm %s/%s%s",
		set.Spec.Partition, set.KindOf().Words[0], set.Name, namespace)
}

// rolledBack ends a release that went back. The cluster has gone back and Git has not, so it says what to do there.
func (d *decider) rolledBack() Decision {
	d.progress.Outcome = plan.RolledBack
	revert := ""
	if d.progress.Failure != plan.Superseded {
		revert = "; revert the pod template in Git, which still asks for " + d.progress.Revision
	}
	d.progress.Message = fmt.Sprintf("rolled back to %s because %s%s", d.progress.Stable, d.progress.Message, revert)
	return d.decision(Stopped, plan.RolledBack, d.progress.Message, d.record())
}

// backGoal is what a batch of the way back is to reach: its partition is how many pods of the failed revision may stay.
func (d *decider) backGoal() goal {
	b := d.bounds
	b.Partition = 0
	if d.progress.Batch > 0 {
		b.Partition = d.targets[d.progress.Batch-1]
	}
	return goal{bounds: b, from: d.progress.Revision, to: d.progress.Stable, tolerated: d.threshold(b.Wanted())}
}

// backWork is what one batch of the way back still needs.
func (d *decider) backWork(g goal) work {
	if d.bySurge() {
		return d.backSurge()
	}
	if d.plan.Mode == plan.Partition {
		return d.backPartition(g.bounds)
	}
	s := newStepper(d.rule, g, d.observed)
	// Pods of the failed revision that are gone stay gone.
	s.bounds.Partition = min(s.bounds.Partition, s.tally.old)
	return d.directWork(s, d.progress.Batch == 0)
}

// backPartition puts the stable template back and steps the partition for it. With the stable template in its place
// the failed pods are the old ones, which a partition keeps. Where it is an ordinal, it keeps those of the failed pods
// whose ordinals are lowest, and the pods below them, which never left the stable revision.
func (d *decider) backPartition(b plan.Bounds) work {
	set := &d.observed.Workload
	keep := b.Partition
	if set.Spec.Ordinal {
		keep = min(d.progress.Step+keep, b.Replicas)
	}
	now := set.Spec.Partition.Partition(set.Spec.Replicas)
	w := d.statusWork(b.Wanted(), b.Partition == 0)
	restored := d.restored()
	if !restored && !w.behind {
		w.message = "the template is still " + d.observed.UpdateRevision
	}
	var next *Action
	switch {
	case w.behind:
	case !restored && now < keep:
		// Before the template, or the controller would replace more than this batch at once.
		next = new(d.setPartition(plan.Pods(keep), "pods of this batch only"))
	case !restored:
		next = &Action{Kind: RestoreTemplate, Revision: d.progress.Stable, ResourceVersion: set.ResourceVersion, Reason: "rollback"}
	case !d.progress.Restored:
		d.progress.Restored = true
		next = new(d.record())
	case now > keep:
		next = new(d.setPartition(plan.Pods(keep), fmt.Sprintf("%d of %d pods to be restored", b.Wanted(), b.Replicas)))
	case !w.ready:
		w.actions = d.unblock()
	}
	if next != nil {
		w.actions, w.ready = []Action{*next}, false
	}
	return w
}
