// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// podOrder puts pods in the orders in which they are deleted or updated. Pods are meant by their index.
type podOrder struct {
	observed *Observed
	classes  podClasses
}

// byName are pods in the order of their names.
func (o podOrder) byName(pods []int32) []int32 {
	slices.SortFunc(pods, func(a, b int32) int { return strings.Compare(o.observed.Pods[a].Name, o.observed.Pods[b].Name) })
	return pods
}

// rankKey orders pods by how little it costs to lose them; the smaller goes first. The parts are packed into three
// numbers because a comparison of two keys is the innermost step of a decision over many thousand pods.
type rankKey struct {
	state uint64 // unassigned, phase, availability, readiness, then deletion cost
	place uint64 // more pods in the same domain first, then ready for a shorter time
	past  uint64 // more restarts first, then newer
	index int32
}

// deletion returns the first n of the given pods in deletion order: without a node, Pending before Unknown before
// Running, unavailable, not ready, lower pod-deletion-cost, in a more crowded topology domain, ready for a shorter
// time, more restarts, newer, and at last by name.
func (o podOrder) deletion(pods []int32, n int) []int32 {
	if len(pods) < 2 {
		return pods
	}
	crowd := o.crowd()
	keys := make([]rankKey, len(pods))
	for k, i := range pods {
		keys[k] = o.key(i, crowd)
	}
	compare := func(a, b rankKey) int {
		if c := a.compare(b); c != 0 {
			return c
		}
		return strings.Compare(o.observed.Pods[a.index].Name, o.observed.Pods[b.index].Name)
	}
	slices.SortFunc(keys, compare)
	for k := range keys {
		pods[k] = keys[k].index
	}
	return pods[:min(n, len(pods))]
}

func (a rankKey) compare(b rankKey) int {
	switch {
	case a.state != b.state:
		return cmp.Compare(a.state, b.state)
	case a.place != b.place:
		return cmp.Compare(a.place, b.place)
	default:
		return cmp.Compare(a.past, b.past)
	}
}

func (o podOrder) key(i int32, crowd map[string]int) rankKey {
	p := &o.observed.Pods[i]
	state := uint64(one(p.Node != ""))<<40 | phaseRank(p.Phase)<<38 |
		uint64(one(o.classes[i].has(classAvailable)))<<37 | uint64(one(p.Ready))<<36
	// The cost is a signed 32-bit number; shifting it keeps its order without a sign.
	state |= uint64(int64(max(min(p.DeletionCost, 1<<31-1), -1<<31)) + 1<<31)
	k := rankKey{state: state, place: most(crowd[p.domain()]), past: most(p.Restarts) | o.since(p.Created), index: i}
	if p.Ready {
		k.place |= o.since(p.ReadySince)
	}
	return k
}

// sinceBits is how much of a packed number a time takes: seconds for thousands of years.
const sinceBits = 40

// since is how many seconds ago something was.
func (o podOrder) since(t time.Time) uint64 {
	return uint64(max(min(o.observed.Now.Unix()-t.Unix(), 1<<sinceBits-1), 0))
}

// most makes the larger number the smaller one, in the bits above a time.
func most(n int) uint64 {
	const limit = 1<<(64-sinceBits) - 1
	return uint64(limit-min(n, limit)) << sinceBits
}

func phaseRank(p PodPhase) uint64 {
	switch p {
	case PodPending:
		return 0
	case PodUnknown:
		return 1
	default:
		return 2
	}
}

func (p *Pod) domain() string {
	if p.Domain != "" {
		return p.Domain
	}
	return p.Node
}

// crowd counts active pods by topology domain.
func (o podOrder) crowd() map[string]int {
	crowd := map[string]int{}
	for i := range o.observed.Pods {
		if d := o.observed.Pods[i].domain(); d != "" && o.classes[i].has(classActive) {
			crowd[d]++
		}
	}
	return crowd
}
