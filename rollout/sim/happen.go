// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"time"

	"github.com/slipway-dev/slipway/rollout"
)

// Wait lets virtual time pass until the next thing happens, or by d at most where d is not 0.
func (c *Cluster) Wait(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.lagging {
		return nil // what the stale observation did not show arrives now
	}
	until := c.Now() + d
	if len(c.events.events) == 0 || (d > 0 && c.events.events[0].at > until) {
		if d == 0 {
			return ErrStuck
		}
		c.now = epoch().Add(until)
		return nil
	}
	at := c.events.events[0].at
	c.now = epoch().Add(at)
	for len(c.events.events) > 0 && c.events.events[0].at <= at {
		c.happen(c.events.pop())
	}
	return nil
}

func (c *Cluster) happen(e event) {
	switch e.kind { //nolint:exhaustive // the others are events of one pod
	case eventReconcile:
		c.reconcile()
		return
	case eventChecked:
		c.checks.arrive(e.name, e.uid)
		return
	case eventApprove:
		c.progress.Approved = c.progress.Batch + 1
		return
	case eventCrash:
		c.CrashPod(c.victim())
		return
	case eventEvict:
		c.EvictPod(c.victim())
		return
	}
	i, ok := c.find(e.name)
	if !ok || c.pods[i].UID != e.uid {
		return
	}
	c.pods[i].ResourceVersion = c.bump()
	switch e.kind { //nolint:exhaustive // the others are dealt with above, and being available changes nothing
	case eventReady:
		c.becomeReady(i)
	case eventGone:
		c.forget(i)
	case eventHook:
		c.serveHook(i)
	}
	c.poke()
	c.changed()
}

// CrashPod lets the containers of a pod crash; they recover as if started again. A name that does not exist does
// nothing.
func (c *Cluster) CrashPod(name string) {
	i, ok := c.find(name)
	if !ok {
		return
	}
	p := &c.pods[i]
	p.Restarts++
	p.ResourceVersion = c.bump()
	c.kubelets[i].running = false
	c.settle(i)
	c.start(i)
	c.poke()
	c.changed()
}

// EvictPod lets a pod fail for good. A name that does not exist does nothing.
func (c *Cluster) EvictPod(name string) {
	i, ok := c.find(name)
	if !ok {
		return
	}
	c.pods[i].Phase = rollout.PodFailed
	c.pods[i].ResourceVersion = c.bump()
	c.settle(i)
	c.poke()
	c.changed()
}
