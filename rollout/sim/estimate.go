// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Estimate is what a release costs when nothing goes wrong.
type Estimate struct {
	Batches        []time.Duration // until each batch was ready, from its beginning; pauses not counted
	Total          time.Duration   // pauses counted, approvals not
	LeastAvailable int
	MostPods       int
	Writes         Writes
	Ended          rollout.Decision
}

// NewEstimate plays the release once without faults.
func NewEstimate(ctx context.Context, p plan.BatchPlan, set plan.Workload, older map[string]any,
	options Options,
) (Estimate, error) {
	c := New(set, older, options)
	bounds, err := p.Bounds(set)
	if err != nil {
		return Estimate{}, err
	}
	e := Estimate{Batches: make([]time.Duration, len(p.Targets(bounds))), LeastAvailable: set.Spec.Replicas}
	began := c.now
	e.Ended, err = Play(ctx, p, c, func(o rollout.Observed, d rollout.Decision) {
		n := o.Counts()
		e.LeastAvailable, e.MostPods = min(e.LeastAvailable, n.Available), max(e.MostPods, n.Total)
		switch d.Reason { //nolint:exhaustive // only a batch's two ends count
		case plan.BatchStarted:
			began = o.Now
		case plan.BatchReady:
			e.Batches[d.Batch] = o.Now.Sub(began)
		}
	})
	e.Total, e.Writes = c.Now(), c.writes
	return e, err
}
