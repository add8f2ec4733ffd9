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
	s := standing{&release{plan: &p, observed: &o, progress: o.Progress}}
	s.resolve()
	switch {
	case o.Workload.Deleting:
		return s.decision(Stopped, plan.Superseded, "the "+o.Workload.KindName()+" is being deleted")
	case s.progress.Revision == "":
		return s.unrecorded()
	case s.progress.Outcome != "":
		return s.outcome()
	}
	if err := s.validate(); err != nil {
		return s.decision(Stopped, plan.Invalid, err.Error())
	}
	return s.underWay()
}

// standing tells how a release stands without its pods.
type standing struct{ *release }

// outcome is how the recorded release has ended, unless what is to run has changed since.
func (s standing) outcome() Decision {
	p, o := s.progress, s.observed
	current := o.UpdateRevision == p.Revision || o.UpdateRevision == "" || p.Outcome == plan.Superseded ||
		p.Back && o.UpdateRevision == p.Stable
	ended := fmt.Sprintf("the last release, of revision %s, ended with %s", p.Revision, p.Outcome)
	switch {
	case !current:
		return s.notStarted("no agent has begun to release revision %s; %s", o.UpdateRevision, ended)
	case s.unseen():
		return s.notStarted("nobody has acted on generation %d yet; %s", o.Workload.Generation, ended)
	case s.outdated():
		return s.notStarted("no agent has begun to release the present template, which %d of %d pods have; %s",
			o.Workload.Status.UpdatedReplicas, o.Workload.Status.Replicas, ended)
	case p.Outcome == plan.Completed:
		return s.decision(Done, plan.Completed, p.Message)
	default:
		return s.decision(Stopped, p.Outcome, p.Message)
	}
}

// notStarted is a release of what is there now that has still to begin.
func (s standing) notStarted(format string, args ...any) Decision {
	return s.decision(Wait, plan.NotStarted, fmt.Sprintf(format, args...))
}

// outdated tells whether pods are not of the present template although a release left all of them so. A kind whose status names
// no revision shows by nothing else that its template has changed.
func (s standing) outdated() bool {
	status, all := s.observed.Workload.Status, s.progress.Outcome == plan.Completed || s.progress.Outcome == plan.RolledBack
	return all && s.observed.UpdateRevision == "" && status.UpdatedReplicas < min(s.bounds.Wanted(), status.Replicas)
}

// unseen tells whether the spec is newer than the status, and than what the release itself left. Without a look at the spec
// nobody can tell.
func (s standing) unseen() bool {
	cs := s.observed.Workload
	return cs.Generation > max(cs.Status.ObservedGeneration, s.progress.Left)
}

// uncounted tells whether what the status counts is of another revision than the one that is released: it is written anew only a
// moment after the release has begun.
func (s standing) uncounted() bool {
	o, p := s.observed, s.progress
	return !p.Back && o.UpdateRevision != "" && o.UpdateRevision != p.Revision
}

// underWay is what a release that has not ended waits for.
func (s standing) underWay() Decision {
	status, p := s.observed.Workload.Status, s.progress
	w := work{updated: status.UpdatedReplicas, healthy: min(status.UpdatedAvailableReplicas, status.UpdatedReadyReplicas)}
	switch {
	case s.observed.Workload.Generation == 0:
		w.message = "its pods are not known here" // the CloneSet could not be read
	case s.uncounted():
		w.message = "its pods are not counted yet"
	default:
		w.message = s.progressMessage(w, s.target())
	}
	switch {
	case s.observed.Workload.Spec.Paused:
		return s.decision(Wait, plan.PausedBySpec, s.label()+"paused by the "+s.observed.Workload.KindName()+"'s spec")
	case p.Pause:
		return s.decision(Wait, plan.HeldByPerson, s.label()+"held"+p.AskedBy(Pause))
	case p.Back:
		message := fmt.Sprintf("rolling back to %s because %s%s", p.Stable, p.Message, s.why(time.Time{}))
		return s.decision(Wait, plan.RollingBack, message)
	case p.Undo:
		return s.decision(Wait, plan.UndoneByPerson, s.label()+"undone"+p.AskedBy(Undo)+", not acted on yet")
	case p.Abort:
		return s.decision(Wait, plan.AbortedByPerson, s.label()+"aborted"+p.AskedBy(Abort)+", not acted on yet")
	case p.Ready.IsZero():
		return s.wait(plan.PodsNotReady, s.label()+w.message+s.why(time.Time{}), max(-s.overdue(), 0))
	default:
		return s.gate(w)
	}
}

// gate is what stands between a ready batch and the next one, as far as progress and plan tell it.
func (s standing) gate(w work) Decision {
	p, batch := s.progress, s.batch()
	if left := p.PauseEnds(batch.Pause).Sub(s.observed.Now); left > 0 {
		until := s.observed.Now.Add(left).UTC().Format(time.RFC3339)
		return s.wait(plan.Soaking, fmt.Sprintf("%s%s; pausing until %s", s.label(), w.message, until), left)
	}
	checks := ""
	if n := len(batch.Checks); n > 0 {
		checks = fmt.Sprintf("; %d checks have to pass", n)
	}
	switch {
	case batch.Pause.UntilApproved && !p.IsApproved(p.Batch):
		return s.wait(plan.AwaitingApproval, s.label()+w.message+checks+"; waiting for approval", 0)
	case checks != "":
		return s.wait(plan.ChecksRunning, s.label()+w.message+checks, 0)
	}
	if out := gates(s).window(w, batch.Pause.Window); out != nil {
		return *out
	}
	return s.wait(plan.BatchReady, s.label()+w.message, 0)
}

// unrecorded is what the status says of a CloneSet that nobody is known to release.
func (s standing) unrecorded() Decision {
	cs := s.observed.Workload
	status, wanted := cs.Status, s.bounds.Wanted()
	if wanted == 0 {
		wanted = s.bounds.Replicas // a partition that keeps every pod is how a target rests, and nobody asks for no release
	}
	counts := fmt.Sprintf("no release is recorded; the status has %d of %d pods updated, %d of them available, %d in all",
		status.UpdatedReplicas, wanted, status.UpdatedAvailableReplicas, status.Replicas)
	_, err := s.plan.Bounds(cs)
	switch {
	case err != nil:
		return s.decision(Stopped, plan.Invalid, err.Error())
	case s.unseen():
		return s.notStarted("no release is recorded, and the status is of generation %d, not %d",
			status.ObservedGeneration, cs.Generation)
	case status.UpdatedReplicas < wanted || status.UpdatedAvailableReplicas < wanted || status.Replicas != s.bounds.Replicas:
		return s.notStarted("%s", counts+s.why(time.Time{}))
	default:
		return s.decision(Done, plan.Completed, counts)
	}
}
