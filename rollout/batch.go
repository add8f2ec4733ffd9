// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// work is what one batch still needs.
type work struct {
	actions []Action
	ready   bool          // the batch's pods are as they should be
	updated int           // pods of the revision that is released
	healthy int           // of these, available
	newest  time.Time     // when the newest of them was created
	whole   bool          // nothing is left to do either, as it must be when the release ends
	message string        // counts, for the batch's label to go before
	refused string        // why the release cannot be executed at all
	behind  bool          // the controller has not seen the present spec
	soonest time.Duration // something happens by itself after this; 0: nothing known
}

// work looks at the pods for the given batch, in the mode of the plan.
func (d *decider) work(batch int) work {
	g := d.goal(batch)
	if d.bySurge() {
		return d.surgeWork(g.bounds.Wanted(), batch == len(d.targets)-1)
	}
	if d.plan.Mode == plan.Partition {
		return d.partitionWork(g.bounds, batch == len(d.targets)-1)
	}
	return d.directWork(newStepper(d.rule, g, d.observed), batch == len(d.targets)-1)
}

// goal is what a batch is to reach while the release goes forward.
func (d *decider) goal(batch int) goal {
	b := d.bounds
	b.Partition = b.Replicas - d.targets[batch]
	return goal{
		bounds: b, from: d.progress.Stable, to: d.progress.Revision,
		ahead: b.Replicas - d.targets[d.nextRest(batch)], tolerated: d.threshold(b.Wanted()), since: d.progress.since(),
	}
}

func (d *decider) directWork(s *stepper, last bool) work {
	w := work{refused: s.refusal()}
	if w.refused != "" {
		return w
	}
	w.actions = s.run()
	c, t := s.tally.counts, &s.tally
	w.updated, w.healthy, w.soonest = c.new, t.readyNew, s.soonest()
	wanted := s.bounds.Wanted()
	w.newest = t.newest
	missing := max(wanted-t.readyNew, 0)
	if !s.goal.since.IsZero() {
		// What scaling adds, and what nodes take, does not count against a batch that was ready: only a pod of its own does.
		missing = c.new - t.readyNew - t.late
	}
	left := c.surplusOld(s.bounds)
	// However much is tolerated, one healthy pod is the least that a batch can show for itself.
	w.ready = missing <= d.threshold(wanted) && (t.readyNew > 0 || wanted == 0)
	// Tolerated pods may leave old ones standing between two batches, but not after the release.
	w.whole = c.new >= wanted && left == 0 && c.total == c.kept && c.kept == s.bounds.Replicas
	switch {
	case !s.goal.since.IsZero():
	case last:
		w.ready = w.ready && w.whole
	default:
		// Guests that may leave have left before a rest. Those that the budget keeps for pods that are down hold nothing up.
		w.ready = w.ready && c.new >= wanted && left <= missing && t.guestsGoing == 0
	}
	w.message = d.progressMessage(w, wanted)
	if d.observed.NoRoom != "" && slices.ContainsFunc(w.actions, func(a Action) bool { return a.Kind == CreatePod }) {
		w.ready = false // also where only an old pod is missing: otherwise nothing would ever end the tries
		w.message += "; " + d.observed.NoRoom
	}
	if c.guests > 0 {
		w.message += ", " + countGuests(c.guests)
	}
	if s.writes.blocked != "" && len(w.actions) == 0 && !w.ready {
		w.message += "; " + s.writes.blocked
	}
	return w
}

// progressMessage counts first the pods that are updated, then those of them that are ready.
func (d *decider) progressMessage(w work, wanted int) string {
	word := "ready"
	if d.observed.Workload.Spec.MinReady > 0 {
		word = fmt.Sprintf("ready for %v", d.observed.Workload.Spec.MinReady)
	}
	if w.updated < wanted {
		return fmt.Sprintf("%d of %d pods updated, %d %s", w.updated, wanted, w.healthy, word)
	}
	return fmt.Sprintf("%d of %d updated pods %s", w.healthy, max(wanted, w.updated), word)
}

// threshold is how many updated pods may be missing or unavailable. It rounds down: half a pod is no licence.
func (d *decider) threshold(wanted int) int {
	return d.plan.FailureThreshold.Down(wanted)
}

// forward works on the current batch of a release that goes well so far, and keeps the checks going that are measured
// from the batch's beginning to its end.
func (d *decider) forward() Decision {
	batch := d.progress.Batch
	out := d.advance()
	if !out.Ended() && !d.progress.Back && d.progress.Batch == batch {
		out.Checks = append(out.Checks, d.during()...)
	}
	return out
}

func (d *decider) advance() Decision {
	w := d.work(d.progress.Batch)
	switch {
	case w.refused != "":
		return d.decision(Stopped, plan.Invalid, w.refused)
	case d.foreign():
		return *d.ended(plan.ForeignChange, d.foreignMessage(), nil)
	case d.failed() != "":
		return d.fail(plan.ChecksFailed, d.failed())
	case !w.ready && d.overdue() > 0:
		return d.fail(d.overdueReason(w), fmt.Sprintf("%snot ready after %v: %s%s", d.label(), d.limit(), w.message, w.alive()))
	case !w.ready && !d.progress.Ready.IsZero():
		return d.reopen(w)
	case len(w.actions) > 0:
		return d.decision(Go, plan.PodsUpdating, d.label()+w.message, w.actions...)
	case !w.ready:
		return d.wait(w.unready(), d.label()+w.message, d.soonest(w.soonest, -d.overdue()))
	case d.progress.Ready.IsZero():
		d.progress.Ready, d.progress.Newest, d.progress.Healthy = d.observed.Now, w.newest, w.healthy
		return d.decision(Go, plan.BatchReady, d.label()+w.message, d.record())
	default:
		return d.gates(w)
	}
}

// reopen begins a pause again, because pods that were ready are not any more. What the batch took to get ready keeps
// counting, so pods that come and go exhaust the deadline too.
func (d *decider) reopen(w work) Decision {
	spent := d.progress.Ready.Sub(d.progress.Started)
	d.progress.Started, d.progress.Ready = d.observed.Now.Add(-spent), time.Time{}
	return d.decision(Go, plan.PodsNotReady, d.label()+w.message, d.record())
}

// since is when the newest updated pod was created as the batch got ready; it is zero where the batch is not ready, or that
// was not noted.
func (p Progress) since() time.Time {
	if p.Ready.IsZero() {
		return time.Time{}
	}
	return p.Newest
}

// gates are what stands between a batch that is ready and the next one: the pause, the checks, the approval.
func (d *decider) gates(w work) Decision {
	if d.progress.First {
		w.message += d.whyFirst() + ", so pauses, checks and approvals are skipped"
		return d.last(w)
	}
	batch := d.batch()
	if left := d.progress.Ready.Add(batch.Pause.Duration).Sub(d.observed.Now); batch.Pause.Duration > 0 && left > 0 {
		return d.wait(plan.Soaking, fmt.Sprintf("%s%s; pausing for %v", d.label(), w.message, batch.Pause.Duration), left)
	}
	if out := d.checks(w, batch); out != nil {
		return *out
	}
	if batch.Pause.UntilApproved {
		if !d.progress.approved(d.progress.Batch) {
			return d.wait(plan.AwaitingApproval, d.label()+w.message+"; waiting for approval", 0)
		}
		w.message += d.progress.approvedBy(d.progress.Batch)
	}
	if d.progress.Batch == len(d.targets)-1 {
		return d.last(w)
	}
	if out := d.window(w, batch.Pause.Window); out != nil {
		return *out
	}
	approval := ""
	if batch.Pause.UntilApproved {
		approval = d.progress.approvedBy(d.progress.Batch)
	}
	d.progress.Batch++
	d.progress.Started, d.progress.Ready = d.observed.Now, time.Time{}
	return d.decision(Go, plan.BatchStarted,
		d.label()+fmt.Sprintf("begins, %d of %d pods to be updated%s", d.target(), d.bounds.Replicas, approval), d.record())
}

// window holds the next batch until it may begin. A window that cannot be told stops the release for now: once the plan
// is mended it goes on.
func (d *decider) window(w work, window *plan.Window) *Decision {
	if window == nil {
		return nil
	}
	opens, err := window.Opens(d.observed.Now)
	switch {
	case err != nil:
		out := d.decision(Stopped, plan.Invalid, fmt.Sprintf("spec.batches[%d].pause.window: %v", d.progress.Batch, err))
		return &out
	case opens.After(d.observed.Now):
		out := d.wait(plan.OutsideWindow, d.label()+w.message+"; "+window.Closed(opens), opens.Sub(d.observed.Now))
		return &out
	default:
		return nil
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

func (d *decider) finish(w work) Decision {
	d.progress.Message = d.label() + w.message
	if d.mustRest() {
		d.progress.Finished = true
		return d.decision(Go, plan.BatchReady, d.progress.Message, d.record())
	}
	d.progress.Outcome = plan.Completed
	return d.decision(Done, plan.Completed, d.progress.Message, d.record())
}

// alive asks the question behind a deadline that a controller has let pass without a look.
func (w work) alive() string {
	if w.behind {
		return ": is it running?"
	}
	return ""
}

// unready is the reason to wait for pods that are not ready.
func (w work) unready() plan.Reason {
	if w.behind {
		return plan.ControllerBehind
	}
	return plan.PodsNotReady
}

// batch is the current batch; a plan without batches has one without gates.
func (d *decider) batch() plan.Batch { return d.plan.Batch(d.progress.Batch) }

func (d *decider) wait(r plan.Reason, message string, after time.Duration) Decision {
	out := d.decision(Wait, r, message)
	out.After = after
	return out
}

// limit is how long this batch may take to become ready.
func (d *decider) limit() time.Duration {
	pods := d.target()
	if d.bySurge() && d.progress.Back {
		pods = d.bounds.Replicas
	}
	if d.progress.Batch > 0 && !d.progress.Back {
		pods -= d.targets[d.progress.Batch-1]
	}
	return d.plan.Limit(d.observed.Workload.Spec, d.bounds, pods)
}

// overdue is how far the batch is past its limit; negative, how much is left.
func (d *decider) overdue() time.Duration {
	if !d.progress.Ready.IsZero() {
		return -d.limit()
	}
	left := d.progress.Started.Add(d.limit()).Sub(d.observed.Now)
	if left == 0 {
		return 1
	}
	return -left
}

func (d *decider) overdueReason(w work) plan.Reason {
	if d.threshold(d.target()) > 0 && w.updated >= d.target() {
		return plan.ThresholdExceeded
	}
	return plan.DeadlineExceeded
}

// soonest is the shorter of two waits, where 0 is none.
func (d *decider) soonest(a, b time.Duration) time.Duration {
	if a == 0 || (b > 0 && b < a) {
		return b
	}
	return a
}
