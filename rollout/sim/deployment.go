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
func (c *Cluster) deploy() {
	rolling := *c.set.Rolling
	rolling.Paused, rolling.Annotated, rolling.Owned = true, false, false
	c.set.Rolling = &rolling
	c.sets = []replicaSet{{revision: c.stable, replicas: c.set.Spec.Replicas, minReady: rolling.MinReady}}
	c.set.Status.ObservedGeneration = c.set.Generation
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

// roll is one turn of the deployment controller, and of the one of ReplicaSets after it. It tells whether there is more to do.
func (c *Cluster) roll() bool {
	rolling, more := c.set.Rolling, false
	if newest := c.newest(); newest != nil {
		newest.minReady, newest.marked = rolling.MinReady, rolling.Marked
	}
	switch {
	case rolling.Paused:
		c.proportion()
	default:
		more = c.grow() || c.shrink()
	}
	c.fill()
	return more
}

// newest is the ReplicaSet of the present template.
func (c *Cluster) newest() *replicaSet {
	i := slices.IndexFunc(c.sets, func(s replicaSet) bool { return s.revision == c.revision })
	if i < 0 {
		return nil
	}
	return &c.sets[i]
}

// wanted is how many pods all ReplicaSets are to have, and the old ones among them.
func (c *Cluster) wanted() (all, old int) {
	for _, s := range c.sets {
		all += s.replicas
		if s.revision != c.revision {
			old += s.replicas
		}
	}
	return all, old
}

// limits are maxSurge and maxUnavailable as the controller takes them.
func (c *Cluster) limits() (surge, unavailable int) {
	r := c.set.Spec.Replicas
	surge, unavailable = c.set.Rolling.MaxSurge.Up(r), min(c.set.Rolling.MaxUnavailable.Down(r), r)
	if surge == 0 && unavailable == 0 {
		unavailable = 1
	}
	return surge, unavailable
}

// available is how many pods of a ReplicaSet are, to the controller.
func (c *Cluster) available(s replicaSet) int {
	if s.minReady == plan.SentinelReady {
		return 0
	}
	n := 0
	for i := range c.pods {
		if p := &c.pods[i]; p.Revision == s.revision && p.Active() && p.Available(c.now, c.set.Spec.MinReady) {
			n++
		}
	}
	return n
}

func (c *Cluster) grow() bool {
	all, old := c.wanted()
	surge, _ := c.limits()
	r := c.set.Spec.Replicas
	more := min(r-(all-old), r+surge-all)
	if c.newest() == nil {
		c.sets = append(c.sets, replicaSet{revision: c.revision, minReady: c.set.Rolling.MinReady, marked: c.set.Rolling.Marked})
	}
	if more <= 0 {
		return false
	}
	c.newest().replicas += more
	return true
}

func (c *Cluster) shrink() bool {
	all, old := c.wanted()
	_, unavailable := c.limits()
	least, newest := c.set.Spec.Replicas-unavailable, c.newest()
	room := all - least - (newest.replicas - c.available(*newest))
	if old == 0 || room <= 0 {
		return false
	}
	before := old
	for i := range c.sets { // what is not available goes first
		if s := &c.sets[i]; s.revision != c.revision {
			gone := min(room, s.replicas-c.available(*s))
			s.replicas, room = s.replicas-gone, room-gone
		}
	}
	spare := -least
	for _, s := range c.sets {
		spare += min(c.available(s), s.replicas)
	}
	for i := range c.sets {
		if s := &c.sets[i]; s.revision != c.revision && spare > 0 {
			gone := min(spare, s.replicas)
			s.replicas, spare = s.replicas-gone, spare-gone
		}
	}
	_, old = c.wanted()
	return old < before
}

// proportion is what becomes of a Deployment that is paused: one ReplicaSet has all pods, several have R+s in proportion.
func (c *Cluster) proportion() {
	var active []*replicaSet
	for i := range c.sets {
		if c.sets[i].replicas > 0 {
			active = append(active, &c.sets[i])
		}
	}
	surge, _ := c.limits()
	all, _ := c.wanted()
	switch target := c.set.Spec.Replicas + surge; {
	case len(active) == 0:
		c.sets[len(c.sets)-1].replicas = c.set.Spec.Replicas
	case len(active) == 1:
		active[0].replicas = c.set.Spec.Replicas
	default:
		largest := slices.MaxFunc(active, func(a, b *replicaSet) int { return cmp.Compare(a.replicas, b.replicas) })
		for _, s := range active {
			change := (target - all) * s.replicas / max(all, 1)
			s.replicas += change
		}
		now, _ := c.wanted()
		largest.replicas = max(largest.replicas+target-now, 0)
	}
}

// fill makes and takes pods until each ReplicaSet has those that it is to have.
func (c *Cluster) fill() {
	for _, s := range c.sets {
		pods := kruise{c}.candidates(func(p *rollout.Pod) bool { return p.Revision == s.revision })
		for n := len(pods); n < s.replicas; n++ {
			name := "r" + strconv.Itoa(c.born)
			// A fresh name cannot conflict.
			_ = c.create(rollout.Action{Kind: rollout.CreatePod, Revision: s.revision, Instance: name, Pod: rollout.PodRef{Name: c.set.Name + "-" + name}})
		}
		for _, name := range pods[:max(len(pods)-s.replicas, 0)] {
			c.delete(c.index[name])
			c.changed()
		}
	}
}

// observedSets are the ReplicaSets as a look shows them.
func (c *Cluster) observedSets() []rollout.ReplicaSet {
	var out []rollout.ReplicaSet
	for _, s := range c.sets {
		held := s.minReady == plan.SentinelReady
		out = append(out, rollout.ReplicaSet{
			Name: s.revision, Revision: s.revision, Replicas: s.replicas, Available: c.available(s),
			Mute: held && c.available(s) == 0, Sealed: held && s.marked == s.revision,
		})
	}
	return out
}
