// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// restartLimit ends a simulation whose agent never gets anywhere. It is far above what any release needs: a kill after
// every write costs one restart for each of a pod's few writes.
const restartLimit = 10_000_000

// Play carries out the release and starts the agent again whenever a fault ended it. report gets every decision; it may
// be nil.
func Play(ctx context.Context, p plan.BatchPlan, c *Cluster, report func(rollout.Observed,
	rollout.Decision),
) (rollout.Decision, error) {
	for range restartLimit {
		d, err := rollout.Run(ctx, p, c, c, func(o rollout.Observed, d rollout.Decision) {
			c.Attend(d)
			if report != nil {
				report(o, d)
			}
		})
		if !errors.Is(err, errKilled) {
			return d, err
		}
	}
	return rollout.Decision{}, fmt.Errorf("simulating %s %s: the agent was restarted %d times without an end", c.set.KindName(),
		c.set.Name, restartLimit)
}

// Attend lets those around a release answer a decision: checks are measured, and a person approves a batch that
// waits for it. Play calls it; a loop other than rollout.Run has to.
func (c *Cluster) Attend(d rollout.Decision) {
	for _, name := range d.Checks {
		if c.checks.wasAsked(name, d.Batch) {
			continue
		}
		r := plan.CheckResult{Name: name, Batch: d.Batch, Verdict: plan.CheckPassed, Message: "assumed to pass"}
		if c.options.Checks != nil {
			passed, message := c.options.Checks(name, d.Batch)
			r.Message = message
			if !passed {
				r.Verdict = plan.CheckFailed
			}
		}
		c.checks.asked = append(c.checks.asked, r)
		c.schedule(c.options.Measuring[name], event{kind: eventChecked, name: name, uid: strconv.Itoa(d.Batch)})
	}
	if c.options.Approval >= 0 && d.Reason == plan.AwaitingApproval && !c.awaited(eventApprove) {
		c.schedule(c.options.Approval, event{kind: eventApprove})
	}
}

// checks are measurements under way and done.
type checks struct {
	results []plan.CheckResult // that have arrived
	asked   []plan.CheckResult // these, and those to come
}

func (c *checks) wasAsked(name string, batch int) bool {
	return slices.ContainsFunc(c.asked, func(r plan.CheckResult) bool { return r.Name == name && r.Batch == batch })
}

// arrive lets the result of a check arrive.
func (c *checks) arrive(name, batch string) {
	for _, r := range c.asked {
		if r.Name == name && strconv.Itoa(r.Batch) == batch {
			c.results = append(c.results, r)
		}
	}
}

// Forget drops the progress of the last release, as a new release of the same object begins with none.
func (c *Cluster) Forget() { c.progress, c.checks = rollout.Progress{}, checks{} }

// Tell changes the progress of the release as a person does who approves, pauses or aborts it.
func (c *Cluster) Tell(change func(*rollout.Progress)) { change(&c.progress) }

// RequestDelete puts the label on a pod that asks for its deletion. A name that does not exist does nothing.
func (c *Cluster) RequestDelete(name string) {
	if i, ok := c.find(name); ok {
		c.pods[i].DeleteRequested = true
		c.pods[i].ResourceVersion = c.bump()
		c.changed()
	}
}
