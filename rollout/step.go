// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"slices"
	"time"

	"github.com/slipway-dev/slipway/rollout/instance"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// goal is what the pods of a batch are to become.
type goal struct {
	bounds    plan.Bounds
	from      string    // revision that old pods are created from
	to        string    // revision that is released
	ahead     int       // the partition at the next rest: guests stay until its pods are updated
	tolerated int       // updated pods that may be unavailable when the batch counts as ready
	since     time.Time // creation of the newest updated pod when the batch got ready; zero: it is not ready yet
}

// stepper works out the pod writes of one decision in direct mode. low are counts with the deletions decided so far taken
// off; creations are judged on high, to which they are added.
type stepper struct {
	goal
	rule     rule
	observed *Observed
	pods     podSummary
	low      counts
	high     counts
	order    podOrder
	writes   podWrites
	ids      *instance.IDs
	kept     []int32 // guests that stay
}

// newStepper counts the pods for a release from one revision to another.
func newStepper(r rule, g goal, o *Observed) *stepper {
	if g.from == "" {
		g.from = g.to
	}
	against := &revisions{observed: o, released: g.to}
	s := &stepper{goal: g, rule: r, observed: o, pods: count(&g, o, against, r.available)}
	s.low, s.high = s.pods.counts, s.pods.counts
	s.order = podOrder{o, s.pods.classes}
	s.writes = podWrites{spec: &o.Workload.Spec, now: o.Now, revisions: against}
	return s
}

// run decides every write that is safe now.
func (s *stepper) run() []Action {
	s.settle()
	byName(s.writes.actions)
	s.advance()
	s.drop()
	s.keepGuests()
	s.sendGuests()
	s.replace()
	s.create()
	s.trim()
	return s.writes.actions
}

// soonest is when something happens by itself; 0: nothing known.
func (s *stepper) soonest() time.Duration { return sooner(s.pods.soonest, s.writes.soonest) }

// settle finishes what is already under way on pods of the released revision, and removes ended ones. None of it
// costs availability.
func (s *stepper) settle() {
	for i := range s.observed.Pods {
		p := &s.observed.Pods[i]
		c := s.pods.classes[i]
		switch {
		case p.Ended():
			s.writes.add(Action{Kind: DeletePod, Pod: p.ref(), Reason: "it has ended"})
		case !c.has(classActive) || c.has(classMarked):
		case p.Lifecycle == PreparingNormal:
			s.writes.finishCreate(p)
		case c.has(classNew):
			s.writes.finishUpdate(p)
		}
	}
}

// drop deletes pods that somebody asked to delete, unavailable ones first.
func (s *stepper) drop() {
	marked := s.order.byName(s.pods.classes.pick(func(c podClass) bool { return c.has(classMarked) }))
	for _, available := range []bool{false, true} {
		may := choose(available, s.rule.dropAvailable, s.rule.dropUnavailable)
		for _, i := range marked {
			if s.pods.classes[i].has(classAvailable) != available || !may(s.bounds, s.low) {
				continue
			}
			s.low.removeMarked(available)
			p := &s.observed.Pods[i]
			s.writes.remove(p, choose(p.Lifecycle == PreparingDelete, "its hook let go", "asked to be deleted"))
		}
	}
}

// create adds pods: of the released revision first, then the old ones that are missing.
func (s *stepper) create() {
	// Pods that are updated in place, and guests that are kept, are counted as new already, and the guests as guests still.
	s.high.new, s.high.updating, s.high.starting, s.high.coming = s.low.new, s.low.updating, s.low.starting, s.low.coming
	s.high.kept += len(s.kept)
	reason := "missing"
	if s.pods.surplusOld(s.bounds) > 0 {
		reason = "new"
	}
	s.keep(s.to, func() bool { return s.high.new < s.bounds.Wanted() }, s.high.createNew)
	s.keep(s.from, func() bool { return s.high.old < s.bounds.Partition }, s.high.createOld)
	s.createAll(s.to, reason, s.rule.createNew, s.high.createNew)
	s.createAll(s.from, "missing", s.rule.createOld, s.high.createOld)
	s.createAll(s.to, guestReason, s.rule.inviteGuest, s.high.createGuest)
}

// keep cancels deletions that still wait for a hook while pods of the revision are missing.
func (s *stepper) keep(revision string, missing func() bool, note func()) {
	s.order.byName(s.pods.leaving)
	for len(s.pods.leaving) > 0 && s.high.kept < s.bounds.Replicas && missing() && s.cancelDelete(revision) {
		note()
	}
}

func (s *stepper) createAll(revision, reason string, may guard, note func()) {
	room := s.scaleRoom(reason)
	if may(s.bounds, s.high) {
		missing := max(s.bounds.Replicas+s.bounds.MaxSurge-s.high.total, 0)
		s.writes.actions = slices.Grow(s.writes.actions, min(missing, room, s.bounds.Replicas))
	}
	for ; room > 0 && may(s.bounds, s.high); room-- {
		note()
		s.high.total++
		if s.ids == nil {
			s.ids = newIDs(s.observed)
		}
		guest := reason == guestReason
		if guest {
			s.ids.KeepClaims() // a guest leaves, and what it used would go with it
		}
		a := createPod(s.ids, s.observed, revision, reason)
		a.Guest = guest
		s.writes.add(a)
	}
}

// scaleRoom is how many pods scaleStrategy.maxUnavailable lets a scale-up create now.
func (s *stepper) scaleRoom(reason string) int {
	limit := s.observed.Workload.Spec.ScaleMaxUnavailable
	if limit == nil || reason != "missing" {
		return plan.MaxPods
	}
	return limit.Up(s.bounds.Replicas) - s.pods.unhealthy
}

// cancelDelete keeps a pod of the revision whose deletion still waits for a hook instead of creating another one.
func (s *stepper) cancelDelete(revision string) bool {
	for n, i := range s.pods.leaving {
		if p := &s.observed.Pods[i]; p.Revision == revision &&
			s.observed.Workload.Spec.Lifecycle.PreDelete.Holds(p.Labels, p.Finalizers) {
			s.pods.leaving = slices.Delete(s.pods.leaving, n, n+1)
			s.writes.setLifecycle(p, Normal, "needed again")
			return true
		}
	}
	return false
}

// trim deletes pods of the released revision that scaling in left over, in deletion order.
func (s *stepper) trim() {
	if s.low.new <= s.bounds.Wanted() || s.low.kept <= s.bounds.Replicas {
		return
	}
	keptNew := func(c podClass) bool { return c.has(classActive|classNew) && c&(classMarked|classGuest) == 0 }
	for _, i := range s.order.deletion(s.pods.classes.pick(keptNew), s.low.kept-s.bounds.Replicas) {
		available := s.pods.classes[i].has(classAvailable)
		if may := choose(available, s.rule.trimAvailable, s.rule.trimUnavailable); !may(s.bounds, s.low) {
			continue
		}
		s.low.removeNew(available)
		s.writes.remove(&s.observed.Pods[i], "more pods than replicas")
	}
}

func choose[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}
