// SPDX-License-Identifier: Apache-2.0

package rollout

import (
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
	classGuest    // neither old nor new, whatever its revision
	classInPlace  // an old pod that can become a new one in place
)

func (c podClass) has(bits podClass) bool { return c&bits == bits }

// podClasses are the classes of the observed pods, by their index.
type podClasses []podClass

// pick lists the indexes of the pods whose class is wanted.
func (classes podClasses) pick(wanted func(podClass) bool) []int32 {
	n := 0
	for _, c := range classes {
		n += one(wanted(c))
	}
	if n == 0 {
		return nil
	}
	picked := make([]int32, 0, n)
	for i, c := range classes {
		if wanted(c) {
			picked = append(picked, int32(i))
		}
	}
	return picked
}

// podSummary is one pass over the pods: their classes and the sums that guards look at.
type podSummary struct {
	counts
	classes     podClasses
	newest      time.Time     // when the newest kept new pod was created
	late        int           // kept new pods that are not available, created after the batch was ready
	readyNew    int           // available kept new pods
	soonest     time.Duration // until the next pod that is ready becomes available; 0: none
	leaving     []int32       // pods whose deletion nobody asked for but a preDelete hook delays
	inFlight    int           // pods of classInFlight
	updatable   int           // kept old pods of classInPlace
	guestsGoing int           // guests whose deletion is under way, or asked for
	unhealthy   int           // active pods that are not available
}

// count classifies the pods with respect to the released revision. available tells what counts as available.
func count(g *goal, o *Observed, r *revisions, available func(podClass) bool) podSummary {
	spec := &o.Workload.Spec
	t := podSummary{classes: make(podClasses, len(o.Pods))}
	for i := range o.Pods {
		p := &o.Pods[i]
		c := classify(p, o, r)
		t.classes[i] = c
		if !c.has(classActive) {
			continue
		}
		t.add(c, available(c))
		t.date(c, p.Created, g.since, available(c))
		if c.has(classLeaving) {
			t.leaving = append(t.leaving, int32(i))
		}
		if p.Ready && spec.MinReady > 0 && !c.has(classAvailable) {
			t.wait(p.ReadySince.Add(spec.MinReady).Sub(o.Now))
		}
	}
	t.tolerated = g.tolerated
	t.coming = t.inPlace(g.bounds.Replicas, g.bounds.Partition)
	t.ahead = t.inPlace(g.bounds.Replicas, g.ahead)
	return t
}

func classify(p *Pod, o *Observed, r *revisions) podClass {
	if !p.Active() {
		return 0
	}
	spec, c := &o.Workload.Spec, classActive
	if p.Guest {
		c |= classGuest
	}
	switch {
	case p.Revision == r.released:
		c |= classNew
	case p.Guest:
	case p.Drained || p.Lifecycle == PreparingUpdate:
		c |= classInFlight
		fallthrough
	default:
		if r.inPlace(p) {
			c |= classInPlace
		}
	}
	if p.Available(o.Now, spec.MinReady) {
		c |= classAvailable
	}
	if p.DeleteRequested || slices.Contains(spec.PodsToDelete, p.Name) {
		c |= classMarked
	} else if p.Lifecycle == PreparingDelete {
		c |= classMarked | classLeaving
	}
	return c
}

// inPlace is how many old pods are still to become new ones in place, down to a partition.
func (t *podSummary) inPlace(replicas, partition int) int {
	return max(min(t.old-partition, replicas-partition-t.new, t.updatable), 0)
}

// date notes when a kept new pod was created, by the clock that dates all pods.
func (t *podSummary) date(c podClass, created, since time.Time, available bool) {
	if !c.has(classNew) || c&(classGuest|classMarked) != 0 {
		return
	}
	if created.After(t.newest) {
		t.newest = created
	}
	t.late += one(!available && !since.IsZero() && created.After(since))
}

// wait notes that something happens by itself after d.
func (t *podSummary) wait(d time.Duration) {
	if d > 0 && (t.soonest == 0 || d < t.soonest) {
		t.soonest = d
	}
}

func (t *podSummary) add(c podClass, available bool) {
	t.total++
	serving, marked := one(c.has(classAvailable)), c.has(classMarked)
	t.serving += serving
	t.unhealthy += 1 - serving
	t.ready += one(available)
	t.inFlight += one(c.has(classInFlight) && !marked)
	if marked {
		t.guestsGoing += one(c.has(classGuest))
		return
	}
	switch {
	case c.has(classGuest):
		t.guests++
		t.starting += one(c.has(classNew) && !available)
	case c.has(classNew):
		t.kept++
		t.new++
		t.readyNew += one(available)
		t.updating += one(!available)
	default:
		t.kept++
		t.old++
		t.updatable += one(c.has(classInPlace))
		t.updating += one(c.has(classInFlight))
	}
}
