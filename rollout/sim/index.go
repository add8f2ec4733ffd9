// SPDX-License-Identifier: Apache-2.0

package sim

import "github.com/slipway-dev/slipway/rollout"

// index is where pods are, by name. A map of a million names is a tenth of all memory, and is walked by each garbage collection;
// one of their hashes is a third of that and is not walked.
type index struct {
	places map[uint32]int32 // by hash
	others map[string]int32 // of names whose hash an earlier one has
}

func newIndex(room int) index {
	return index{make(map[uint32]int32, room), map[string]int32{}}
}

// hash is FNV-1a.
func hash(name string) uint32 {
	h := uint32(2166136261)
	for i := range len(name) {
		h = (h ^ uint32(name[i])) * 16777619
	}
	return h
}

// find is the place of a name among the pods.
func (x *index) find(pods []rollout.Pod, name string) (int, bool) {
	if i, ok := x.places[hash(name)]; ok && pods[i].Name == name {
		return int(i), true
	}
	i, ok := x.others[name]
	return int(i), ok
}

// put notes the place of a name, which is new or has moved.
func (x *index) put(pods []rollout.Pod, name string, place int) {
	h := hash(name)
	if i, taken := x.places[h]; taken && pods[i].Name != name {
		x.others[name] = int32(place)
		return
	}
	x.places[h] = int32(place)
	delete(x.others, name)
}

// drop forgets a name, which is still among the pods.
func (x *index) drop(pods []rollout.Pod, name string) {
	if i, ok := x.places[hash(name)]; ok && pods[i].Name == name {
		delete(x.places, hash(name))
		return
	}
	delete(x.others, name)
}
