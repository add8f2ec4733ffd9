// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"fmt"
	"math"
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// restartsMargin is what a Job gets beyond its plan: for its image, its target that is yet to be applied, and agents that were
// killed and started again.
const restartsMargin = time.Hour

// deadlineOf is how long the Job of a plan may be active: twice the sum of the deadlines and pauses of all batches, with the
// longest that their checks can take and the way back, and an hour more. It ends a Job that no agent ends, and no release that
// keeps to its plan. Where the plan does not tell, it is 0 and why says so.
func deadlineOf(p plan.BatchPlan) (d time.Duration, why string) {
	if p.ProgressDeadline == 0 {
		return 0, "the plan has no progressDeadline"
	}
	for i, b := range p.Batches {
		switch {
		case b.Pause.UntilApproved:
			return 0, fmt.Sprintf("batch %d waits for an approval", i+1)
		case b.Pause.Window != nil:
			return 0, fmt.Sprintf("batch %d waits for a window", i+1)
		}
		d += p.ProgressDeadline + b.Pause.Duration + longestChecks(p, b)
		if p.OnFailure.RollsBack() {
			d += p.ProgressDeadline
		}
	}
	d = 2*d*time.Duration(max(1, len(p.Waves.Targets))) + restartsMargin
	if d.Seconds() > math.MaxInt32 || d < 0 {
		return 0, "the plan takes longer than any deadline"
	}
	return d, ""
}

// longestChecks is the longest that the checks of a batch, which are measured side by side, can take before they have passed or
// failed.
func longestChecks(p plan.BatchPlan, b plan.Batch) time.Duration {
	longest := time.Duration(0)
	for _, c := range p.Checks {
		for _, name := range b.Checks {
			if name == c.Name {
				measurements := c.Count*(c.InconclusiveLimit+1) + c.FailureLimit + c.InconclusiveLimit
				longest = max(longest, c.InitialDelay+time.Duration(measurements)*(c.Interval+c.Timeout))
			}
		}
	}
	return longest
}

// noDeadline is the annotation of a Job without activeDeadlineSeconds that says why it has none.
const noDeadline = "slipway.dev/no-deadline"

// activeDeadline is the Job's activeDeadlineSeconds, or 0 and why it has none. Without a plan there is nothing to say.
func (o Job) activeDeadline() (seconds int, why string) {
	p, err := o.parsedPlan()
	if err != nil || len(o.Plan) == 0 {
		return 0, "" // it is refused elsewhere
	}
	d, why := deadlineOf(p)
	return int(d.Seconds()), why
}
