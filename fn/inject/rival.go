// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// thing is what two sets can dispute: the name of a container or of a volume, or the key of an annotation.
type thing struct{ field, name string }

// claimant is a set that has a thing, in one of the ways that a thing can be had.
type claimant struct {
	set int
	way string // what is compared: a volume's content, a patch's policy
}

// rivals finds the earlier sets that dispute something with a set.
type rivals struct {
	claims   map[thing]*claimed
	wanted   []map[label][]string // by set
	disputes func(t thing, a, b string) bool
}

// claimed is one thing and the sets that have it, in their order.
type claimed struct {
	all    []claimant
	ways   map[string]bool
	values map[label]map[string][]claimant // by what they ask of a label
	asking map[label]int                   // how many of them ask anything of it
}

func newRivals(disputes func(t thing, a, b string) bool) *rivals {
	return &rivals{claims: map[thing]*claimed{}, disputes: disputes}
}

// add takes in the next set, with the labels that it asks for and the things that it has.
func (r *rivals) add(wanted map[label][]string, has map[thing][]string) {
	i := len(r.wanted)
	r.wanted = append(r.wanted, wanted)
	for t, ways := range has {
		c := r.claims[t]
		if c == nil {
			c = &claimed{ways: map[string]bool{}, values: map[label]map[string][]claimant{}, asking: map[label]int{}}
			r.claims[t] = c
		}
		for _, way := range ways {
			c.add(claimant{i, way}, wanted)
		}
	}
}

func (c *claimed) add(one claimant, wanted map[label][]string) {
	c.all, c.ways[one.way] = append(c.all, one), true
	for l, values := range wanted {
		if c.values[l] == nil {
			c.values[l] = map[string][]claimant{}
		}
		c.asking[l]++
		for _, v := range values {
			c.values[l][v] = append(c.values[l][v], one)
		}
	}
}

// maxRivals is how many other sets are named where they all dispute one thing with a set.
const maxRivals = 10

// of returns the places of earlier sets with which a set that has these things, and is to be added next, has a dispute and
// can meet in a pod, in their order: of each thing, one more than are named.
func (r *rivals) of(wanted map[label][]string, has map[thing][]string, meet func(i int) bool) []int {
	found := map[int]bool{} // by set, whether they can meet
	for t, ways := range has {
		c := r.claims[t]
		if c == nil || !r.disputed(t, c, ways) {
			continue
		}
		n := 0
		for _, one := range c.near(wanted, r.wanted) {
			if !slices.ContainsFunc(ways, func(way string) bool { return r.disputes(t, one.way, way) }) {
				continue
			}
			if _, asked := found[one.set]; !asked {
				found[one.set] = meet(one.set)
			}
			if found[one.set] {
				n++
			}
			if n > maxRivals {
				break
			}
		}
	}
	maps.DeleteFunc(found, func(_ int, meet bool) bool { return !meet })
	return slices.Sorted(maps.Keys(found))
}

// disputed says whether any of the ways in which sets have a thing is in dispute with one of a set's.
func (r *rivals) disputed(t thing, c *claimed, ways []string) bool {
	for way := range c.ways {
		if slices.ContainsFunc(ways, func(w string) bool { return r.disputes(t, way, w) }) {
			return true
		}
	}
	return false
}

// near lists the claimants that a set which asks for these labels could meet: it goes by the label that leaves the fewest.
func (c *claimed) near(wanted map[label][]string, all []map[label][]string) []claimant {
	best, least, by := c.all, len(c.all), label{}
	for l, values := range wanted {
		n := len(c.all) - c.asking[l]
		var some []claimant
		for _, v := range values {
			n += len(c.values[l][v])
		}
		if n >= least {
			continue
		}
		for _, v := range values {
			some = append(some, c.values[l][v]...)
		}
		best, least, by = some, n, l
	}
	if by == (label{}) {
		return best
	}
	best = slices.Clone(best)
	if c.asking[by] < len(c.all) {
		for _, one := range c.all {
			if _, asks := all[one.set][by]; !asks {
				best = append(best, one)
			}
		}
	}
	slices.SortFunc(best, func(a, b claimant) int { return a.set - b.set })
	return best
}

// disputable lists what of a set another one can dispute: volumes and annotations.
func (set *SidecarSet) disputable() map[thing][]string {
	has := map[thing][]string{}
	for _, v := range set.Spec.Volumes {
		if v.Name != "" {
			content, err := json.Marshal(volumeValue(v.Node))
			if err != nil {
				content = nil
			}
			t := thing{volumesField, v.Name}
			has[t] = append(has[t], string(content))
		}
	}
	for _, p := range set.Spec.PatchPodMetadata {
		for key, value := range p.Annotations {
			way := p.PatchPolicy
			if !mergesInto(value) {
				way += noJSON
			}
			t := thing{annotationsField, key}
			has[t] = append(has[t], way)
		}
	}
	return has
}

// containerNames lists the names that a set's containers have in pods.
func (set *SidecarSet) containerNames() map[thing][]string {
	has := map[thing][]string{}
	set.eachPodName(func(_ string, _ int, _ *Sidecar, name string) { has[thing{containersField, name}] = []string{""} })
	return has
}

// eachPodName calls f with every name that a sidecar of the set has in pods, and the sidecar's place in its list.
func (set *SidecarSet) eachPodName(f func(field string, i int, s *Sidecar, name string)) {
	for _, list := range set.sidecarLists() {
		for i := range list.sidecars {
			for _, name := range list.sidecars[i].podNames() {
				f(list.field, i, &list.sidecars[i], name)
			}
		}
	}
}

// toldCounts counts what was told of each field, so that a dispute with thousands of sets is told of the first of them.
type toldCounts map[string]int

// next counts one more and returns what is to be told of it: the message, that there are more than are named, or nothing.
func (t toldCounts) next(field, message string) (told string, ok bool) {
	switch t[field]++; {
	case t[field] <= maxRivals:
		return message, true
	case t[field] == maxRivals+1:
		return fmt.Sprintf("more SidecarSets than the %d that are named dispute this", maxRivals), true
	}
	return "", false
}

// noJSON marks a value that cannot be merged into.
const noJSON = ", no JSON"

// inDispute says whether two sets that have a thing in these ways dispute it.
func inDispute(t thing, a, b string) bool {
	switch t.field {
	case volumesField:
		return a != b || a == ""
	case annotationsField:
		p, bareP := strings.CutSuffix(a, noJSON)
		o, bareO := strings.CutSuffix(b, noJSON)
		merge := p == patchMergeJSON && bareO || o == patchMergeJSON && bareP
		return merge || PodMetadataPatch{PatchPolicy: p}.disputes(PodMetadataPatch{PatchPolicy: o})
	}
	return true
}
