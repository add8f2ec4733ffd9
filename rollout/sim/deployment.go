// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"cmp"
	"fmt"
	"math"
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
	counts   int    // the same, as its status counts by now
	marked   string // revision that its annotation says is sealed
	wanted   int    // replicas of the Deployment when its size was written last
	most     int    // these and maxSurge
}

// deploy makes the Deployment one that rests as it is released best: paused, with one ReplicaSet.
func (o *objects) deploy() {
	rolling := *o.set.Rolling
	rolling.Paused, rolling.Annotated, rolling.Owned = true, false, false
	o.set.Rolling = &rolling
	o.sets = []replicaSet{{revision: o.stable, minReady: rolling.MinReady, counts: rolling.MinReady}}
	o.resize(&o.sets[0], o.set.Spec.Replicas)
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

// roll is one turn of the deployment controller, and of the one of ReplicaSets after it. It tells whether there is more to do.
func (d deployment) roll() bool {
	rolling, more := d.set.Rolling, false
	for i := range d.sets {
		d.sets[i].counts = d.sets[i].minReady
	}
	if newest := d.newest(); newest != nil {
		newest.minReady, newest.marked = rolling.MinReady, rolling.Marked
		more = newest.counts != newest.minReady // what it acts on now is the status from before
	}
	if rolling.Paused || d.scaled() {
		more = d.scale() || more
	} else {
		more = d.grow() || d.shrink() || more
	}
	d.fill()
	return more
}

// resize writes the size of a ReplicaSet, and what it was written for.
func (o *objects) resize(s *replicaSet, replicas int) {
	surge, _ := o.limits()
	s.replicas, s.wanted, s.most = replicas, o.set.Spec.Replicas, o.set.Spec.Replicas+surge
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
	surge, unavailable = o.set.Rolling.MaxSurge.Up(r), o.set.Rolling.MaxUnavailable.Down(r)
	if surge == 0 && unavailable == 0 {
		unavailable = 1
	}
	return surge, min(unavailable, r)
}

// available is how many pods of a ReplicaSet are, to the controller.
func (o *objects) available(s replicaSet) int {
	if s.counts == plan.SentinelReady {
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
	if all-old > r {
		more = r - (all - old)
	}
	if d.newest() == nil {
		d.sets = append(d.sets, replicaSet{
			revision: d.revision, minReady: d.set.Rolling.MinReady, counts: d.set.Rolling.MinReady, marked: d.set.Rolling.Marked,
		})
		d.resize(d.newest(), 0)
	}
	newest := d.newest()
	if more == 0 || more < 0 && newest.replicas <= r {
		return false
	}
	d.resize(newest, newest.replicas+more)
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
			gone := max(min(room, s.replicas-d.available(*s)), 0)
			d.take(s, gone)
			room -= gone
		}
	}
	spare := -least
	for _, s := range d.sets {
		spare += min(d.available(s), s.replicas)
	}
	for i := range d.sets {
		if s := &d.sets[i]; s.revision != d.revision && spare > 0 {
			gone := min(spare, s.replicas)
			d.take(s, gone)
			spare -= gone
		}
	}
	_, old = d.wanted()
	return old < before
}

// take makes a ReplicaSet smaller.
func (d deployment) take(s *replicaSet, gone int) {
	if gone > 0 {
		d.resize(s, s.replicas-gone)
	}
}

// active are the ReplicaSets that are to have pods, in the order in which they were made.
func (o *objects) active() []*replicaSet {
	var active []*replicaSet
	for i := range o.sets {
		if o.sets[i].replicas > 0 {
			active = append(active, &o.sets[i])
		}
	}
	return active
}

// scaled tells whether the Deployment was scaled since a ReplicaSet had its size.
func (d deployment) scaled() bool {
	return slices.ContainsFunc(d.active(), func(s *replicaSet) bool { return s.wanted != d.set.Spec.Replicas })
}

// scale is what becomes of a Deployment that is paused, or was scaled: one ReplicaSet has all pods, several share R+s. It tells
// whether any has changed.
func (d deployment) scale() bool {
	before := slices.Clone(d.sets)
	active, r := d.active(), d.set.Spec.Replicas
	newest := d.newest()
	switch {
	case len(active) == 0:
		if newest == nil {
			newest = &d.sets[len(d.sets)-1]
		}
		active = append(active, newest)
		fallthrough
	case len(active) == 1:
		if active[0].replicas != r {
			d.resize(active[0], r)
		}
	case newest != nil && newest.replicas == r && newest.wanted == r && d.available(*newest) == r:
		for _, s := range active {
			if s != newest {
				d.take(s, s.replicas)
			}
		}
	default:
		d.share(active)
	}
	return !slices.Equal(before, d.sets)
}

// share adds or takes what is missing to R+s by the sizes of the ReplicaSets, beginning with the largest, of equal ones with the
// newest where it adds and the oldest where it takes. The largest also has what rounding leaves.
func (d deployment) share(active []*replicaSet) {
	surge, _ := d.limits()
	missing, _ := d.wanted()
	missing = -missing
	if r := d.set.Spec.Replicas; r > 0 {
		missing += r + surge
	}
	if missing > 0 {
		slices.Reverse(active)
	}
	slices.SortStableFunc(active, func(a, b *replicaSet) int { return cmp.Compare(b.replicas, a.replicas) })
	sizes, left := make([]int, len(active)), missing
	for i, s := range active {
		part := max(d.part(s, surge), left)
		if missing > 0 {
			part = min(d.part(s, surge), left)
		}
		if left == 0 {
			part = 0
		}
		sizes[i], left = s.replicas+part, left-part
	}
	sizes[0] = max(sizes[0]+left, 0)
	for i, s := range active {
		d.resize(s, sizes[i])
	}
}

// part is what a ReplicaSet would get more, by its share in what the Deployment had at most.
func (d deployment) part(s *replicaSet, surge int) int {
	r := d.set.Spec.Replicas
	if r == 0 || s.most == 0 {
		return -s.replicas
	}
	return int(math.Round(float64(s.replicas*(r+surge))/float64(s.most))) - s.replicas
}

// fill makes and takes pods until each ReplicaSet has those that it is to have.
func (d deployment) fill() {
	for _, s := range d.sets {
		pods := d.candidates(func(p *rollout.Pod) bool { return p.Revision == s.revision })
		for n := len(pods); n < s.replicas; n++ {
			name := "r" + strconv.Itoa(d.born)
			// A fresh name cannot conflict.
			_ = d.create(rollout.Action{
				Kind: rollout.CreatePod, Revision: s.revision, Instance: name,
				Pod: rollout.PodRef{Name: d.set.Name + "-" + name},
			})
		}
		for _, name := range pods[:max(len(pods)-s.replicas, 0)] {
			i, _ := d.find(name)
			d.delete(i)
			d.changed()
		}
	}
}

// observedSets are the ReplicaSets as an observation shows them.
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
