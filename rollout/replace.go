// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// advance goes on with pods that an in-place update has already taken out of service, before any other pod is
// touched: their unavailability is paid for.
func (s *stepper) advance() {
	if s.pods.inFlight == 0 {
		return
	}
	for _, i := range s.order.byName(s.pods.classes.pick(
		func(c podClass) bool { return c.has(classInFlight) && !c.has(classMarked) })) {
		p := &s.observed.Pods[i]
		switch {
		case s.low.surplusOld(s.bounds) == 0:
			s.writes.cancelUpdate(p)
		case s.becomesNew(p):
			s.low.update()
			s.writes.update(p)
		case s.rule.removeUnavailable(s.bounds, s.low):
			s.low.removeOld(false)
			s.writes.remove(p, "old")
		}
	}
}

// replace updates or deletes old pods: unavailable ones first, because they cost no availability.
func (s *stepper) replace() {
	if s.low.surplusOld(s.bounds) == 0 {
		return
	}
	waiting := func(c podClass) bool {
		return c.has(classActive) && c&(classNew|classMarked|classInFlight|classGuest) == 0
	}
	down := s.pods.classes.pick(func(c podClass) bool { return waiting(c) && !c.has(classAvailable) })
	for _, i := range s.toReplace(down, len(down)) {
		s.replacePod(&s.observed.Pods[i], false)
	}
	if spare := s.spare(); spare > 0 {
		s.writes.actions = slices.Grow(s.writes.actions, spare)
		up := s.pods.classes.pick(func(c podClass) bool { return waiting(c) && c.has(classAvailable) })
		for _, i := range s.toReplace(up, spare) {
			s.replacePod(&s.observed.Pods[i], true)
		}
	}
	s.explain()
}

// spare is how many available old pods may go now, so that only these need to be put in order.
func (s *stepper) spare() int {
	c := s.low
	n := 0
	for c.old > 0 && (s.rule.removeAvailable(s.bounds, c) || s.rule.updateAvailable(s.bounds, c)) {
		c.removeOld(true)
		n++
	}
	return n
}

// toReplace are the first n of the given old pods that go. Pods that scaling in removes without a successor go in deletion
// order.
func (s *stepper) toReplace(pods []int32, n int) []int32 {
	if s.low.scalesIn(s.bounds) {
		return s.order.deletion(pods, n)
	}
	return s.order.update(pods, n)
}

// becomesNew tells whether an old pod is to become a new one in place.
func (s *stepper) becomesNew(p *Pod) bool {
	return s.low.new < s.bounds.Wanted() && s.writes.revisions.inPlace(p)
}

// replacePod updates one old pod in place or deletes it, where the rule for such a pod permits.
func (s *stepper) replacePod(p *Pod, available bool) {
	mayUpdate, mayRemove := s.rule.updateUnavailable, s.rule.removeUnavailable
	if available {
		mayUpdate, mayRemove = s.rule.updateAvailable, s.rule.removeAvailable
	}
	switch {
	case s.becomesNew(p):
		if mayUpdate(s.bounds, s.low) {
			s.low.takeDown(available)
			s.writes.update(p)
		}
	case mayRemove(s.bounds, s.low):
		s.low.removeOld(available)
		s.writes.remove(p, "old")
	}
}

// explain says why old pods are left standing.
func (s *stepper) explain() {
	if k := s.low.surplusOld(s.bounds); k > 0 && s.writes.blocked == "" && s.low.ready-1 < s.bounds.Least() {
		s.writes.blocked = fmt.Sprintf("%d old to go, but of %d available at least %d must stay", k, s.low.ready, s.bounds.Least())
	}
}

// refusal says why InPlaceOnly forbids this release, or is "" where it does not.
func (s *stepper) refusal() string {
	if s.observed.Workload.Spec.UpdateType != plan.InPlaceOnly || s.pods.surplusOld(s.bounds) == 0 || s.bounds.Wanted() == 0 {
		return ""
	}
	old := s.pods.classes.pick(func(c podClass) bool { return c.has(classActive) && !c.has(classNew) && !c.has(classInPlace) })
	if len(old) == 0 {
		return ""
	}
	change := s.writes.revisions.change(s.observed.Pods[s.order.byName(old)[0]].Revision)
	return fmt.Sprintf("updateStrategy type is InPlaceOnly, but %s can only change in a new pod: use InPlaceIfPossible",
		strings.Join(change.Blockers, ", "))
}
