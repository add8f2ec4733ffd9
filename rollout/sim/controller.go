// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Controller reconciles the CloneSet in partition mode with the counting algorithm of Kruise.
type Controller struct {
	Delay time.Duration // from a change until it is acted upon
	Idle  bool          // it never acts, as if it were not there
	Eager bool          // it is wrong: it ignores the partition
}

// poke makes the controller look at the CloneSet soon.
func (c *Cluster) poke() {
	if c.options.Controller != nil && !c.awaited(eventReconcile) {
		c.schedule(c.options.Controller.Delay, event{kind: eventReconcile})
	}
}

func (c *Cluster) reconcile() {
	control := c.options.Controller
	if control == nil || control.Idle {
		return
	}
	c.set.Status.ObservedGeneration = c.set.Generation
	if c.sets != nil {
		if c.roll() {
			c.poke()
		}
		return
	}
	spec := c.set.Spec
	if control.Eager {
		spec.Partition = plan.Pods(0)
	}
	if c.kruiseReconcile(spec) {
		c.poke()
	}
}

// status is the CloneSet's status as its controller would write it.
func (c *Cluster) status() plan.WorkloadStatus {
	counted := rollout.Observed{Now: c.now, Workload: c.set, UpdateRevision: c.revision, Pods: c.pods}
	n := counted.Counts()
	s := c.set.Status
	s.Replicas, s.ReadyReplicas, s.AvailableReplicas = n.Total, n.Ready, n.Available
	s.UpdatedReplicas, s.UpdatedReadyReplicas, s.UpdatedAvailableReplicas = n.Updated, n.UpdatedReady, n.UpdatedAvailable
	s.UpdateRevision, s.CurrentRevision = c.revision, c.stable
	if n.Updated == n.Total && n.Total == n.Desired {
		s.CurrentRevision = c.revision
	}
	return s
}
