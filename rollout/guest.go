// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// Guests are the surge of a release in place. They make room in the budget while every other pod is updated where it
// is, and then they leave, so that each pod that was there before keeps its name, node, address and volumes.

// guestReason is why a guest is created.
const guestReason = "guest"

// isGuest tells whether a pod of the class is a guest that nobody has asked to delete.
func isGuest(c podClass) bool { return c.has(classActive|classGuest) && !c.has(classMarked) }

// keepGuests makes guests stay where new pods are missing that no update in place brings: an old pod was lost, or has
// to be made anew. Pods that serve are kept first.
func (s *stepper) keepGuests() {
	if s.low.guests == 0 || !s.rule.keepGuest(s.bounds, s.low) {
		return
	}
	guests := s.order.deletion(s.pods.classes.pick(func(c podClass) bool { return isGuest(c) && c.has(classNew) }), s.low.guests)
	for k := len(guests) - 1; k >= 0 && s.rule.keepGuest(s.bounds, s.low); k-- {
		s.low.keepGuest(s.pods.classes[guests[k]].has(classAvailable))
		p := &s.observed.Pods[guests[k]]
		s.writes.add(Action{Kind: KeepGuest, Pod: p.ref(), Reason: "a pod is missing"})
		s.kept = append(s.kept, guests[k])
	}
}

// sendGuests lets guests leave that nothing needs any more, in deletion order.
func (s *stepper) sendGuests() {
	if s.low.guests == 0 {
		return
	}
	staying := 0
	for _, i := range s.order.deletion(s.pods.classes.pick(isGuest), len(s.observed.Pods)) {
		if slices.Contains(s.kept, i) {
			continue
		}
		c := s.pods.classes[i]
		available := c.has(classAvailable)
		// One of another revision that does not serve is of no use to this release.
		useless := !available && !c.has(classNew) && s.low.total-1 >= s.bounds.Least()
		if may := choose(available, s.rule.leaveAvailable, s.rule.leaveUnavailable); !useless && !may(s.bounds, s.low) {
			staying++
			continue
		}
		s.low.removeGuest(available)
		s.writes.remove(&s.observed.Pods[i], guestReason)
	}
	switch {
	case staying == 0 || s.low.ahead > 0 || s.writes.blocked != "":
	case s.low.updating > s.low.tolerated:
		s.writes.blocked = countGuests(staying) + " to leave once the updated pods are ready"
	default:
		s.writes.blocked = fmt.Sprintf("%s to leave, but of %d available at least %d must stay", countGuests(staying), s.low.ready,
			s.bounds.Least())
	}
}

// dismissGuests lets guests leave before the release ends with them, as far and as fast as the budget lets them. It is nil
// where no guest is left, or none that could leave soon: one that stands in for a lost pod, or that the budget keeps, stays
// and keeps its mark, so that whatever is released next sends it away before any other pod.
func (m directMode) dismissGuests(reason plan.Reason, message string) *Decision {
	if !slices.ContainsFunc(m.observed.Pods, func(p Pod) bool { return p.Guest && p.Active() }) {
		return nil
	}
	g := m.goal(m.progress.Batch)
	if m.progress.Back {
		g = m.backGoal()
	}
	g.tolerated = plan.MaxPods
	s := newStepper(m.rule, g, m.observed)
	s.dismissGuests()
	left := max(m.limit()-m.observed.Now.Sub(later(m.progress.Started, m.progress.Ready)), 0)
	switch {
	case len(s.writes.actions) > 0:
		return new(m.decision(Go, reason, message+"; its guests leave first", s.writes.actions...))
	case left > 0 && (s.low.kept+s.low.guests > g.bounds.Replicas || s.pods.guestsGoing > 0):
		return new(m.wait(reason, message+"; "+s.writes.blocked, sooner(s.soonest(), left)))
	default:
		return nil
	}
}

// dismissGuests gives back the pods that are drained, and sends every guest away that the budget lets go.
func (s *stepper) dismissGuests() {
	s.settle()
	for i := range s.observed.Pods {
		p := &s.observed.Pods[i]
		if c := s.pods.classes[i]; p.Active() && p.Drained && (!c.has(classNew) || c.has(classMarked) || p.Pending) {
			s.writes.readmit(p, stopReason)
		}
	}
	s.keepGuests()
	s.low.coming, s.low.ahead = 0, 0
	s.sendGuests()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func countGuests(n int) string {
	if n == 1 {
		return "1 guest"
	}
	return fmt.Sprintf("%d guests", n)
}
