// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// forward works on the current batch of a release that goes well so far, and keeps the checks going that are measured
// from the batch's beginning to its end.
func (d *decider) forward() Decision {
	batch := d.progress.Batch
	out := d.advance()
	if !out.Ended() && !d.progress.Back && d.progress.Batch == batch {
		out.Checks = append(out.Checks, d.gates.during()...)
	}
	return out
}

func (d *decider) advance() Decision {
	w := d.mode().forward(d.progress.Batch)
	hopeless, again := d.failing()
	switch {
	case w.refused != "":
		return d.decision(Stopped, plan.Invalid, w.refused)
	case d.partition.foreign():
		return d.ended(plan.ForeignChange, d.partition.foreignMessage())
	case d.gates.failed() != "":
		return d.fail(plan.ChecksFailed, d.gates.failed())
	case d.refused() != "":
		return d.fail(plan.PodRefused, d.label()+d.refused())
	case !w.ready && d.overdue() > 0:
		return d.fail(plan.DeadlineExceeded,
			fmt.Sprintf("%snot ready after %v: %s%s%s", d.label(), d.limit(), w.message, w.alive(), d.why(d.observed.Now)))
	case !w.ready && hopeless != "":
		return d.fail(plan.ThresholdExceeded, d.label()+hopeless)
	case !w.ready && !d.progress.Ready.IsZero():
		return d.reopen(w)
	case len(w.actions) > 0:
		return d.decision(Go, plan.PodsUpdating, d.label()+w.message+d.noRoom(), w.actions...)
	case !w.ready:
		return d.wait(w.unready(), d.label()+w.message+d.why(time.Time{}), sooner(sooner(w.soonest, -d.overdue()), again))
	case d.progress.Ready.IsZero():
		d.progress.Ready, d.progress.Newest, d.progress.Healthy = d.observed.Now, w.newest, w.healthy
		return d.decision(Go, plan.BatchReady, d.label()+w.message, d.record())
	default:
		return d.pass(w)
	}
}

// reopen begins a pause again, because pods that were ready are not any more. What the batch took to get ready keeps
// counting, so pods that come and go exhaust the deadline too.
func (d *decider) reopen(w work) Decision {
	spent := d.progress.Ready.Sub(d.progress.Started)
	d.progress.Started, d.progress.Ready = d.observed.Now.Add(-spent), time.Time{}
	return d.decision(Go, plan.PodsNotReady, d.label()+w.message+d.why(time.Time{}), d.record())
}

// pass begins the next batch, or ends the release after the last one, as soon as the gates are open.
func (d *decider) pass(w work) Decision {
	if d.progress.First {
		w.message += d.whyFirst() + ", so pauses, checks and approvals are skipped"
		return d.last(w)
	}
	if out := d.gates.closed(w); out != nil {
		return *out
	}
	passed := d.gates.passed()
	w.message += passed
	if d.progress.Batch == len(d.targets)-1 {
		return d.last(w)
	}
	if out := d.gates.window(w, d.batch().Pause.Window); out != nil {
		return *out
	}
	d.progress.beginBatch(d.progress.Batch+1, d.observed.Now)
	return d.decision(Go, plan.BatchStarted,
		d.label()+fmt.Sprintf("begins, %d of %d pods to be updated%s", d.target(), d.bounds.Replicas, passed), d.record())
}

// whyFirst says why nothing needs to be protected.
func (d *decider) whyFirst() string {
	switch {
	case d.bySurge() && len(d.observed.Revisions) > 1: // it goes back, or was scaled to none
		return "; no pod of another revision has to stay"
	case d.plan.Mode == plan.Partition && !d.bySurge():
		return "; no pod was ready before"
	default:
		return "; nothing ran before"
	}
}

// last ends the release after its last batch. Where scaling or a node has left something to do since the batch was ready, it
// has to be done first.
func (d *decider) last(w work) Decision {
	if !w.whole {
		return d.reopen(w)
	}
	return d.finish(w)
}

// finish ends a release that has reached its target, or first lets the partition be put back.
func (d *decider) finish(w work) Decision {
	d.progress.Message = d.label() + w.message
	if d.mode().resting() != nil {
		d.progress.Finished = true
		return d.decision(Go, plan.BatchReady, d.progress.Message, d.record())
	}
	d.progress.Outcome = plan.Completed
	return d.decision(Done, plan.Completed, d.progress.Message, d.record())
}

// rest puts the partition back and ends the release. That it is to be done is noted before, so that an agent that is
// killed in between leaves it to the next one.
func (d *decider) rest() Decision {
	if write := d.mode().resting(); write != nil {
		reason := plan.BatchReady
		if d.progress.Back {
			reason = plan.RollingBack
		}
		return d.decision(Go, reason, d.progress.Message, *write)
	}
	if cs := d.observed.Workload; cs.Generation > cs.Status.ObservedGeneration {
		d.progress.Left = cs.Generation
	}
	if d.progress.Back {
		return d.rolledBack()
	}
	d.progress.Outcome = plan.Completed
	return d.decision(Done, plan.Completed, d.progress.Message, d.record())
}
