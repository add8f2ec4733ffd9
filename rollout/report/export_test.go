// SPDX-License-Identifier: Apache-2.0

package report

import (
	"io"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Look is what an audit log amounts to at one of its lines.
type Look struct {
	Plan     plan.BatchPlan
	Observed rollout.Observed
	Decision rollout.Decision
}

// Looks are those of a log.
func Looks(log io.Reader) ([]Look, error) {
	var state replayed
	var looks []Look
	err := eachLine(log, func(_ int, data []byte, _ bool) error {
		line, d, err := parseLine(data)
		if err != nil || d == nil {
			return err
		}
		whole, err := state.absorb(line, *d)
		look := Look{state.plan, state.observed, whole}
		look.Observed.Pods = append([]rollout.Pod{}, state.observed.Pods...)
		looks = append(looks, look)
		return err
	})
	return looks, err
}
