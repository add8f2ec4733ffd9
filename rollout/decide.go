// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/slipway-dev/slipway/rollout/ondelete"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Decide says what a release does next: which batch it is in, whether it goes on, waits or ends, why, and the writes
// to make. It reads nothing but its arguments and changes neither, so the same observation always gives the same answer; and
// because it is asked again after every write, a release that is killed anywhere goes on where it stopped.
func Decide(p plan.BatchPlan, o Observed) Decision { return decide(budgetRule(), &p, &o) }

// decider takes one decision.
type decider struct {
	*release
	direct     directMode
	partition  partitionMode
	deployment deploymentMode
	deleting   deleteMode
	gates      gates
}

func decide(within rule, p *plan.BatchPlan, o *Observed) Decision {
	r := &release{plan: p, observed: o, progress: o.Progress}
	d := &decider{
		release: r, direct: directMode{r, within}, partition: partitionMode{r}, deployment: deploymentMode{r},
		deleting: deleteMode{r}, gates: gates{r},
	}
	if ended := d.endings(); ended != nil {
		return *ended
	}
	d.resolve()
	if open := d.deployment.closing(); open != nil {
		return *open
	}
	if pause := d.pauses(); pause != nil {
		return *pause
	}
	return d.next()
}

func (d *decider) mode() mode {
	switch {
	case d.bySurge():
		return d.deployment
	case d.plan.Mode == plan.Delete:
		return d.deleting
	case d.plan.Mode == plan.Partition:
		return d.partition
	default:
		return d.direct
	}
}

// next is the decision of a release that may go on.
func (d *decider) next() Decision {
	switch {
	case d.progress.Revision == "":
		return d.begin()
	case d.progress.Finished:
		return d.rest()
	case d.progress.Back:
		return d.back()
	case d.deployment.reverted():
		return d.rollBackOrStop(plan.Superseded, "the pod template is again that of "+d.progress.Stable, false)
	case d.progress.Undo:
		inBatches := d.plan.OnFailure == plan.RollbackInBatches
		return d.rollBackOrStop(plan.UndoneByPerson, "it was undone"+d.progress.AskedBy(Undo), inBatches)
	case d.progress.Abort:
		return d.fail(plan.AbortedByPerson, "it was aborted"+d.progress.AskedBy(Abort))
	default:
		return d.forward()
	}
}

// endings are the reasons not to look at a single pod: the release has ended, has become void, or cannot be bounded.
func (d *decider) endings() *Decision {
	o, p := d.observed, d.progress
	switch {
	case p.Outcome != "":
		verdict := Stopped
		if p.Outcome == plan.Completed {
			verdict = Done
		}
		return &Decision{Verdict: verdict, Reason: p.Outcome, Message: p.Message, Batch: p.Batch, Batches: max(len(d.plan.Batches), 1)}
	case o.Workload.Deleting:
		return new(d.ended(plan.Superseded, "the "+o.Workload.KindName()+" is being deleted"))
	case p.Revision != "" && o.UpdateRevision != p.Revision && !d.restored() && !p.Finished && !d.deployment.reverted():
		if d.deployment.open() {
			return new(d.deployment.close("the pod template changed"))
		}
		message := fmt.Sprintf("the pod template changed from %s to %s during the release: release the new one",
			p.Revision, o.UpdateRevision)
		return new(d.ended(plan.Superseded, message, d.readmit()...))
	}
	if err := d.validate(); err != nil {
		// Not recorded: once the spec is mended the same release goes on.
		return &Decision{Verdict: Stopped, Reason: plan.Invalid, Message: err.Error(), Batch: p.Batch}
	}
	return nil
}

// pauses keeps a release still that the spec or a person has paused. The only write is the note since when, so that the
// pause does not count against the deadline.
func (d *decider) pauses() *Decision {
	reason, message := plan.PausedBySpec, "paused by the "+d.observed.Workload.KindName()+"'s spec"+d.partition.pausedUnarmed()
	paused := d.observed.Workload.Spec.Paused
	if !paused && d.progress.Pause {
		reason, message, paused = plan.HeldByPerson, "held"+d.progress.AskedBy(Pause), true
	}
	began, noted := d.progress.Revision != "", !d.progress.Paused.IsZero()
	switch {
	case paused && (noted || !began):
		return new(d.decision(Wait, reason, message))
	case paused:
		d.progress.Paused = d.observed.Now
		return new(d.decision(Wait, reason, message, d.record()))
	case noted:
		message := "resumed" + d.progress.resumedBy()
		d.progress.resume(d.observed.Now)
		return new(d.decision(Go, plan.Resumed, message, d.record()))
	default:
		return nil
	}
}

// begin notes what is released before the first pod is touched; a release with nothing to do ends without a write.
func (d *decider) begin() Decision {
	o := d.observed
	left, resting := d.partition.leftover()
	d.progress = Progress{
		Revision: o.UpdateRevision, Stable: o.StableRevision, Started: o.Now, Resting: resting,
		Pause: d.progress.Pause, Abort: d.progress.Abort, Undo: d.progress.Undo, Approved: d.progress.Approved,
		Requests: d.progress.Requests, Original: d.deployment.originals(),
	}
	last := len(d.targets) - 1
	work := d.mode().forward(last)
	if refused := cmp.Or(work.refused, ondelete.Nowhere(d.plan.Batches, d.observed.Nodes)); refused != "" {
		return d.decision(Stopped, plan.Invalid, refused)
	}
	if work.ready && len(work.actions) == 0 {
		d.progress.Batch = last
		return d.decision(Done, plan.Completed, d.label()+work.message)
	}
	if why := d.partition.unarmed(); why != "" && !left {
		return d.decision(Stopped, plan.Invalid, why)
	}
	if d.firstInstall() || d.bySurge() && d.deployment.alone() || d.partition.nothingServes() {
		d.progress.First, d.progress.Batch = true, last
	}
	message := fmt.Sprintf("begins, %d of %d pods to be updated", d.target(), d.bounds.Replicas)
	return d.decision(Go, plan.BatchStarted, d.label()+message, d.record())
}

// firstInstall tells whether no revision but the released one runs, or ever has. Every pod is created at once then, whatever
// the batches, because no older revision could take the place of one.
func (d *decider) firstInstall() bool {
	return d.plan.Mode != plan.Partition && !d.progress.CanReturn() &&
		!slices.ContainsFunc(d.observed.Pods, func(p Pod) bool { return p.Active() && p.Revision != d.progress.Revision })
}

// fail ends the release, or rolls it back where the plan says so.
func (d *decider) fail(reason plan.Reason, message string) Decision {
	if !d.plan.OnFailure.RollsBack() {
		return d.stop(reason, message)
	}
	return d.rollBackOrStop(reason, message, d.plan.OnFailure == plan.RollbackInBatches)
}

// rollBackOrStop rolls the release back where there is something to return to.
func (d *decider) rollBackOrStop(reason plan.Reason, message string, inBatches bool) Decision {
	if !d.progress.CanReturn() {
		return d.stop(reason, message+"; there is no earlier revision to roll back to")
	}
	d.partition.noteStep()
	d.progress.Back, d.progress.Failure, d.progress.Message = true, reason, message
	d.progress.beginBatch(choose(inBatches, d.progress.Batch, 0), d.observed.Now)
	return d.decision(Go, plan.RollingBack, message+"; rolling back to "+d.progress.Stable, d.record())
}

// stop ends the release where it is, once its guests have left.
func (d *decider) stop(reason plan.Reason, message string) Decision {
	if d.plan.Mode != plan.Partition {
		if out := d.direct.dismissGuests(reason, message); out != nil {
			return *out
		}
	}
	return d.ended(reason, message, d.readmit()...)
}
