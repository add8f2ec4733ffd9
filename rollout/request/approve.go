// SPDX-License-Identifier: Apache-2.0

package request

import (
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// approve lets a batch pass its gate.
func approve(plan plan.BatchPlan, p rollout.Progress, r rollout.Request) (Answer, error) {
	n := max(len(plan.Batches), 1)
	label := func(batch int) string { return fmt.Sprintf("batch %d of %d", batch+1, n) }
	switch {
	case p.Back:
		return refuse("the release is rolling back, and a rollback needs no approval: %s", p.Message)
	case p.Abort || p.Undo:
		return refuse("%s", toEnd(p))
	case r.All:
		return approveAll(plan, p, r)
	case r.Batch < 0:
		if why := notWaiting(plan, p, r.At); why != "" {
			return refuse("%s", why)
		}
		r.Batch = p.Batch
	case r.Batch >= n:
		return refuse("there is no batch %d: the plan has %d", r.Batch+1, n)
	case r.Batch < p.Batch:
		return refuse("%s is over: the release is in batch %d", label(r.Batch), p.Batch+1)
	case !asks(plan, r.Batch):
		return refuse("%s needs no approval: the plan has no pause untilApproved there", label(r.Batch))
	}
	if p.IsApproved(r.Batch) {
		return already(p, label(r.Batch)+" was approved already"+approvedBy(p, r.Batch))
	}
	p = p.With(r)
	if r.Batch == p.Batch {
		p.Approved = r.Batch + 1
	}
	return changed(p, label(r.Batch)+" approved "+r.String())
}

// approvedBy says who let a batch pass, as the end of a message. Where the progress only counts it, nobody is named.
func approvedBy(p rollout.Progress, batch int) string {
	if r, ok := p.Approval(batch); ok {
		return " " + r.String()
	}
	return ""
}

// approveAll lets every batch pass from the present one on.
func approveAll(plan plan.BatchPlan, p rollout.Progress, r rollout.Request) (Answer, error) {
	r.Batch = 0
	open := 0
	for i := p.Batch; i < len(plan.Batches); i++ {
		if asks(plan, i) && !p.IsApproved(i) {
			open++
		}
	}
	if open == 0 {
		return already(p, "no batch from the present one on needs an approval that it does not have")
	}
	return changed(p.With(r), fmt.Sprintf("every batch that needs it (%d) approved %s", open, r))
}

// asks tells whether a batch waits for approval.
func asks(p plan.BatchPlan, batch int) bool {
	return batch < len(p.Batches) && p.Batches[batch].Pause.UntilApproved
}

// notWaiting says why the present batch does not wait for approval, and how to approve ahead; "" where it does wait.
func notWaiting(p plan.BatchPlan, pr rollout.Progress, now time.Time) string {
	ahead := pr.Batch
	for ahead < len(p.Batches) && (!asks(p, ahead) || pr.IsApproved(ahead)) {
		ahead++
	}
	label := fmt.Sprintf("batch %d of %d", pr.Batch+1, max(len(p.Batches), 1))
	hint := fmt.Sprintf("; --batch %d approves batch %d ahead", ahead+1, ahead+1)
	until := pr.PauseEnds(p.Batch(pr.Batch).Pause)
	switch {
	case asks(p, pr.Batch) && pr.IsApproved(pr.Batch):
		return "" // told as what it is
	case ahead >= len(p.Batches):
		return label + " waits for no approval, and neither does any after it"
	case !asks(p, pr.Batch):
		return label + " waits for no approval" + hint
	case pr.Ready.IsZero():
		return label + " is not ready yet, so it does not wait for approval" + hint
	case until.After(now):
		return fmt.Sprintf("%s pauses until %s before it waits for approval%s", label, until.UTC().Format(time.RFC3339), hint)
	default:
		return ""
	}
}
