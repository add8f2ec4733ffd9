// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/fn/manifest"
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

// stepper works out the pod writes of one look in direct mode. low are counts with the deletions decided so far taken
// off; creations are judged on high, to which they are added.
type stepper struct {
	rule rule
	goal
	observed *Observed
	tally    tally
	low      counts
	high     counts
	changes  map[string]manifest.Change // by revision; filled on first use
	actions  []Action
	ids      *instances
	kept     []int32 // guests that stay
	blocked  string  // why nothing more can be replaced now, for the message
}

// newStepper counts the pods for a release from one revision to another.
func newStepper(r rule, g goal, o *Observed) *stepper {
	if g.from == "" {
		g.from = g.to
	}
	s := &stepper{rule: r, goal: g, observed: o}
	s.count()
	s.low, s.high = s.tally.counts, s.tally.counts
	return s
}

// run decides every write that is safe now.
func (s *stepper) run() []Action {
	s.settle()
	byName(s.actions)
	s.advance()
	s.drop()
	s.keepGuests()
	s.sendGuests()
	s.replace()
	s.create()
	s.trim()
	return s.actions
}

// settle finishes what is already under way on pods of the released revision, and removes ended ones. None of it
// costs availability.
func (s *stepper) settle() {
	life := &s.observed.Workload.Spec.Lifecycle
	for i := range s.observed.Pods {
		p := &s.observed.Pods[i]
		c := s.tally.classes[i]
		switch {
		case p.Ended():
			s.act(Action{Kind: DeletePod, Pod: p.ref(), Reason: "it has ended"})
		case !c.has(classActive) || c.has(classMarked):
		case p.Lifecycle == PreparingNormal:
			if !life.PreNormal.IsSet() || life.PreNormal.Holds(p.Labels, p.Finalizers) {
				s.setLifecycle(p, Normal, "ready for service")
			}
		case c.has(classNew):
			s.settleUpdated(p)
		}
	}
}

// settleUpdated leads a pod of the released revision through the end of its in-place update, or out of one that
// a rollback made unnecessary.
func (s *stepper) settleUpdated(p *Pod) {
	hook := &s.observed.Workload.Spec.Lifecycle.InPlaceUpdate
	switch {
	case p.Pending:
	case p.Drained:
		s.act(Action{Kind: ReadmitPod, Pod: p.ref(), Reason: "updated"})
	case p.Lifecycle == PreparingUpdate:
		s.setLifecycle(p, Normal, "no update needed any more")
	case p.Lifecycle == Updating && hook.IsSet() && !hook.Holds(p.Labels, p.Finalizers):
		s.setLifecycle(p, Updated, "updated, the hook may follow")
	case p.Lifecycle == Updating, p.Lifecycle == Updated && (!hook.IsSet() || hook.Holds(p.Labels, p.Finalizers)):
		s.setLifecycle(p, Normal, "updated")
	}
}

// drop deletes pods that somebody asked to delete, unavailable ones first.
func (s *stepper) drop() {
	marked := s.named(s.pick(func(c podClass) bool { return c.has(classMarked) }))
	for _, available := range []bool{false, true} {
		may := choose(available, s.rule.dropAvailable, s.rule.dropUnavailable)
		for _, i := range marked {
			if s.tally.classes[i].has(classAvailable) != available || !may(s.bounds, s.low) {
				continue
			}
			s.low.total--
			s.low.serving -= one(available)
			p := &s.observed.Pods[i]
			s.remove(p, choose(p.Lifecycle == PreparingDelete, "its hook let go", "asked to be deleted"))
		}
	}
}

// create adds pods: of the released revision first, then the old ones that are missing.
func (s *stepper) create() {
	// Pods that are updated in place, and guests that are kept, are counted as new already, and the guests as guests still.
	s.high.new, s.high.updating, s.high.starting, s.high.coming = s.low.new, s.low.updating, s.low.starting, s.low.coming
	s.high.kept += len(s.kept)
	reason := "missing"
	if s.tally.surplusOld(s.bounds) > 0 {
		reason = "new"
	}
	fresh := func() { s.high.new++; s.high.updating++; s.high.kept++ }
	old := func() { s.high.old++; s.high.kept++ }
	s.keep(s.to, func() bool { return s.high.new < s.bounds.Wanted() }, fresh)
	s.keep(s.from, func() bool { return s.high.old < s.bounds.Partition }, old)
	s.createAll(s.to, reason, s.rule.createNew, fresh)
	s.createAll(s.from, "missing", s.rule.createOld, old)
	s.createAll(s.to, guestReason, s.rule.inviteGuest, func() { s.high.guests++; s.high.starting++ })
}

// keep cancels deletions that still wait for a hook while pods of the revision are missing.
func (s *stepper) keep(revision string, missing func() bool, note func()) {
	s.named(s.tally.leaving)
	for len(s.tally.leaving) > 0 && s.high.kept < s.bounds.Replicas && missing() && s.cancelDelete(revision) {
		note()
	}
}

func (s *stepper) createAll(revision, reason string, may guard, note func()) {
	room := s.scaleRoom(reason)
	if may(s.bounds, s.high) {
		missing := max(s.bounds.Replicas+s.bounds.MaxSurge-s.high.total, 0)
		s.actions = slices.Grow(s.actions, min(missing, room, s.bounds.Replicas))
	}
	for ; room > 0 && may(s.bounds, s.high); room-- {
		note()
		s.high.total++
		if s.ids == nil {
			s.ids = newInstances(s.observed)
		}
		guest := reason == guestReason
		if guest {
			s.ids.claims = nil // a guest leaves, and what it used would go with it
		}
		a := s.ids.create(s.observed, revision, reason)
		a.Guest = guest
		s.act(a)
	}
}

// scaleRoom is how many pods scaleStrategy.maxUnavailable lets a scale-up create now.
func (s *stepper) scaleRoom(reason string) int {
	limit := s.observed.Workload.Spec.ScaleMaxUnavailable
	if limit == nil || reason != "missing" {
		return plan.MaxPods
	}
	return limit.Up(s.bounds.Replicas) - s.tally.unhealthy
}

// cancelDelete keeps a pod of the revision whose deletion still waits for a hook instead of creating another one.
func (s *stepper) cancelDelete(revision string) bool {
	for n, i := range s.tally.leaving {
		if p := &s.observed.Pods[i]; p.Revision == revision && s.observed.Workload.Spec.Lifecycle.PreDelete.Holds(p.Labels, p.Finalizers) {
			s.tally.leaving = slices.Delete(s.tally.leaving, n, n+1)
			s.setLifecycle(p, Normal, "needed again")
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
	fresh := func(c podClass) bool { return c.has(classActive|classNew) && c&(classMarked|classGuest) == 0 }
	for _, i := range s.ranked(s.pick(fresh), s.low.kept-s.bounds.Replicas) {
		available := s.tally.classes[i].has(classAvailable)
		if may := choose(available, s.rule.trimAvailable, s.rule.trimUnavailable); !may(s.bounds, s.low) {
			continue
		}
		s.low.total--
		s.low.kept--
		s.low.new--
		s.low.ready -= one(available)
		s.low.serving -= one(available)
		s.remove(&s.observed.Pods[i], "more pods than replicas")
	}
}

// remove deletes a pod, or first lets its preDelete hook do its work.
func (s *stepper) remove(p *Pod, reason string) {
	hook := &s.observed.Workload.Spec.Lifecycle.PreDelete
	switch {
	case !hook.Holds(p.Labels, p.Finalizers):
		s.act(Action{Kind: DeletePod, Pod: p.ref(), Guest: p.Guest, Reason: reason})
	case p.Lifecycle != PreparingDelete:
		s.act(Action{Kind: SetLifecycle, Pod: p.ref(), Lifecycle: PreparingDelete, NotReady: hook.MarkPodNotReady, Reason: reason})
	default:
		s.blocked = "a preDelete hook holds pod " + p.Name
	}
}

func (s *stepper) setLifecycle(p *Pod, state LifecycleState, reason string) {
	s.act(Action{Kind: SetLifecycle, Pod: p.ref(), Lifecycle: state, Reason: reason})
}

func (s *stepper) act(a Action) { s.actions = append(s.actions, a) }

// byName puts actions on pods in the order of the pods' names: a decision does not depend on the order in which a cluster
// lists its pods.
func byName(actions []Action) {
	slices.SortStableFunc(actions, func(a, b Action) int { return strings.Compare(a.Pod.Name, b.Pod.Name) })
}

// named are pods in the order of their names.
func (s *stepper) named(pods []int32) []int32 {
	slices.SortFunc(pods, func(a, b int32) int { return strings.Compare(s.observed.Pods[a].Name, s.observed.Pods[b].Name) })
	return pods
}

// pick lists the indexes of the pods whose class is wanted.
func (s *stepper) pick(wanted func(podClass) bool) []int32 {
	n := 0
	for _, c := range s.tally.classes {
		n += one(wanted(c))
	}
	if n == 0 {
		return nil
	}
	picked := make([]int32, 0, n)
	for i, c := range s.tally.classes {
		if wanted(c) {
			picked = append(picked, int32(i))
		}
	}
	return picked
}

func choose[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}
