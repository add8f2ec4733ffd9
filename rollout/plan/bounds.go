// SPDX-License-Identifier: Apache-2.0

package plan

import "fmt"

// Bounds are a CloneSet's limits in absolute numbers of pods: the symbols R, P, S and U of DESIGN.md.
type Bounds struct {
	Replicas       int // R: pods wanted
	Partition      int // P: pods kept on older revisions, 0 to R
	MaxSurge       int // S: pods above R
	MaxUnavailable int // U: pods below R
}

// Bounds resolves the spec's percentages against its replicas: partition and maxSurge round up, maxUnavailable rounds up
// without surge and down with it (a Deployment's always down, and to one where both are 0 by that), so that "10%" of one pod
// never permits to delete the only pod. It is an error when neither bound lets a pod move, because such a release never ends.
func (s WorkloadSpec) Bounds() (Bounds, error) {
	b := Bounds{
		Replicas:  s.Replicas,
		Partition: s.Partition.Partition(s.Replicas),
		MaxSurge:  s.MaxSurge.Up(s.Replicas),
	}
	if s.RoundsDown {
		b.MaxUnavailable = min(s.MaxUnavailable.Down(s.Replicas), s.Replicas)
		if b.MaxSurge == 0 && s.MaxUnavailable != Pods(0) {
			b.MaxUnavailable = max(b.MaxUnavailable, min(s.Replicas, 1))
		}
	} else if b.MaxSurge == 0 {
		b.MaxUnavailable = min(s.MaxUnavailable.Up(s.Replicas), s.Replicas)
	} else {
		b.MaxUnavailable = min(s.MaxUnavailable.Down(s.Replicas), s.Replicas)
	}
	if b.Replicas > 0 && b.MaxSurge == 0 && b.MaxUnavailable == 0 {
		return b, fmt.Errorf("maxSurge %s and maxUnavailable %s of %d replicas are both 0, so no pod may be replaced: raise one "+
			"of them", s.MaxSurge, s.MaxUnavailable, s.Replicas)
	}
	if s.UpdateType == InPlaceOnly && b.MaxSurge > 0 {
		return b, fmt.Errorf("maxSurge %s cannot be used with InPlaceOnly, which never creates a pod for an update: set it to 0",
			s.MaxSurge)
	}
	return b, nil
}

// Within is an object with the budget of a plan, where none of its own fields says how many pods may be unavailable.
func (p BatchPlan) Within(cs Workload) Workload {
	if cs.Spec.OnDelete && p.MaxUnavailable != Pods(0) {
		cs.Spec.MaxUnavailable = p.MaxUnavailable
	}
	return cs
}

// Bounds are those within which a plan releases an object.
func (p BatchPlan) Bounds(cs Workload) (Bounds, error) { return p.Within(cs).Spec.Bounds() }

// Wanted is R-P: how many pods are to be of the released revision.
func (b Bounds) Wanted() int { return b.Replicas - b.Partition }

// Least is R-U: how many pods must stay available.
func (b Bounds) Least() int { return b.Replicas - b.MaxUnavailable }
