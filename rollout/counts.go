// SPDX-License-Identifier: Apache-2.0

package rollout

import "github.com/slipway-dev/slipway/rollout/plan"

// counts are the numbers that the direct-mode rule decides on. A kept pod is one that nobody has asked to delete.
type counts struct {
	old      int // kept pods of older revisions (o)
	new      int // kept pods of the released revision (n)
	total    int // active pods, those to be deleted included
	kept     int // old + new, so without guests
	ready    int // available kept pods (av)
	serving  int // available pods, those to be deleted included
	updating int // kept new pods that are not available, and old ones drained for an in-place update

	// A guest is a kept pod too, but neither old nor new: it serves while pods are updated in place, and leaves again.
	guests    int
	starting  int // guests of the released revision that are not available
	coming    int // old pods of this batch that become new ones in place
	ahead     int // the same up to the next rest: the batches that follow at once counted too
	tolerated int // updated pods that may be unavailable when the batch counts as ready
}

// surplusOld is k: how many old pods are still to be replaced or removed.
func (c counts) surplusOld(b plan.Bounds) int { return max(c.old-b.Partition, 0) }

// scalesIn tells whether the old pods that go now have no successor: nothing is to be updated, or the updated pods are
// complete and there are more pods than even the surge allows.
func (c counts) scalesIn(b plan.Bounds) bool {
	return c.new >= b.Wanted() && (b.Wanted() == 0 || c.kept > b.Replicas+b.MaxSurge)
}

// The methods below carry one write over to the counts.

// removeMarked takes off a pod that somebody asked to delete. It was not counted as kept.
func (c *counts) removeMarked(available bool) {
	c.total--
	c.serving -= one(available)
}

// remove takes off a pod that serves where it is available; its callers say what it was.
func (c *counts) remove(available bool) {
	c.total--
	c.ready -= one(available)
	c.serving -= one(available)
}

func (c *counts) removeOld(available bool) {
	c.remove(available)
	c.old--
	c.kept--
}

func (c *counts) removeNew(available bool) {
	c.remove(available)
	c.new--
	c.kept--
}

func (c *counts) removeGuest(available bool) {
	c.remove(available)
	c.guests--
}

// keepGuest makes a guest one of the new pods.
func (c *counts) keepGuest(available bool) {
	down := one(!available)
	c.guests--
	c.starting -= down
	c.new++
	c.kept++
	c.updating += down
}

// update makes an old pod a new one, of those that become one in place.
func (c *counts) update() {
	c.old--
	c.new++
	c.coming = max(c.coming-1, 0)
	c.ahead = max(c.ahead-1, 0)
}

// takeDown is an update that begins now: until it is done the pod does not serve.
func (c *counts) takeDown(available bool) {
	c.update()
	c.updating++
	c.ready -= one(available)
	c.serving -= one(available)
}

// createNew, createOld and createGuest add a pod that does not serve yet.
func (c *counts) createNew()   { c.new++; c.updating++; c.kept++ }
func (c *counts) createOld()   { c.old++; c.kept++ }
func (c *counts) createGuest() { c.guests++; c.starting++ }
