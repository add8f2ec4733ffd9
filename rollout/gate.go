// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// checks hold a batch that is ready until each of its checks has come to an end. A check in dry run takes its time too,
// but it stops nothing.
func (d *decider) checks(w work, batch plan.Batch) *Decision {
	var open, measure []string
	detail := ""
	for _, name := range batch.Checks {
		c, r := d.check(name)
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
	out := d.wait(plan.ChecksRunning, fmt.Sprintf("%s%s; %d of %d checks done%s", d.label(), w.message, n-len(open), n, detail), 0)
	out.Checks = measure
	return &out
}

// failed says which check fails the batch, or "". A check that is measured during the batch fails it at any time; any
// other has no result before the batch is ready.
func (d *decider) failed() string {
	for _, name := range d.batch().Checks {
		if c, r := d.check(name); r.Verdict == plan.CheckFailed && !c.DryRun && (c.During || !d.progress.Ready.IsZero()) {
			return fmt.Sprintf("%scheck %s failed: %s", d.label(), name, r.Message)
		}
	}
	return ""
}

// during are the checks to be measured as long as the batch is the current one.
func (d *decider) during() []string {
	var names []string
	for _, name := range d.batch().Checks {
		if c, r := d.check(name); c.During && r.Verdict != plan.CheckFailed {
			names = append(names, name)
		}
	}
	return names
}

// check is a check of the current batch and how it stands.
func (d *decider) check(name string) (plan.Check, plan.CheckResult) {
	c := d.plan.Check(name)
	for _, r := range d.observed.Checks {
		if r.Name == name && r.Batch == d.progress.Batch {
			return c, r
		}
	}
	return c, plan.CheckResult{Verdict: plan.CheckRunning}
}
