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
	w := d.mode().back()
	message := fmt.Sprintf("rolling back to %s: %s", d.progress.Stable, strings.ReplaceAll(w.message, "updated", "restored"))
	switch {
	case d.progress.Restored && !d.restored() && !w.behind:
		return d.ended(plan.ForeignChange, fmt.Sprintf("while it rolled back to %s something else wrote the template of %s again: "+
			"revert it where it comes from; it was rolled back because %s",
			d.progress.Stable, d.progress.Revision, d.progress.Message))
	case d.refused() != "":
		return d.stop(plan.PodRefused, fmt.Sprintf("%s; %s; it was rolled back because %s", message, d.refused(), d.progress.Message))
	case !w.ready && d.overdue() > 0:
		return d.stop(plan.DeadlineExceeded,
			fmt.Sprintf("%s; not ready after %v%s; it was rolled back because %s%s",
				message, d.limit(), d.why(d.observed.Now), d.progress.Message, d.partition.armAgain()))
	case len(w.actions) > 0:
		return d.decision(Go, plan.RollingBack, message+d.noRoom(), w.actions...)
	case !w.ready:
		return d.wait(plan.RollingBack, message+d.why(time.Time{}), sooner(w.soonest, -d.overdue()))
	case d.progress.Batch > 0:
		d.progress.beginBatch(d.progress.Batch-1, d.observed.Now)
		return d.decision(Go, plan.RollingBack, message, d.record())
	case d.mode().resting() != nil:
		d.progress.Finished = true
		return d.decision(Go, plan.RollingBack, message, d.record())
	default:
		return d.rolledBack()
	}
}

// rolledBack ends a release that went back. The cluster has gone back and Git has not, so it says what to do there.
func (d *decider) rolledBack() Decision {
	revert := ""
	if d.progress.Failure != plan.Superseded {
		revert = "; revert the pod template in Git, which still asks for " + d.progress.Revision
	}
	return d.ended(plan.RolledBack, fmt.Sprintf("rolled back to %s because %s%s", d.progress.Stable, d.progress.Message, revert))
}

// backGoal is what the current batch of the way back is to reach.
func (m directMode) backGoal() goal {
	b := m.boundsBack()
	return goal{bounds: b, from: m.progress.Revision, to: m.progress.Stable, tolerated: m.threshold(b.Wanted())}
}

// back replaces pods as on the way forward. Pods of the failed revision that are gone stay gone.
func (m directMode) back() work {
	s := newStepper(m.rule, m.backGoal(), m.observed)
	s.bounds.Partition = min(s.bounds.Partition, s.pods.old)
	return m.work(s, m.progress.Batch == 0)
}

// back puts the stable template back and steps the partition for it. With the stable template in its place
// the failed pods are the old ones, which a partition keeps. Where it is an ordinal, it keeps those of the failed pods
// whose ordinals are lowest, and the pods below them, which never left the stable revision.
func (m partitionMode) back() work {
	b := m.boundsBack()
	set := &m.observed.Workload
	keep := b.Partition
	if set.Spec.Ordinal {
		keep = min(m.progress.Step+keep, b.Replicas)
	}
	now := set.Spec.Partition.Partition(set.Spec.Replicas)
	w := m.status(b.Wanted(), b.Partition == 0)
	restored := m.restored()
	if !restored && !w.behind {
		w.message = "the template is still " + m.observed.UpdateRevision
	}
	var next *Action
	switch {
	case w.behind:
	case !restored && now < keep:
		// Before the template, or the controller would replace more than this batch at once.
		next = new(m.set(plan.Pods(keep), "pods of this batch only"))
	case !restored:
		next = &Action{Kind: RestoreTemplate, Revision: m.progress.Stable, ResourceVersion: set.ResourceVersion, Reason: "rollback"}
	case !m.progress.Restored:
		m.progress.Restored = true
		next = new(m.record())
	case now > keep:
		next = new(m.set(plan.Pods(keep), fmt.Sprintf("%d of %d pods to be restored", b.Wanted(), b.Replicas)))
	case !w.ready:
		w.actions = m.unblock()
	}
	if next != nil {
		w.actions, w.ready = []Action{*next}, false
	}
	return w
}

// armAgain is what a person has to do after a rollback in partition mode that did not get ready. The partition stays low,
// because the controller may still restore the pods that are left; so the next template would reach every pod at once.
func (m partitionMode) armAgain() string {
	set := &m.observed.Workload
	if m.plan.Mode != plan.Partition || m.bySurge() || set.Spec.Partition.Partition(set.Spec.Replicas) >= set.Spec.Replicas {
		return ""
	}
	namespace := ""
	if set.Namespace != "" {
		namespace = " -n " + set.Namespace
	}
	return fmt.Sprintf("; the partition is left at %s, so that the controller can restore the pods that are left; before the pod "+
		"template changes again run: slipway rollout arm %s/%s%s", set.Spec.Partition, set.KindOf().Words[0], set.Name, namespace)
}
