// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// advance goes on with pods that an in-place update has already taken out of service, before any other pod is
// touched: their unavailability is paid for.
func (s *stepper) advance() {
	if s.tally.inFlight == 0 {
		return
	}
	for _, i := range s.named(s.pick(func(c podClass) bool { return c.has(classInFlight) && !c.has(classMarked) })) {
		p := &s.observed.Pods[i]
		switch {
		case s.low.surplusOld(s.bounds) == 0:
			s.undo(p)
		case s.low.new < s.bounds.Wanted() && s.inPlace(p):
			s.becomeNew()
			s.proceed(p)
		case s.rule.removeUnavailable(s.bounds, s.low):
			s.takeOld(false)
			s.remove(p, "old")
		}
	}
}

// undo gives a pod back that no longer has to change.
func (s *stepper) undo(p *Pod) {
	if p.Drained {
		s.act(Action{Kind: ReadmitPod, Pod: p.ref(), Reason: "no update needed any more"})
		return
	}
	s.setLifecycle(p, Normal, "no update needed any more")
}

// proceed does the next write of an in-place update: hook, drain, grace period, images.
func (s *stepper) proceed(p *Pod) {
	spec := &s.observed.Workload.Spec
	hook := &spec.Lifecycle.InPlaceUpdate
	if hook.Holds(p.Labels, p.Finalizers) && p.Lifecycle != PreparingUpdate {
		s.act(Action{
			Kind: SetLifecycle, Pod: p.ref(), Lifecycle: PreparingUpdate, NotReady: hook.MarkPodNotReady,
			Reason: "old, the hook comes first",
		})
		return
	}
	if hook.Holds(p.Labels, p.Finalizers) {
		s.blocked = "an inPlaceUpdate hook holds pod " + p.Name
		return
	}
	if s.change(p.Revision).Restarts {
		if !p.Drained {
			s.act(Action{Kind: DrainPod, Pod: p.ref(), Reason: "old"})
			return
		}
		if left := p.DrainedAt.Add(spec.GracePeriod).Sub(s.observed.Now); spec.GracePeriod > 0 && left > 0 {
			s.tally.wait(left)
			s.blocked = fmt.Sprintf("pod %s drains for %v", p.Name, spec.GracePeriod)
			return
		}
	}
	a := Action{Kind: UpdatePodInPlace, Pod: p.ref(), Revision: s.to, Reason: "old"}
	if hook.IsSet() {
		a.Lifecycle = Updating
	}
	s.act(a)
}

// replace updates or deletes old pods: unavailable ones first, because they cost no availability.
func (s *stepper) replace() {
	if s.low.surplusOld(s.bounds) == 0 {
		return
	}
	waiting := func(c podClass) bool {
		return c.has(classActive) && c&(classNew|classMarked|classInFlight|classGuest) == 0
	}
	down := s.pick(func(c podClass) bool { return waiting(c) && !c.has(classAvailable) })
	for _, i := range s.ordered(down, len(down)) {
		s.replaceUnavailable(&s.observed.Pods[i])
	}
	if spare := s.spare(); spare > 0 {
		s.actions = slices.Grow(s.actions, spare)
		up := s.pick(func(c podClass) bool { return waiting(c) && c.has(classAvailable) })
		for _, i := range s.ordered(up, spare) {
			s.replaceAvailable(&s.observed.Pods[i])
		}
	}
	s.explain()
}

// spare is how many available old pods may go now, so that only these need to be put in order.
func (s *stepper) spare() int {
	c := s.low
	n := 0
	for c.old > 0 && (s.rule.removeAvailable(s.bounds, c) || s.rule.updateAvailable(s.bounds, c)) {
		c.old--
		c.kept--
		c.total--
		c.ready--
		c.serving--
		n++
	}
	return n
}

func (s *stepper) replaceUnavailable(p *Pod) {
	switch {
	case s.low.new < s.bounds.Wanted() && s.inPlace(p):
		if s.rule.updateUnavailable(s.bounds, s.low) {
			s.becomeNew()
			s.low.updating++
			s.proceed(p)
		}
	case s.rule.removeUnavailable(s.bounds, s.low):
		s.takeOld(false)
		s.remove(p, "old")
	}
}

func (s *stepper) replaceAvailable(p *Pod) {
	switch {
	case s.low.new < s.bounds.Wanted() && s.inPlace(p):
		if s.rule.updateAvailable(s.bounds, s.low) {
			s.becomeNew()
			s.low.updating++
			s.low.ready--
			s.low.serving--
			s.proceed(p)
		}
	case s.rule.removeAvailable(s.bounds, s.low):
		s.takeOld(true)
		s.remove(p, "old")
	}
}

// becomeNew makes an old pod a new one in the counts.
func (s *stepper) becomeNew() {
	s.low.old--
	s.low.new++
	s.low.coming = max(s.low.coming-1, 0)
	s.low.ahead = max(s.low.ahead-1, 0)
}

// takeOld takes a kept old pod off the counts that deletions are judged on.
func (s *stepper) takeOld(available bool) {
	s.low.old--
	s.low.kept--
	s.low.total--
	s.low.ready -= one(available)
	s.low.serving -= one(available)
}

// explain says why old pods are left standing.
func (s *stepper) explain() {
	if k := s.low.surplusOld(s.bounds); k > 0 && s.blocked == "" && s.low.ready-1 < s.bounds.Least() {
		s.blocked = fmt.Sprintf("%d old to go, but of %d available at least %d must stay", k, s.low.ready, s.bounds.Least())
	}
}

// inPlace tells whether the pod can become one of the released revision without being recreated.
func (s *stepper) inPlace(p *Pod) bool {
	t := s.observed.Workload.Spec.UpdateType
	return (t == plan.InPlaceIfPossible || t == plan.InPlaceOnly) && s.change(p.Revision).InPlace
}

// change compares a revision with the released one.
func (s *stepper) change(revision string) manifest.Change {
	if c, ok := s.changes[revision]; ok {
		return c
	}
	before, after := s.observed.template(revision), s.observed.template(s.to)
	c := manifest.Change{Blockers: []string{"the template of revision " + revision + " (it is not known)"}}
	if before != nil && after != nil {
		c = manifest.CompareTemplates(before, after)
	}
	if s.changes == nil {
		s.changes = map[string]manifest.Change{}
	}
	s.changes[revision] = c
	return c
}

// refusal says why InPlaceOnly forbids this release, or is "" where it does not.
func (s *stepper) refusal() string {
	if s.observed.Workload.Spec.UpdateType != plan.InPlaceOnly || s.tally.surplusOld(s.bounds) == 0 || s.bounds.Wanted() == 0 {
		return ""
	}
	old := s.pick(func(c podClass) bool { return c.has(classActive) && !c.has(classNew) && !c.has(classInPlace) })
	if len(old) == 0 {
		return ""
	}
	change := s.change(s.observed.Pods[s.named(old)[0]].Revision)
	return fmt.Sprintf("updateStrategy type is InPlaceOnly, but %s can only change in a new pod: use InPlaceIfPossible",
		strings.Join(change.Blockers, ", "))
}
