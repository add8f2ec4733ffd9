// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Apply makes the writes one after another, fenced as an API server would, until a fault ends the agent.
func (c *Cluster) Apply(_ context.Context, actions []rollout.Action) error {
	var conflict error
	for _, a := range actions {
		if c.chance(c.options.LoseWrites) {
			return fmt.Errorf("%s: %w", a, errKilled)
		}
		if err := c.write(a); err != nil {
			conflict = err
		}
		if c.chance(c.options.RepeatWrites) {
			if err := c.write(a); err == nil && a.Kind != rollout.RecordProgress {
				return fmt.Errorf("%s: a repeated write took effect", a)
			}
		}
		if c.options.KillEveryWrite || c.chance(c.options.LoseResponses) {
			return fmt.Errorf("%s: %w", a, errKilled)
		}
	}
	return conflict
}

// write makes one write, or fails with ErrConflict where it was decided on an older state.
func (c *Cluster) write(a rollout.Action) error {
	switch a.Kind {
	case rollout.RecordProgress:
		c.progress = *a.Progress
		c.writes.Progress++
		return nil
	case rollout.SetFields, rollout.GiveUpFields:
		return c.writeFields(a)
	case rollout.SetPartition, rollout.RestoreTemplate:
		return c.writeSet(a)
	case rollout.CreatePod:
		return c.create(a)
	default:
		return c.writePod(a)
	}
}

func (c *Cluster) writeSet(a rollout.Action) error {
	if a.Fields != nil {
		return c.writeFields(a)
	}
	if a.ResourceVersion != c.set.ResourceVersion {
		return fmt.Errorf("%s: CloneSet %s: %w", a, c.set.Name, rollout.ErrConflict)
	}
	if a.Kind == rollout.SetPartition {
		c.Edit(func(set *plan.Workload) { set.Spec.Partition = a.Partition })
		c.writes.Partition++
		return nil
	}
	for _, r := range c.known {
		if r.Name == a.Revision {
			c.Edit(func(set *plan.Workload) { set.Spec.Template = r.Template })
		}
	}
	return nil
}

// Edit changes the CloneSet's spec as somebody with kubectl would.
func (c *Cluster) Edit(change func(*plan.Workload)) {
	change(&c.set)
	c.set.Generation++
	c.set.ResourceVersion = c.bump()
	c.revision = c.learn(c.set.Spec.Template)
	c.poke()
	c.changed()
}

func (c *Cluster) create(a rollout.Action) error {
	if _, exists := c.find(a.Pod.Name); exists {
		return fmt.Errorf("%s: already exists: %w", a, rollout.ErrConflict)
	}
	c.addPod(rollout.Pod{Name: a.Pod.Name, Instance: a.Instance, Revision: a.Revision, Lifecycle: a.Lifecycle, Guest: a.Guest})
	c.start(len(c.pods) - 1)
	c.writes.Create++
	c.changed()
	return nil
}

func (c *Cluster) writePod(a rollout.Action) error {
	i, ok := c.find(a.Pod.Name)
	if !ok || c.pods[i].UID != a.Pod.UID || c.pods[i].ResourceVersion != a.Pod.ResourceVersion || c.pods[i].Terminating {
		return fmt.Errorf("%s: %w", a, rollout.ErrConflict)
	}
	p := &c.pods[i]
	p.ResourceVersion = c.bump()
	switch a.Kind { //nolint:exhaustive // write has dealt with the others
	case rollout.DeletePod:
		c.delete(i)
	case rollout.DrainPod:
		c.writes.Drain++
		p.Drained, p.DrainedAt = true, c.now
		c.settle(i)
	case rollout.HoldPod:
		c.writes.Resize++
		p.Drained = true
	case rollout.ReadmitPod:
		c.writes.Readmit++
		p.Drained = false
		c.settle(i)
	case rollout.UpdatePodInPlace:
		c.updateInPlace(i, a)
	case rollout.KeepGuest:
		c.writes.Keep++
		p.Guest = false
	case rollout.SetLifecycle:
		c.writes.Lifecycle++
		p.Lifecycle = a.Lifecycle
		c.callHook(i)
	}
	c.changed()
	return nil
}

func (c *Cluster) delete(i int) {
	c.writes.Delete++
	c.terminate(i)
}

func (c *Cluster) updateInPlace(i int, a rollout.Action) {
	c.writes.Update++
	p := &c.pods[i]
	change := manifest.CompareTemplates(c.template(p.Revision), c.template(a.Revision))
	if len(change.Resized) > 0 {
		c.writes.Resize++
	}
	if len(change.Resized) > 0 && change.Restarts {
		c.writes.Resize++ // the mark, which a pod that was drained for it does not have yet
	}
	p.Revision = a.Revision
	if a.Lifecycle != "" {
		p.Lifecycle = a.Lifecycle
	}
	if change.Restarts {
		c.kubelets[i].running = false
	}
	if change.Restarts || len(change.Resized) > 0 {
		p.Pending, p.Drained = true, p.Drained && change.Restarts
		c.settle(i)
		c.start(i)
	}
	c.callHook(i)
}
