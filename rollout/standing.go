// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// Standing says how a release stands as far as that can be told from outside: from the progress that its agent stores, the
// CloneSet and its status, without one pod. It has the form of a decision without writes, and ends with the release. Where
// no release is recorded it is what the status itself says.
func Standing(p plan.BatchPlan, o Observed) Decision {
	d := &decider{rule: budgetRule(), plan: &p, observed: &o, progress: o.Progress}
	d.bounds, _ = o.Workload.Spec.Bounds()
	d.targets = p.Targets(d.bounds)
	d.progress.Batch = min(d.progress.Batch, len(d.targets)-1)
	switch {
	case o.Workload.Deleting:
		return d.decision(Stopped, plan.Superseded, "the CloneSet is being deleted")
	case d.progress.Revision == "":
		return d.unrecorded()
	case d.progress.Outcome != "":
		return d.outcome()
	}
	if err := d.validate(); err != nil {
		return d.decision(Stopped, plan.Invalid, err.Error())
	}
	return d.underWay()
}

// outcome is how the recorded release has ended, unless what is to run has changed since.
func (d *decider) outcome() Decision {
	p, o := d.progress, d.observed
	current := o.UpdateRevision == p.Revision || o.UpdateRevision == "" || p.Outcome == plan.Superseded || p.Back && o.UpdateRevision == p.Stable
	ended := fmt.Sprintf("the last release, of revision %s, ended with %s", p.Revision, p.Outcome)
	switch {
	case !current:
		return d.decision(Wait, plan.NotStarted, fmt.Sprintf("no agent has begun to release revision %s; %s", o.UpdateRevision, ended))
	case d.unseen():
		return d.decision(Wait, plan.NotStarted, fmt.Sprintf("nobody has acted on generation %d yet; %s", o.Workload.Generation, ended))
	case p.Outcome == plan.Completed:
		return d.decision(Done, plan.Completed, p.Message)
	default:
		return d.decision(Stopped, p.Outcome, p.Message)
	}
}

// unseen tells whether the spec is newer than the status. Without a look at the spec nobody can tell.
func (d *decider) unseen() bool {
	cs := d.observed.Workload
	return cs.Generation > cs.Status.ObservedGeneration
}

// underWay is what a release that has not ended waits for.
func (d *decider) underWay() Decision {
	s, p := d.observed.Workload.Status, d.progress
	w := work{updated: s.UpdatedReplicas, healthy: min(s.UpdatedAvailableReplicas, s.UpdatedReadyReplicas)}
	if w.message = d.progressMessage(w, d.target()); d.observed.Workload.Generation == 0 {
		w.message = "its pods are not known here" // the CloneSet could not be read
	}
	switch {
	case d.observed.Workload.Spec.Paused:
		return d.decision(Wait, plan.PausedBySpec, d.label()+"paused by the CloneSet's spec")
	case p.Hold:
		return d.decision(Wait, plan.HeldByPerson, d.label()+"held"+p.by(Hold))
	case p.Back:
		return d.decision(Wait, plan.RollingBack, fmt.Sprintf("rolling back to %s because %s", p.Stable, p.Message))
	case p.Undo:
		return d.decision(Wait, plan.UndoneByPerson, d.label()+"undone"+p.by(Undo)+", not acted on yet")
	case p.Abort:
		return d.decision(Wait, plan.AbortedByPerson, d.label()+"aborted"+p.by(Abort)+", not acted on yet")
	case p.Ready.IsZero():
		return d.wait(plan.PodsNotReady, d.label()+w.message, max(-d.overdue(), 0))
	default:
		return d.gate(w)
	}
}

// gate is what stands between a ready batch and the next one, as far as progress and plan tell it.
func (d *decider) gate(w work) Decision {
	p, batch := d.progress, d.batch()
	if left := p.Ready.Add(batch.Pause.Duration).Sub(d.observed.Now); batch.Pause.Duration > 0 && left > 0 {
		until := d.observed.Now.Add(left).UTC().Format(time.RFC3339)
		return d.wait(plan.Soaking, fmt.Sprintf("%s%s; pausing until %s", d.label(), w.message, until), left)
	}
	checks := ""
	if n := len(batch.Checks); n > 0 {
		checks = fmt.Sprintf("; %d checks have to pass", n)
	}
	switch {
	case batch.Pause.UntilApproved && !p.approved(p.Batch):
		return d.wait(plan.AwaitingApproval, d.label()+w.message+checks+"; waiting for approval", 0)
	case checks != "":
		return d.wait(plan.ChecksRunning, d.label()+w.message+checks, 0)
	}
	if out := d.window(w, batch.Pause.Window); out != nil {
		return *out
	}
	return d.wait(plan.BatchReady, d.label()+w.message, 0)
}

// unrecorded is what the status says of a CloneSet that nobody is known to release.
func (d *decider) unrecorded() Decision {
	cs := d.observed.Workload
	s, wanted := cs.Status, d.bounds.Wanted()
	counts := fmt.Sprintf("no release is recorded; the status has %d of %d pods updated, %d of them available, %d in all", s.UpdatedReplicas, wanted, s.UpdatedAvailableReplicas, s.Replicas)
	_, err := cs.Spec.Bounds()
	switch {
	case err != nil:
		return d.decision(Stopped, plan.Invalid, err.Error())
	case d.unseen():
		return d.decision(Wait, plan.NotStarted, fmt.Sprintf("no release is recorded, and the status is of generation %d, not %d", s.ObservedGeneration, cs.Generation))
	case s.UpdatedReplicas < wanted || s.UpdatedAvailableReplicas < wanted || s.Replicas != d.bounds.Replicas:
		return d.decision(Wait, plan.NotStarted, counts)
	default:
		return d.decision(Done, plan.Completed, counts)
	}
}
