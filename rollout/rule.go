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

// guard tells whether one more pod may be written.
type guard func(plan.Bounds, counts) bool

// rule is the direct-mode rule of DESIGN.md as a value, one guard for each kind of write. It is a value so that a
// test can break one piece at a time and prove that the enumeration notices.
type rule struct {
	available         func(podClass) bool
	removeUnavailable guard // delete an unavailable old pod
	removeAvailable   guard // delete an available old pod
	updateUnavailable guard // update an unavailable old pod in place
	updateAvailable   guard // update an available old pod in place
	createNew         guard
	createOld         guard
	trimUnavailable   guard // delete an unavailable new pod that scaling in, or a surge, left over
	trimAvailable     guard
	dropUnavailable   guard // delete an unavailable pod that somebody asked to delete
	dropAvailable     guard
	inviteGuest       guard // create a guest
	keepGuest         guard // make a guest one of the new pods
	leaveUnavailable  guard // delete an unavailable guest
	leaveAvailable    guard
}

// budgetRule is the rule that releases follow. Every guard looks at counts from which the deletions decided so far are
// subtracted and to which no creation is added; only the creations are judged the other way round. So any subset of
// the writes, in any order, keeps the bounds.
func budgetRule() rule {
	spareTotal := func(b plan.Bounds, c counts) bool { return c.total-1 >= b.Least() }
	spareReady := func(b plan.Bounds, c counts) bool { return c.ready-1 >= b.Least() }
	surplusNew := func(b plan.Bounds, c counts) bool { return c.new > b.Wanted() && c.kept > b.Replicas }
	updatable := func(b plan.Bounds, c counts) bool { return c.surplusOld(b) > 0 && c.new < b.Wanted() }
	// The cap keeps a bad revision from replacing every pod that is already down.
	capped := func(b plan.Bounds, c counts) bool { return c.updating+c.starting < b.MaxUnavailable+b.MaxSurge }
	// What is updated in place becomes a new pod by itself.
	missingNew := func(b plan.Bounds, c counts) bool { return c.new+c.coming < b.Wanted() }
	crowded := func(b plan.Bounds, c counts) bool { return c.total > b.Replicas+b.MaxSurge }
	return rule{
		available:         func(p podClass) bool { return p.has(classAvailable) && !p.has(classMarked) },
		removeUnavailable: func(b plan.Bounds, c counts) bool { return c.surplusOld(b) > 0 && spareTotal(b, c) },
		removeAvailable: func(b plan.Bounds, c counts) bool {
			return c.surplusOld(b) > 0 && spareReady(b, c) && spareTotal(b, c)
		},
		updateUnavailable: func(b plan.Bounds, c counts) bool { return updatable(b, c) && capped(b, c) },
		updateAvailable:   func(b plan.Bounds, c counts) bool { return updatable(b, c) && spareReady(b, c) },
		createNew: func(b plan.Bounds, c counts) bool {
			// Once no old pod is left to replace, a missing pod is only missing capacity, and no cap helps.
			return c.total < b.Replicas+b.MaxSurge && missingNew(b, c) && (c.surplusOld(b) == 0 || capped(b, c))
		},
		createOld: func(b plan.Bounds, c counts) bool {
			// kept < R: when the partition is raised, updated pods stay, and an old pod beside them would be a surplus.
			return c.total < b.Replicas+b.MaxSurge && c.old < b.Partition && c.kept < b.Replicas
		},
		trimUnavailable: surplusNew,
		trimAvailable:   func(b plan.Bounds, c counts) bool { return surplusNew(b, c) && spareReady(b, c) },
		dropUnavailable: func(b plan.Bounds, c counts) bool { return c.total-1 >= b.Least() },
		dropAvailable:   func(b plan.Bounds, c counts) bool { return c.total-1 >= b.Least() && c.serving-1 >= b.Least() },
		inviteGuest: func(b plan.Bounds, c counts) bool {
			return c.total < b.Replicas+b.MaxSurge && c.guests < min(b.MaxSurge, c.coming) && capped(b, c)
		},
		keepGuest:        missingNew,
		leaveUnavailable: func(b plan.Bounds, c counts) bool { return (c.ahead == 0 || crowded(b, c)) && spareTotal(b, c) },
		leaveAvailable: func(b plan.Bounds, c counts) bool {
			done := c.ahead == 0 && c.updating <= c.tolerated
			return (done || crowded(b, c)) && c.kept+c.guests > b.Replicas && spareReady(b, c)
		},
	}
}
