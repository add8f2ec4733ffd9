// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// Controller reconciles the target where slipway only lets it: a CloneSet with the counting algorithm of Kruise, a Deployment or
// what has OnDelete as kube-controller-manager does.
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
	if c.set.Spec.OnDelete {
		(onDelete{c}).reconcile()
		return
	}
	if c.sets != nil {
		if (deployment{c}).roll() {
			c.poke()
		}
		return
	}
	spec := c.set.Spec
	if control.Eager {
		spec.Partition = plan.Pods(0)
	}
	if (kruise{c}).reconcile(spec) {
		c.poke()
	}
}
