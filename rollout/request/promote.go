// SPDX-License-Identifier: Apache-2.0

package request

import (
	"fmt"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// promote ends the pause of the present batch. Checks, approval and the window of the next batch stand for somebody else's word,
// and are still to come.
func promote(plan plan.BatchPlan, p rollout.Progress, r rollout.Request) (Answer, error) {
	label := fmt.Sprintf("batch %d of %d", p.Batch+1, max(len(plan.Batches), 1))
	pause := plan.Batch(p.Batch).Pause
	before, ended := p.Promotion(p.Batch)
	switch {
	case p.Back:
		return refuse("the release is rolling back, and a rollback has no pauses: %s", p.Message)
	case p.Abort || p.Undo:
		return refuse("%s", toEnd(p))
	case r.All:
		return promoteAll(plan, p, r)
	case pause.Duration == 0 && asks(plan, p.Batch) && !p.IsApproved(p.Batch):
		return refuse("%s has no pause of a duration: it waits for slipway rollout approve", label)
	case pause.Duration == 0:
		return refuse("%s has no pause of a duration", label)
	case ended:
		return already(p, fmt.Sprintf("the pause of %s was ended already %s", label, before))
	case p.Ready.IsZero():
		return refuse("%s is not ready yet, so its pause has not begun; --full ends all pauses ahead of time", label)
	case !p.PauseEnds(pause).After(r.At):
		return already(p, "the pause of "+label+" is over")
	}
	r.Batch = p.Batch
	return changed(p.With(r), fmt.Sprintf("the pause of %s is ended %s%s", label, r, stillHeld(p)))
}

// promoteAll ends every pause and gives every approval from the present batch on.
func promoteAll(plan plan.BatchPlan, p rollout.Progress, r rollout.Request) (Answer, error) {
	r.Batch = 0
	open := 0
	for i := p.Batch; i < len(plan.Batches); i++ {
		_, ended := p.Promotion(i)
		running := i > p.Batch || p.Ready.IsZero() || p.PauseEnds(plan.Batches[i].Pause).After(r.At)
		if plan.Batches[i].Pause.Duration > 0 && !ended && running {
			open++
		}
		if asks(plan, i) && !p.IsApproved(i) {
			open++
		}
	}
	if open == 0 {
		return already(p, "no batch from the present one on has a pause or an approval to wait for")
	}
	return changed(p.With(r), fmt.Sprintf("every pause and approval to come (%d) is ended %s: checks and time windows still have "+
		"to pass%s", open, r, stillHeld(p)))
}

// stillHeld says that a release goes on no sooner than somebody resumes it, as the end of a message.
func stillHeld(p rollout.Progress) string {
	if p.Pause {
		return "; the release is held" + p.AskedBy(rollout.Pause)
	}
	return ""
}
