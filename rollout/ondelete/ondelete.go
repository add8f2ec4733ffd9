// SPDX-License-Identifier: Apache-2.0

package ondelete

import (
	"cmp"
	"fmt"
	"slices"
)

// Observation is what the rule knows of a target: one moment, in which its controller has seen the present template. Before
// that a pod that is deleted would come back old.
type Observation struct {
	Replicas    int   // R
	Unavailable int   // U
	Ordered     bool  // a pod is made only when all pods of lower ordinals are available
	First       int   // the ordinal of the first pod, where Ordered
	Astray      int   // pods that are lost by the controller's own count, where nobody says which
	Serving     int   // pods that are available by the controller's own count, where some are Astray
	Pods        []Pod // active ones
}

// Pod is an active pod.
type Pod struct {
	New       bool
	Available bool
	Lost      bool
	Kept      bool   // it is not to be deleted in this batch
	Blocking  bool   // not available, it may go also where the batch has enough, if pods above it wait for it
	Ordinal   int    // of a StatefulSet's pod
	Place     string // where it is, and then its name: the smaller goes first, of equal ordinals
}

// Count is how the pods of an Observation stand.
type Count struct {
	New, Old       int
	Available      int // pods that are, new and old
	AvailableNew   int
	Missing        int // pods that are to come back, and are new then
	Lost           int
	unavailableOld int
}

// Count counts the pods. Where nobody says which pods are lost, the controller's own counts tell how many of them serve, on
// nodes that are closed to them. Those are taken off the available ones, so that the budget does not count on them, and off the
// new ones, so that no old pod is taken for lost. The others are among the pods that are not available: new ones first, for
// which a batch would wait, while an old one that is deleted for nothing did not serve.
func (l Observation) Count() Count {
	var c Count
	newDown := 0
	for _, p := range l.Pods {
		switch {
		case p.Lost:
			c.Lost++
		case p.New && p.Available:
			c.New, c.Available, c.AvailableNew = c.New+1, c.Available+1, c.AvailableNew+1
		case p.New:
			c.New, newDown = c.New+1, newDown+1
		case p.Available:
			c.Old, c.Available = c.Old+1, c.Available+1
		default:
			c.Old, c.unavailableOld = c.Old+1, c.unavailableOld+1
		}
	}
	serving := min(max(c.Available-l.Serving, 0), l.Astray)
	lostNew := min(l.Astray-serving, newDown)
	lostOld := min(l.Astray-serving-lostNew, c.unavailableOld)
	closed := min(serving, c.New-lostNew)
	c.Lost += serving + lostNew + lostOld
	c.New, c.Available, c.unavailableOld = c.New-lostNew-closed, c.Available-serving, c.unavailableOld-lostOld
	c.Old = max(c.Old-lostOld-(serving-closed), 0)
	c.Missing = max(l.Replicas-c.New-c.Old, 0)
	return c
}

// Words say what may surprise in the counts, as the end of a message about a batch after which so many pods are new.
func (c Count) Words(wanted int) string {
	var words string
	if more := c.New - wanted; more > 0 {
		words = fmt.Sprintf("; %d more than the batch has came back new by themselves", more)
	}
	if c.Lost > 0 {
		words += fmt.Sprintf("; not counted: %d on nodes that are closed to them", c.Lost)
	}
	return words
}

// Chosen counts those of the pods that a batch may delete, and those that are new already, where it is for some nodes only. It
// has no Missing: what comes back may do so anywhere.
func (l Observation) Chosen() Count {
	l.Pods = slices.DeleteFunc(slices.Clone(l.Pods), func(p Pod) bool { return p.Kept })
	l.Replicas, l.Astray = 0, 0
	return l.Count()
}

// Next are the pods to delete now, by their places in the Observation, at most as many as there is room for, and why no more
// are. Each deletion of the list is safe whichever of the others happen.
func Next(l Observation, room int) (deleted []int, why string) {
	c := l.Count()
	coming := c.New - c.AvailableNew
	if !l.Ordered { // else what is missing waits for a lower ordinal
		coming += c.Missing
	}
	for _, i := range l.order() {
		p := l.Pods[i]
		switch {
		case room <= 0 && (!l.Ordered || !p.Blocking || p.Available || c.Missing == 0):
			return deleted, why
		case l.Ordered && !l.followed(p):
			why = fmt.Sprintf("pods come back one after the other, and one below ordinal %d is not available", p.Ordinal)
			continue
		case !p.Available && (c.unavailableOld == 0 || coming >= max(l.Unavailable, 1)):
			continue // lost for all that is known; or the new revision has to show that it is better
		case p.Available && c.Available-1 < l.Replicas-l.Unavailable:
			return deleted, fmt.Sprintf("%d of %d pods are available, and %d must be", c.Available, l.Replicas, l.Replicas-l.Unavailable)
		case p.Available:
			c.Available--
		default:
			c.unavailableOld--
		}
		room, coming = room-1, coming+1
		deleted = append(deleted, i)
	}
	return deleted, why
}

// order are the old pods, those that are not available first: what has to wait for a lower ordinal is then, of these, the
// lowest. Of the others the highest ordinal goes first.
func (l Observation) order() []int {
	var old []int
	for i, p := range l.Pods {
		if !p.New && !p.Lost && !p.Kept {
			old = append(old, i)
		}
	}
	slices.SortStableFunc(old, func(a, b int) int {
		p, q := l.Pods[a], l.Pods[b]
		ordinal := cmp.Compare(q.Ordinal, p.Ordinal)
		if l.Ordered && !p.Available && !q.Available {
			ordinal = -ordinal
		}
		return cmp.Or(rank(p.Available)-rank(q.Available), ordinal, cmp.Compare(p.Place, q.Place))
	})
	return old
}

func rank(available bool) int {
	if available {
		return 1
	}
	return 0
}

// followed tells whether all pods of lower ordinals are available. While one is not, its controller makes no pod above it.
func (l Observation) followed(p Pod) bool {
	available := 0
	for _, q := range l.Pods {
		if q.Ordinal < p.Ordinal && q.Available {
			available++
		}
	}
	return available >= p.Ordinal-l.First
}
