// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// replicaSet is one of a Deployment, with the pods of its revision.
type replicaSet struct {
	revision string
	replicas int
	minReady int    // seconds
	marked   string // revision that its annotation says is sealed
}

// deploy makes the Deployment one that rests as it is released best: paused, with one ReplicaSet.
func (o *objects) deploy() {
	rolling := *o.set.Rolling
	rolling.Paused, rolling.Annotated, rolling.Owned = true, false, false
	o.set.Rolling = &rolling
	o.sets = []replicaSet{{revision: o.stable, replicas: o.set.Spec.Replicas, minReady: rolling.MinReady}}
	o.set.Status.ObservedGeneration = o.set.Generation
}

// writeFields writes the fields of a Deployment, fenced by its generation.
func (c *Cluster) writeFields(a rollout.Action) error {
	f := a.Fields
	if f.Generation != c.set.Generation {
		return fmt.Errorf("%s: %s: %w", a, c.set.String(), rollout.ErrConflict)
	}
	c.writes.Partition++
	rolling := *c.set.Rolling
	rolling.Owned = a.Kind != rollout.GiveUpFields
	put(&rolling.Paused, f.Paused)
	put(&rolling.MinReady, f.MinReady)
	put(&rolling.Deadline, f.Deadline)
	put(&rolling.MaxSurge, f.MaxSurge)
	put(&rolling.MaxUnavailable, f.MaxUnavailable)
	switch {
	case f.Forget:
		rolling.Annotated, rolling.Marked, rolling.Original = false, "", nil
	case f.Original != nil:
		rolling.Annotated, rolling.Original, rolling.Marked = true, f.Original, ""
		if f.Original.Sealed {
			rolling.Marked = f.Original.Revision
		}
	}
	if f.Paused == nil { // an annotation, or who owns what, is no new generation
		c.set.Rolling = &rolling
		c.set.ResourceVersion = c.bump()
		c.poke()
		return nil
	}
	c.Edit(func(set *plan.Workload) {
		set.Rolling = &rolling
		if original := rolling.Original; original != nil {
			*set = set.WithOriginal(original)
		}
		for _, r := range c.known {
			if a.Kind == rollout.RestoreTemplate && r.Name == a.Revision {
				set.Spec.Template = r.Template
			}
		}
	})
	return nil
}

func put[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// deployment is the deployment controller at work on a cluster, and the one of ReplicaSets after it.
type deployment struct{ *Cluster }

// roll is one look of the deployment controller, and of the one of ReplicaSets after it. It tells whether there is more to do.
func (d deployment) roll() bool {
	rolling, more := d.set.Rolling, false
	if newest := d.newest(); newest != nil {
		newest.minReady, newest.marked = rolling.MinReady, rolling.Marked
	}
	switch {
	case rolling.Paused:
		d.proportion()
	default:
		more = d.grow() || d.shrink()
	}
	d.fill()
	return more
}

// newest is the ReplicaSet of the present template.
func (o *objects) newest() *replicaSet {
	i := slices.IndexFunc(o.sets, func(s replicaSet) bool { return s.revision == o.revision })
	if i < 0 {
		return nil
	}
	return &o.sets[i]
}

// wanted is how many pods all ReplicaSets are to have, and the old ones among them.
func (o *objects) wanted() (all, old int) {
	for _, s := range o.sets {
		all += s.replicas
		if s.revision != o.revision {
			old += s.replicas
		}
	}
	return all, old
}

// limits are maxSurge and maxUnavailable as the controller takes them.
func (o *objects) limits() (surge, unavailable int) {
	r := o.set.Spec.Replicas
	surge, unavailable = o.set.Rolling.MaxSurge.Up(r), min(o.set.Rolling.MaxUnavailable.Down(r), r)
	if surge == 0 && unavailable == 0 {
		unavailable = 1
	}
	return surge, unavailable
}

// available is how many pods of a ReplicaSet are, to the controller.
func (o *objects) available(s replicaSet) int {
	if s.minReady == plan.SentinelReady {
		return 0
	}
	n := 0
	for i := range o.pods {
		if p := &o.pods[i]; p.Revision == s.revision && p.Active() && p.Available(o.now, o.set.Spec.MinReady) {
			n++
		}
	}
	return n
}

func (d deployment) grow() bool {
	all, old := d.wanted()
	surge, _ := d.limits()
	r := d.set.Spec.Replicas
	more := min(r-(all-old), r+surge-all)
	if d.newest() == nil {
		d.sets = append(d.sets, replicaSet{revision: d.revision, minReady: d.set.Rolling.MinReady, marked: d.set.Rolling.Marked})
	}
	if more <= 0 {
		return false
	}
	d.newest().replicas += more
	return true
}

func (d deployment) shrink() bool {
	all, old := d.wanted()
	_, unavailable := d.limits()
	least, newest := d.set.Spec.Replicas-unavailable, d.newest()
	room := all - least - (newest.replicas - d.available(*newest))
	if old == 0 || room <= 0 {
		return false
	}
	before := old
	for i := range d.sets { // what is not available goes first
		if s := &d.sets[i]; s.revision != d.revision {
			gone := min(room, s.replicas-d.available(*s))
			s.replicas, room = s.replicas-gone, room-gone
		}
	}
	spare := -least
	for _, s := range d.sets {
		spare += min(d.available(s), s.replicas)
	}
	for i := range d.sets {
		if s := &d.sets[i]; s.revision != d.revision && spare > 0 {
			gone := min(spare, s.replicas)
			s.replicas, spare = s.replicas-gone, spare-gone
		}
	}
	_, old = d.wanted()
	return old < before
}

// proportion is what becomes of a Deployment that is paused: one ReplicaSet has all pods, several have R+s in proportion.
func (d deployment) proportion() {
	var active []*replicaSet
	for i := range d.sets {
		if d.sets[i].replicas > 0 {
			active = append(active, &d.sets[i])
		}
	}
	surge, _ := d.limits()
	all, _ := d.wanted()
	switch target := d.set.Spec.Replicas + surge; {
	case len(active) == 0:
		d.sets[len(d.sets)-1].replicas = d.set.Spec.Replicas
	case len(active) == 1:
		active[0].replicas = d.set.Spec.Replicas
	default:
		largest := slices.MaxFunc(active, func(a, b *replicaSet) int { return cmp.Compare(a.replicas, b.replicas) })
		for _, s := range active {
			change := (target - all) * s.replicas / max(all, 1)
			s.replicas += change
		}
		now, _ := d.wanted()
		largest.replicas = max(largest.replicas+target-now, 0)
	}
}

// fill makes and takes pods until each ReplicaSet has those that it is to have.
func (d deployment) fill() {
	for _, s := range d.sets {
		pods := d.candidates(func(p *rollout.Pod) bool { return p.Revision == s.revision })
		for n := len(pods); n < s.replicas; n++ {
			name := "r" + strconv.Itoa(d.born)
			// A fresh name cannot conflict.
			_ = d.create(rollout.Action{Kind: rollout.CreatePod, Revision: s.revision, Instance: name, Pod: rollout.PodRef{Name: d.set.Name + "-" + name}})
		}
		for _, name := range pods[:max(len(pods)-s.replicas, 0)] {
			i, _ := d.find(name)
			d.delete(i)
			d.changed()
		}
	}
}

// observedSets are the ReplicaSets as a look shows them.
func (o *objects) observedSets() []rollout.ReplicaSet {
	var out []rollout.ReplicaSet
	for _, s := range o.sets {
		held := s.minReady == plan.SentinelReady
		out = append(out, rollout.ReplicaSet{
			Name: s.revision, Revision: s.revision, Replicas: s.replicas, Available: o.available(s),
			Mute: held && o.available(s) == 0, Sealed: held && s.marked == s.revision,
		})
	}
	return out
}
