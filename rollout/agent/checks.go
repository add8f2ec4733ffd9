// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Checks measures the checks of a plan beside a release.
type Checks interface {
	// Attend is told every decision and what it was made on, and measures from then on what the decision names. It does
	// not wait.
	Attend(o rollout.Observed, d rollout.Decision)
	// Results are how the checks stand, and a number that is another one whenever they stand otherwise.
	Results() ([]plan.CheckResult, uint64)
	// Changed gets a value after that.
	Changed() <-chan struct{}
}
