// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// gates are what stands between a batch that is ready and the next one: the pause, the checks, the approval, and the window of
// the next batch.
type gates struct{ *release }

// closed is the wait for the first gate that the batch may not pass yet, or nil where it has passed them all but the window.
func (g gates) closed(w work) *Decision {
	batch := g.batch()
	if left := g.progress.PauseEnds(batch.Pause).Sub(g.observed.Now); left > 0 {
		return new(g.wait(plan.Soaking, fmt.Sprintf("%s%s; pausing for %v", g.label(), w.message, batch.Pause.Duration), left))
	}
	if out := g.checks(w, batch); out != nil {
		return out
	}
	if batch.Pause.UntilApproved && !g.progress.IsApproved(g.progress.Batch) {
		return new(g.wait(plan.AwaitingApproval, g.label()+w.message+"; waiting for approval", 0))
	}
	return nil
}

// passed says who let the current batch pass, as the end of a message; "" where nobody had to.
func (g gates) passed() string {
	pause := g.batch().Pause
	if pause.UntilApproved {
		return g.progress.approvedBy(g.progress.Batch)
	}
	if r, ok := g.progress.Promotion(g.progress.Batch); ok && pause.Duration > 0 {
		return "; promoted " + r.String()
	}
	return ""
}

// window holds the next batch until it may begin. A window that cannot be told stops the release for now: once the plan
// is mended it goes on.
func (g gates) window(w work, window *plan.Window) *Decision {
	if window == nil {
		return nil
	}
	opens, err := window.Opens(g.observed.Now)
	switch {
	case err != nil:
		return new(g.decision(Stopped, plan.Invalid, fmt.Sprintf("spec.batches[%d].pause.window: %v", g.progress.Batch, err)))
	case opens.After(g.observed.Now):
		return new(g.wait(plan.OutsideWindow, g.label()+w.message+"; "+window.Closed(opens), opens.Sub(g.observed.Now)))
	default:
		return nil
	}
}

// checks hold a batch that is ready until each of its checks has come to an end. A check in dry run takes its time too,
// but it stops nothing.
func (g gates) checks(w work, batch plan.Batch) *Decision {
	var open, measure []string
	detail := ""
	for _, name := range batch.Checks {
		c, r := g.check(name)
		if r.Verdict == plan.CheckPassed || r.Verdict == plan.CheckFailed {
			continue
		}
		open = append(open, name)
		if !c.During {
			measure = append(measure, name)
		}
		if detail == "" && r.Message != "" {
			detail = fmt.Sprintf("; %s: %s", name, r.Message)
		}
	}
	if len(open) == 0 {
		return nil
	}
	n := len(batch.Checks)
	out := g.wait(plan.ChecksRunning, fmt.Sprintf("%s%s; %d of %d checks done%s", g.label(), w.message, n-len(open), n, detail), 0)
	out.Checks = measure
	return &out
}

// failed says which check fails the batch, or "". A check that is measured during the batch fails it at any time; any
// other has no result before the batch is ready.
func (g gates) failed() string {
	for _, name := range g.batch().Checks {
		if c, r := g.check(name); r.Verdict == plan.CheckFailed && !c.DryRun && (c.During || !g.progress.Ready.IsZero()) {
			return fmt.Sprintf("%scheck %s failed: %s", g.label(), name, r.Message)
		}
	}
	return ""
}

// during are the checks to be measured as long as the batch is the current one.
func (g gates) during() []string {
	var names []string
	for _, name := range g.batch().Checks {
		if c, r := g.check(name); c.During && r.Verdict != plan.CheckFailed {
			names = append(names, name)
		}
	}
	return names
}

// check is a check of the current batch and how it stands.
func (g gates) check(name string) (plan.Check, plan.CheckResult) {
	c := g.plan.Check(name)
	for _, r := range g.observed.Checks {
		if r.Name == name && r.Batch == g.progress.Batch {
			return c, r
		}
	}
	return c, plan.CheckResult{Verdict: plan.CheckRunning}
}
