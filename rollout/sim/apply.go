// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"fmt"
	"strconv"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Apply makes the writes one after another, fenced as an API server would, until a fault ends the agent.
func (c *Cluster) Apply(_ context.Context, actions []rollout.Action) error {
	var conflict error
	for _, a := range actions {
		if c.chance(c.options.LoseWrites) {
			return fmt.Errorf("%s: %w", a, ErrKilled)
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
			return fmt.Errorf("%s: %w", a, ErrKilled)
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

func (c *Cluster) bump() string {
	c.version++
	return strconv.FormatInt(c.version+1, 10)
}

func (c *Cluster) create(a rollout.Action) error {
	if _, exists := c.index[a.Pod.Name]; exists {
		return fmt.Errorf("%s: already exists: %w", a, rollout.ErrConflict)
	}
	c.addPod(rollout.Pod{Name: a.Pod.Name, Instance: a.Instance, Revision: a.Revision, Lifecycle: a.Lifecycle, Guest: a.Guest})
	c.start(len(c.pods) - 1)
	c.writes.Create++
	c.changed()
	return nil
}

func (c *Cluster) addPod(p rollout.Pod) {
	c.born++
	p.UID, p.ResourceVersion = "pod-"+strconv.Itoa(c.born), c.bump()
	p.Phase, p.Created, p.Node = rollout.PodRunning, c.now, "node-"+strconv.Itoa(c.born%16)
	p.Labels = c.set.Spec.TemplateLabels()
	c.index[p.Name] = len(c.pods)
	c.pods = append(c.pods, p)
	c.kubelets = append(c.kubelets, kubelet{})
}

// start lets the containers of a pod become ready after a while, unless they are broken.
func (c *Cluster) start(i int) {
	if c.options.Broken && c.pods[i].Revision != c.stable {
		return
	}
	c.schedule(c.readiness(), event{kind: eventReady, name: c.pods[i].Name, uid: c.pods[i].UID})
}

func (c *Cluster) writePod(a rollout.Action) error {
	i, ok := c.index[a.Pod.Name]
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
	c.pods[i].Terminating = true
	if c.stuck < c.options.Stuck {
		c.stuck++
		return
	}
	c.schedule(c.options.Terminating, event{kind: eventGone, name: c.pods[i].Name, uid: c.pods[i].UID})
}

func (c *Cluster) updateInPlace(i int, a rollout.Action) {
	c.writes.Update++
	p := &c.pods[i]
	restarts := manifest.CompareTemplates(c.template(p.Revision), c.template(a.Revision)).Restarts
	p.Revision = a.Revision
	if a.Lifecycle != "" {
		p.Lifecycle = a.Lifecycle
	}
	if restarts {
		p.Pending = true
		c.kubelets[i].running = false
		c.settle(i)
		c.start(i)
	}
	c.callHook(i)
}

func (c *Cluster) template(revision string) map[string]any {
	for _, r := range c.known {
		if r.Name == revision {
			return r.Template
		}
	}
	return nil
}

// settle sets a pod's Ready condition from its containers and its readiness gate.
func (c *Cluster) settle(i int) {
	p := &c.pods[i]
	ready := c.kubelets[i].running && !p.Drained && p.Phase == rollout.PodRunning
	if ready && !p.Ready {
		p.ReadySince = c.now
	}
	p.Ready = ready
}
