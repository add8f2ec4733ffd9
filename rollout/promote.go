// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// Promotion finds the request that ends the pause of a batch. Of two the first one counts.
func (p Progress) Promotion(batch int) (Request, bool) {
	for _, r := range p.Requests {
		if r.Ask == Promote && (r.All || r.Batch == batch) {
			return r, true
		}
	}
	return Request{}, false
}

// pauseEnds is when the pause of the present batch is over, which is ready; zero: it has none, or somebody has ended it.
func (p Progress) pauseEnds(pause plan.Pause) time.Time {
	if _, ended := p.Promotion(p.Batch); ended || pause.Duration == 0 {
		return time.Time{}
	}
	return p.Ready.Add(pause.Duration)
}

// promote ends the pause of the present batch. Checks, approval and the window of the next batch stand for somebody else's word,
// and are still to come.
func promote(plan plan.BatchPlan, p Progress, r Request) (Answer, error) {
	label := fmt.Sprintf("batch %d of %d", p.Batch+1, max(len(plan.Batches), 1))
	pause := plan.Batch(p.Batch).Pause
	before, ended := p.Promotion(p.Batch)
	switch {
	case p.Back:
		return refuse("the release is rolling back, and a rollback has no pauses: %s", p.Message)
	case p.Abort || p.Undo:
		return refuse("%s", p.toEnd())
	case r.All:
		return promoteAll(plan, p, r)
	case pause.Duration == 0 && asks(plan, p.Batch) && !p.approved(p.Batch):
		return refuse("%s has no pause of a duration: it waits for slipway rollout approve", label)
	case pause.Duration == 0:
		return refuse("%s has no pause of a duration", label)
	case ended:
		return already(p, fmt.Sprintf("the pause of %s was ended already %s", label, before))
	case p.Ready.IsZero():
		return refuse("%s is not ready yet, so its pause has not begun; --full ends all pauses ahead of time", label)
	case !p.pauseEnds(pause).After(r.At):
		return already(p, "the pause of "+label+" is over")
	}
	r.Batch = p.Batch
	return changed(p.with(r), fmt.Sprintf("the pause of %s is ended %s%s", label, r, p.stillHeld()))
}

// promoteAll ends every pause and gives every approval from the present batch on.
func promoteAll(plan plan.BatchPlan, p Progress, r Request) (Answer, error) {
	r.Batch = 0
	open := 0
	for i := p.Batch; i < len(plan.Batches); i++ {
		pauses, _ := p.Promotion(i)
		running := i > p.Batch || p.Ready.IsZero() || p.pauseEnds(plan.Batches[i].Pause).After(r.At)
		open += one(plan.Batches[i].Pause.Duration > 0 && pauses.Ask == "" && running) + one(asks(plan, i) && !p.approved(i))
	}
	if open == 0 {
		return already(p, "no batch from the present one on has a pause or an approval to wait for")
	}
	return changed(p.with(r), fmt.Sprintf("every pause and approval to come (%d) is ended %s: checks and time windows still have "+
		"to pass%s", open, r, p.stillHeld()))
}

// stillHeld says that a release goes on no sooner than somebody resumes it, as the end of a message.
func (p Progress) stillHeld() string {
	if p.Pause {
		return "; the release is held" + p.by(Pause)
	}
	return ""
}

// toEnd says who has asked for the end of a release.
func (p Progress) toEnd() string {
	ask := choose(p.Undo, Undo, Abort)
	return fmt.Sprintf("the release is to end: %s was asked%s", ask.verb(), p.by(ask))
}
