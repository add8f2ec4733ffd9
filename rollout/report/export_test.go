// SPDX-License-Identifier: Apache-2.0

package report

import (
	"io"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Observation is what an audit log amounts to at one of its lines.
type Observation struct {
	Plan     plan.BatchPlan
	Observed rollout.Observed
	Decision rollout.Decision
}

// Observations are those of a log.
func Observations(log io.Reader) ([]Observation, error) {
	var state replayed
	var looks []Observation
	err := eachLine(log, func(_ int, data []byte, _ bool) error {
		line, d, err := parseLine(data)
		if err != nil || d == nil {
			return err
		}
		whole, err := state.absorb(line, *d)
		look := Observation{state.plan, state.observed, whole}
		look.Observed.Pods = append([]rollout.Pod{}, state.observed.Pods...)
		looks = append(looks, look)
		return err
	})
	return looks, err
}
