// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"github.com/slipway-dev/slipway/rollout/plan"
	"slices"
	"time"
)

// podClass is what the rule needs to know of one pod, as bits.
type podClass uint8

const (
	classActive podClass = 1 << iota
	classNew
	classAvailable
	classMarked   // somebody asked to delete it, or a preDelete hook is under way
	classInFlight // drained, or waiting for the in-place hook, but not yet updated
	classLeaving  // marked only because a preDelete hook delays its deletion
)

func (c podClass) has(bits podClass) bool { return c&bits == bits }

// tally is one pass over the pods: their classes and the sums that guards look at.
type tally struct {
	counts
	classes   []podClass
	readyNew  int           // available kept new pods
	soonest   time.Duration // until the next pod that is ready becomes available; 0: none
	leaving   []int32       // pods whose deletion nobody asked for but a preDelete hook delays
	inFlight  int           // pods of classInFlight
	ended     int           // failed or succeeded pods whose object is left
	unhealthy int           // active pods that are not available
}

// count classifies the pods with respect to the released revision.
func (s *stepper) count() {
	o := s.observed
	spec := &o.Workload.Spec
	t := &s.tally
	t.classes = make([]podClass, len(o.Pods))
	for i := range o.Pods {
		p := &o.Pods[i]
		c := s.classify(p, spec)
		t.classes[i] = c
		if c.has(classActive) {
			t.add(c, s.rule.available(c))
			if c.has(classLeaving) {
				t.leaving = append(t.leaving, int32(i))
			}
		} else if p.Ended() {
			t.ended++
		}
	}
}

func (s *stepper) classify(p *Pod, spec *plan.WorkloadSpec) podClass {
	if !p.Active() {
		return 0
	}
	c := classActive
	if p.Revision == s.to {
		c |= classNew
	} else if p.Drained || p.Lifecycle == PreparingUpdate {
		c |= classInFlight
	}
	if p.Available(s.observed.Now, spec.MinReady) {
		c |= classAvailable
	} else if p.Ready && spec.MinReady > 0 {
		s.tally.wait(p.ReadySince.Add(spec.MinReady).Sub(s.observed.Now))
	}
	if p.DeleteRequested || slices.Contains(spec.PodsToDelete, p.Name) {
		c |= classMarked
	} else if p.Lifecycle == PreparingDelete {
		c |= classMarked | classLeaving
	}
	return c
}

// wait notes that something happens by itself after d.
func (t *tally) wait(d time.Duration) {
	if d > 0 && (t.soonest == 0 || d < t.soonest) {
		t.soonest = d
	}
}

func (t *tally) add(c podClass, available bool) {
	t.total++
	serving, marked := one(c.has(classAvailable)), c.has(classMarked)
	t.serving += serving
	t.unhealthy += 1 - serving
	t.ready += one(available)
	t.inFlight += one(c.has(classInFlight) && !marked)
	if marked {
		return
	}
	t.kept++
	if c.has(classNew) {
		t.new++
		t.readyNew += one(available)
		t.updating += one(!available)
	} else {
		t.old++
		t.updating += one(c.has(classInFlight))
	}
}
