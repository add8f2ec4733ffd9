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

// farewell is how long the last words of an agent may take: the status, an Event, giving back the lock.
const farewell = 4 * time.Second

// Run releases a target: it looks, takes the lock where there is something to write, runs the release to its end and
// gives the lock back. report gets every decision with what it was made on; it may be nil.
//
// The error is a *HeldError where another agent has the lock, wraps ErrInvalid where the object in the cluster cannot
// be released, and is the context's where that ended. The progress of the release is stored at any time, so the next
// Run goes on where this one stopped.
func Run(ctx context.Context, plan plan.BatchPlan, options Options, report func(rollout.Observed, rollout.Decision)) (rollout.Decision, error) {
	options.Mode = plan.Mode
	c, err := Open(ctx, options)
	if err != nil {
		return rollout.Decision{}, err
	}
	defer c.Close()
	c.plan = plan
	if report == nil {
		report = func(rollout.Observed, rollout.Decision) {}
	}
	done, d, err := c.glance(ctx, plan, report)
	if done || err != nil {
		return d, err
	}
	if err := c.lock.Acquire(ctx); err != nil {
		return d, err
	}
	if err = c.awaitController(ctx); err == nil { // what was seen may have changed while waiting for the lock
		d, err = c.carryOut(ctx, plan, report)
	}
	return d, errors.Join(err, c.depart(ctx, err))
}

// glance looks once without the lock. It tells whether there is nothing to write at all.
func (c *Cluster) glance(ctx context.Context, p plan.BatchPlan, report func(rollout.Observed, rollout.Decision)) (bool, rollout.Decision, error) {
	if err := c.awaitTarget(ctx); err != nil {
		return false, rollout.Decision{}, err
	}
	if err := c.awaitController(ctx); err != nil {
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
	if err := c.refuseForeign(ctx); err != nil {
		return false, d, err
	}
	c.last.decision = d
	if _, changed := c.nextStatus(); d.Ended() && len(d.Actions) == 0 && !c.options.Stay && (!changed || c.options.Mode == plan.Partition) {
		left, err := c.lock.Exists(ctx)
		if err != nil {
			return false, d, err
		}
		if !left {
			report(o, d)
			return true, d, nil
		}
	}
	c.last.decision = rollout.Decision{}
	return false, d, nil
}

// awaitController waits in partition mode until the controller has seen the present template: only it knows the name of
// the revision.
func (c *Cluster) awaitController(ctx context.Context) error {
	if c.options.Mode != plan.Partition {
		return nil
	}
	patient, cancel := context.WithTimeout(ctx, c.options.Reaction)
	defer cancel()
	for {
		set, ok := c.sets.Get(c.options.Name)
		switch {
		case ok && !set.Behind(c.target.Kind), !ok: // one that is gone is told by the next look
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case patient.Err() != nil:
			return c.unreconciled(set)
		}
		kube.Pause(patient, c.options.Reaction/100)
	}
}

// unreconciled says that nobody reconciles the target.
func (c *Cluster) unreconciled(set kube.Workload) error {
	without := "start it"
	if c.target.Kind.Direct {
		without = "without it use --mode direct"
	}
	return fmt.Errorf("%s: no controller has seen generation %d within %v (the status is of generation %d): %s reconciles %ss: %s",
		c.target.String(), set.Metadata.Generation, c.options.Reaction, set.Status.ObservedGeneration, c.target.Kind.Controller, c.target.Kind.Name, without)
}

// carryOut runs the release, and with Stay the next ones after it.
func (c *Cluster) carryOut(ctx context.Context, plan plan.BatchPlan, report func(rollout.Observed, rollout.Decision)) (rollout.Decision, error) {
	for {
		d, err := rollout.Run(ctx, plan, c, c, func(o rollout.Observed, d rollout.Decision) {
			c.note(ctx, d)
			c.attend(o, d)
			report(o, d)
		})
		if err != nil || !c.options.Stay {
			return d, err
		}
		if err := c.rest(ctx); err != nil {
			return d, err
		}
	}
}

// rest waits between two releases.
func (c *Cluster) rest(ctx context.Context) error {
	if err := c.syncStatus(ctx, true); err != nil {
		return err
	}
	c.release, c.wrote = "", nil // the next look names the release anew, and it has written nothing
	return c.Wait(ctx, 0)
}

// lastStatus writes the status that stays. An agent that could not write it has not done its work.
func (c *Cluster) lastStatus(ctx context.Context) error {
	for {
		err := c.syncStatus(ctx, true)
		if err != nil || !c.reporter.dirty {
			return err
		}
		kube.Pause(ctx, farewell/20)
		if ctx.Err() != nil {
			return fmt.Errorf("the API server does not take the last status within %v: %w", farewell, ctx.Err())
		}
	}
}

// depart leaves the cluster tidy: a true status, no revisions beyond the limit, no lock. An agent that lost the lock
// leaves everything to the one that has it.
func (c *Cluster) depart(ctx context.Context, cause error) error {
	var held *kube.HeldError
	if errors.As(cause, &held) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if cause != nil && !errors.Is(cause, context.Canceled) {
		c.last.failure = cause
		c.tell(ctx, "Warning", "Failed", cause.Error())
	}
	err := c.lastStatus(ctx)
	if c.last.decision.Ended() && c.options.Mode != plan.Partition {
		err = errors.Join(err, c.pruneRevisions(ctx, c.last.observed))
	}
	if err = errors.Join(err, c.lock.Release(ctx)); err != nil {
		return fmt.Errorf("after the release of %s: %w", c.target.String(), err)
	}
	return nil
}
