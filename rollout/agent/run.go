// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// finishTime is how long the last words of an agent may take: the status, an Event, giving back the lock. A busy API server
// takes seconds for each, and Kubernetes gives a pod thirty.
const finishTime = 10 * time.Second

// Run releases a target: it observes, takes the lock where there is something to write, runs the release to its end and
// gives the lock back. report gets every decision with what it was made on; it may be nil.
//
// The error is a *HeldError where another agent has the lock, wraps ErrInvalid where the object in the cluster cannot
// be released, and is the context's where that ended. The progress of the release is stored at any time, so the next
// Run goes on where this one stopped.
func Run(ctx context.Context, plan plan.BatchPlan, options Options, report func(rollout.Observed,
	rollout.Decision),
) (rollout.Decision, error) {
	options.Mode, options.plan = plan.Mode, plan
	c, err := open(ctx, options)
	if err != nil {
		return rollout.Decision{}, err
	}
	defer c.Close()
	plan.Mode = c.reader.options.Mode
	c.writer.plan = plan
	if report == nil {
		report = func(rollout.Observed, rollout.Decision) {}
	}
	done, d, err := c.firstDecision(ctx, plan, report)
	if done || err != nil {
		return d, err
	}
	if err := c.reader.awaitOlder(ctx); err != nil {
		return d, err
	}
	if err := c.reader.lock.Acquire(ctx); err != nil {
		return d, err
	}
	if err = c.reader.entry.awaitController(ctx); err == nil { // what was seen may have changed while waiting for the lock
		d, err = c.carryOut(ctx, plan, report)
	}
	return d, errors.Join(err, c.finish(ctx, err))
}

// firstDecision observes once without the lock. It tells whether there is nothing to write at all.
func (c *cluster) firstDecision(ctx context.Context, p plan.BatchPlan, report func(rollout.Observed,
	rollout.Decision),
) (bool, rollout.Decision, error) {
	if err := c.reader.entry.awaitTarget(ctx); err != nil {
		return false, rollout.Decision{}, err
	}
	if err := c.reader.entry.awaitController(ctx); err != nil {
		return false, rollout.Decision{}, err
	}
	o, err := c.Observe(ctx)
	if err != nil {
		return false, rollout.Decision{}, err
	}
	d := rollout.Decide(p, o)
	if d.Reason == plan.Invalid {
		report(o, d)
		return true, d, nil
	}
	if err := c.reader.entry.refuseForeign(ctx); err != nil {
		return false, d, err
	}
	c.reporter.decision = d
	if _, changed := c.reporter.nextStatus(); d.Ended() && len(d.Actions) == 0 && !c.reader.options.Stay &&
		(!changed || c.reader.controlled()) {
		left, err := c.reader.lock.Exists(ctx)
		if err != nil {
			return false, d, err
		}
		if !left {
			report(o, d)
			return true, d, nil
		}
	}
	c.reporter.decision = rollout.Decision{}
	return false, d, nil
}

// carryOut runs the release, and with Stay the next ones after it.
func (c *cluster) carryOut(ctx context.Context, plan plan.BatchPlan, report func(rollout.Observed,
	rollout.Decision),
) (rollout.Decision, error) {
	for {
		d, err := rollout.Run(ctx, plan, c, c, func(o rollout.Observed, d rollout.Decision) {
			c.reporter.record(ctx, d)
			c.reader.attend(o, d)
			report(o, d)
		})
		if err != nil || !c.reader.options.Stay {
			return d, err
		}
		if err := c.rest(ctx); err != nil {
			return d, err
		}
	}
}

// rest waits between two releases.
func (c *cluster) rest(ctx context.Context) error {
	if err := c.reporter.syncStatus(ctx, true); err != nil {
		return err
	}
	c.reader.admission.forget()
	c.reader.last.release, c.reader.wrote = "", nil // the next observation names the release anew, and it has written nothing
	return c.Wait(ctx, 0)
}

// finish leaves the cluster tidy: a true status, no revisions beyond the limit, no lock. An agent that lost the lock
// leaves everything to the one that has it.
func (c *cluster) finish(ctx context.Context, cause error) error {
	var held *kube.HeldError
	if errors.As(cause, &held) {
		c.reader.lock.Drop() // or it would try to renew for as long as the process lives
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer cancel()
	if cause != nil && !errors.Is(cause, context.Canceled) {
		c.writer.failure = cause
		c.reporter.event(ctx, "Warning", "Failed", cause.Error())
	}
	err := c.reporter.lastStatus(ctx)
	if c.reporter.decision.Ended() && !c.reader.controlled() && c.reader.lock.Holds() {
		err = errors.Join(err, c.writer.pruneRevisions(ctx, c.reporter.liveRevisions()))
	}
	if err = errors.Join(err, c.reader.lock.Release(ctx)); err != nil {
		return fmt.Errorf("after the release of %s: %w", c.reader.target, err)
	}
	return nil
}
