// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// Decide says what a release does next: which batch it is in, whether it goes on, waits or ends, why, and the writes
// to make. It reads nothing but its arguments and changes neither, so the same look always gives the same answer; and
// because it is asked again after every write, a release that is killed anywhere goes on where it stopped.
func Decide(p plan.BatchPlan, o Observed) Decision { return decide(budgetRule(), &p, &o) }

// decider holds one decision while it is worked out.
type decider struct {
	rule     rule
	plan     *plan.BatchPlan
	observed *Observed
	bounds   plan.Bounds
	targets  []int
	progress Progress
}

func decide(r rule, p *plan.BatchPlan, o *Observed) Decision {
	d := &decider{rule: r, plan: p, observed: o, progress: o.Progress}
	if ended := d.endings(); ended != nil {
		return *ended
	}
	d.bounds, _ = o.Workload.Spec.Bounds()
	d.targets = p.Targets(d.bounds)
	d.progress.Batch = min(d.progress.Batch, len(d.targets)-1)
	if open := d.closing(); open != nil {
		return *open
	}
	if hold := d.pauses(); hold != nil {
		return *hold
	}
	switch {
	case d.progress.Revision == "":
		return d.begin()
	case d.progress.Finished:
		return d.rest()
	case d.progress.Back:
		return d.back()
	case d.reverted():
		return d.turnOrStop(plan.Superseded, "the pod template is again that of "+d.progress.Stable, false)
	case d.progress.Undo:
		return d.turnOrStop(plan.UndoneByPerson, "it was undone"+d.progress.by(Undo), d.plan.OnFailure == plan.RollbackInBatches)
	case d.progress.Abort:
		return d.fail(plan.AbortedByPerson, "it was aborted"+d.progress.by(Abort))
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
		return d.ended(plan.Superseded, "the "+o.Workload.KindName()+" is being deleted", nil)
	case p.Revision != "" && o.UpdateRevision != p.Revision && !d.restored() && !p.Finished && !d.reverted():
		if d.open() {
			return new(d.close("the pod template changed"))
		}
		return d.ended(plan.Superseded, fmt.Sprintf("the pod template changed from %s to %s during the release: release the new one", p.Revision, o.UpdateRevision), d.readmit())
	}
	if err := d.validate(); err != nil {
		// Not recorded: once the spec is mended the same release goes on.
		return &Decision{Verdict: Stopped, Reason: plan.Invalid, Message: err.Error(), Batch: p.Batch}
	}
	return nil
}

// restored tells whether the CloneSet shows the stable template because this release put it there.
func (d *decider) restored() bool {
	return d.progress.Back && d.plan.Mode == plan.Partition && d.observed.UpdateRevision == d.progress.Stable
}

// validate checks the whole plan before the first write, and afterwards only that the bounds still let a pod move: a
// CloneSet that was scaled below a batch's number must not strand its release.
func (d *decider) validate() error {
	if d.progress.Revision == "" {
		return d.plan.Validate(d.observed.Workload)
	}
	_, err := d.observed.Workload.Spec.Bounds()
	return err
}

func (d *decider) ended(reason plan.Reason, message string, first []Action) *Decision {
	d.progress.Outcome, d.progress.Message = reason, message
	out := d.decision(Stopped, reason, message, append(first, d.record())...)
	return &out
}

// pauses holds a release that the spec or a person has paused. The only write is the note since when, so that the
// pause does not count against the deadline.
func (d *decider) pauses() *Decision {
	reason, message := plan.PausedBySpec, "paused by the "+d.observed.Workload.KindName()+"'s spec"+d.armFirst()
	paused := d.observed.Workload.Spec.Paused
	if !paused && d.progress.Hold {
		reason, message, paused = plan.HeldByPerson, "held"+d.progress.by(Hold), true
	}
	began, noted := d.progress.Revision != "", !d.progress.Paused.IsZero()
	switch {
	case paused && (noted || !began):
		out := d.decision(Wait, reason, message)
		return &out
	case paused:
		d.progress.Paused = d.observed.Now
		out := d.decision(Wait, reason, message, d.record())
		return &out
	case noted:
		message := "resumed" + d.resumedBy()
		d.resume()
		out := d.decision(Go, plan.Resumed, message, d.record())
		return &out
	default:
		return nil
	}
}

// resume moves every time of this batch forward by what was spent paused.
func (d *decider) resume() {
	pause := d.observed.Now.Sub(d.progress.Paused)
	d.progress.Paused = time.Time{}
	d.progress.Started = d.progress.Started.Add(pause)
	if !d.progress.Ready.IsZero() {
		d.progress.Ready = d.progress.Ready.Add(pause)
	}
}

// begin notes what is released before the first pod is touched; a release with nothing to do ends without a write.
func (d *decider) begin() Decision {
	o := d.observed
	left, resting := d.leftover()
	d.progress = Progress{
		Revision: o.UpdateRevision, Stable: o.StableRevision, Started: o.Now, Resting: resting,
		Hold: d.progress.Hold, Abort: d.progress.Abort, Undo: d.progress.Undo, Approved: d.progress.Approved,
		Requests: d.progress.Requests, Original: d.originals(),
	}
	last := len(d.targets) - 1
	work := d.work(last)
	if work.refused != "" {
		return d.decision(Stopped, plan.Invalid, work.refused)
	}
	if work.ready && len(work.actions) == 0 {
		d.progress.Batch = last
		return d.decision(Done, plan.Completed, d.label()+work.message)
	}
	if why := d.unarmed(); why != "" && !left {
		return d.decision(Stopped, plan.Invalid, why)
	}
	if d.firstInstall() || d.bySurge() && d.alone() {
		d.progress.First, d.progress.Batch = true, last
	}
	return d.decision(Go, plan.BatchStarted, d.label()+fmt.Sprintf("begins, %d of %d pods to be updated", d.target(), d.bounds.Replicas), d.record())
}

// firstInstall tells whether no revision but the released one runs, or ever has. Every pod is created at once then, whatever
// the batches, because no older revision could take the place of one.
func (d *decider) firstInstall() bool {
	return d.plan.Mode != plan.Partition && !d.progress.canReturn() &&
		!slices.ContainsFunc(d.observed.Pods, func(p Pod) bool { return p.Active() && p.Revision != d.progress.Revision })
}

// fail ends the release, or turns it round where the plan says so.
func (d *decider) fail(reason plan.Reason, message string) Decision {
	if d.plan.OnFailure != plan.Rollback && d.plan.OnFailure != plan.RollbackInBatches {
		return d.stop(reason, message)
	}
	return d.turnOrStop(reason, message, d.plan.OnFailure == plan.RollbackInBatches)
}

// turnOrStop turns the release round where there is something to return to.
func (d *decider) turnOrStop(reason plan.Reason, message string, inBatches bool) Decision {
	if !d.progress.canReturn() {
		return d.stop(reason, message+"; there is no earlier revision to roll back to")
	}
	d.noteStep()
	d.progress.Back, d.progress.Failure, d.progress.Message = true, reason, message
	d.progress.Started, d.progress.Ready = d.observed.Now, time.Time{}
	if !inBatches {
		d.progress.Batch = 0
	}
	return d.decision(Go, plan.RollingBack, message+"; rolling back to "+d.progress.Stable, d.record())
}

// stop ends the release where it is. Pods that are drained for an update go back into service first: nobody would do it
// later.
func (d *decider) stop(reason plan.Reason, message string) Decision {
	if out := d.farewell(reason, message); out != nil {
		return *out
	}
	d.progress.Outcome, d.progress.Message = reason, message
	return d.decision(Stopped, reason, message, append(d.readmit(), d.record())...)
}

// canReturn tells whether the release started from another revision than it releases.
func (p Progress) canReturn() bool { return p.Stable != "" && p.Stable != p.Revision }

// stopReason is why a drained pod is given back.
const stopReason = "the release stops"

func (d *decider) readmit() []Action {
	var actions []Action
	for i := range d.observed.Pods {
		if p := &d.observed.Pods[i]; p.Active() && p.Drained {
			actions = append(actions, Action{Kind: ReadmitPod, Pod: p.ref(), Reason: stopReason})
		}
	}
	byName(actions)
	return actions
}

func (d *decider) record() Action {
	progress := d.progress
	return Action{Kind: RecordProgress, Progress: &progress}
}

func (d *decider) decision(v Verdict, r plan.Reason, message string, actions ...Action) Decision {
	return Decision{
		Verdict: v, Reason: r, Message: message, Batch: d.progress.Batch, Batches: len(d.targets),
		Target: d.target(), Actions: actions,
	}
}

// target is the number of updated pods that the current batch asks for.
func (d *decider) target() int {
	if d.progress.Batch >= len(d.targets) {
		return 0
	}
	return d.targets[d.progress.Batch]
}

// label begins every message of a batch.
func (d *decider) label() string {
	return fmt.Sprintf("batch %d of %d: ", d.progress.Batch+1, len(d.targets))
}
