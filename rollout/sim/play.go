// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"errors"
	"fmt"

	"github.com/slipway-dev/slipway/rollout"
)

// restartLimit ends a simulation whose agent never gets anywhere. It is far above what any release needs: a kill after
// every write costs one restart for each of a pod's few writes.
const restartLimit = 10_000_000

// Play carries out the release and starts the agent again whenever a fault ended it. report gets every decision; it may
// be nil.
func Play(ctx context.Context, p rollout.Plan, c *Cluster, report func(rollout.Observed, rollout.Decision)) (rollout.Decision, error) {
	c.plan = &p
	for range restartLimit {
		d, err := rollout.Run(ctx, p, c, c, func(o rollout.Observed, d rollout.Decision) {
			c.attend(d)
			if report != nil {
				report(o, d)
			}
		})
		if !errors.Is(err, ErrKilled) {
			return d, err
		}
	}
	return rollout.Decision{}, fmt.Errorf("simulating CloneSet %s: the agent was restarted %d times without an end", c.set.Name, restartLimit)
}

// attend lets a person approve a batch that waits for it.
func (c *Cluster) attend(d rollout.Decision) {
	if d.Reason == rollout.AwaitingApproval && !c.awaited(eventApprove) {
		c.schedule(c.options.Approval, event{kind: eventApprove})
	}
}

func (c *Cluster) awaited(kind eventKind) bool {
	for _, e := range c.events.events {
		if e.kind == kind {
			return true
		}
	}
	return false
}

// Forget drops the memory of the last release, as a new release of the same object begins with none.
func (c *Cluster) Forget() { c.progress = rollout.Progress{} }
