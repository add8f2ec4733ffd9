// SPDX-License-Identifier: Apache-2.0

package rollout

import "github.com/slipway-dev/slipway/rollout/plan"

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
