// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"maps"
	"math"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Where there are thousands of sets, holding each against each workload, or against each other set, is what takes the time.
// Nearly all of them ask for values of labels that the other does not have. Those values are what the indexes here go by;
// what a lookup leaves out is certain not to match, and the rest is held against the selectors as ever.

// label is what a set asks for: a label of the pod, or of its namespace.
type label struct {
	key       string
	namespace bool
}

// wanted lists, for each label that must have one of certain values for the set to match, those values.
func (set *SidecarSet) wanted() map[label][]string {
	out := map[label][]string{}
	note := func(all []metav1.LabelSelectorRequirement, namespace bool) {
		for _, r := range all {
			l := label{r.Key, namespace}
			if _, again := out[l]; r.Operator == metav1.LabelSelectorOpIn && !again {
				out[l] = r.Values
			}
		}
	}
	note(requirements(set.Spec.Selector), false)
	spaces, _ := set.namespaceRequirements()
	note(spaces, true)
	return out
}

// setIndex finds the sets that can match a pod.
type setIndex struct {
	// byValue holds, for each label that sets are found by, the places of the sets by the values that they ask for.
	byValue map[label]map[string][]int
	rest    []int // sets without such a label
}

// newSetIndex files each set under the one of its labels whose values the fewest sets ask for. A label that a controller may
// add, and a namespace's label other than its name, can have any value as far as is known here.
func newSetIndex(sets []*SidecarSet) setIndex {
	x := setIndex{byValue: map[label]map[string][]int{}}
	wanted, asked := make([]map[label][]string, len(sets)), map[label]map[string]int{}
	for i, set := range sets {
		wanted[i] = set.wanted()
		maps.DeleteFunc(wanted[i], func(l label, _ []string) bool {
			return l.namespace && l.key != metadataNameLabel || !l.namespace && manifest.AddedByController(l.key)
		})
		for l, values := range wanted[i] {
			if asked[l] == nil {
				asked[l] = map[string]int{}
			}
			for _, v := range values {
				asked[l][v]++
			}
		}
	}
	for i := range sets {
		l, ok := rarest(wanted[i], asked)
		if !ok {
			x.rest = append(x.rest, i)
			continue
		}
		if x.byValue[l] == nil {
			x.byValue[l] = map[string][]int{}
		}
		for _, v := range wanted[i][l] {
			x.byValue[l][v] = append(x.byValue[l][v], i)
		}
	}
	return x
}

// rarest is the label whose values the fewest sets ask for.
func rarest(wanted map[label][]string, asked map[label]map[string]int) (best label, ok bool) {
	least := math.MaxInt
	for l, values := range wanted {
		n := 0
		for _, v := range values {
			n += asked[l][v]
		}
		if n < least || n == least && (best.namespace && !l.namespace || best.namespace == l.namespace && l.key < best.key) {
			best, least, ok = l, n, true
		}
	}
	return best, ok
}

// candidates lists the places of the sets that could match a pod, in their order. All others certainly do not.
func (x *setIndex) candidates(p pod) []int {
	out := slices.Clone(x.rest)
	out = append(out, x.having(label{metadataNameLabel, true}, p.namespace)...)
	all := []map[string]string{p.labels}
	for _, v := range p.variants {
		all = append(all, v.labels)
	}
	for _, labels := range all {
		if laterKey(labels) != "" {
			return x.everything()
		}
		for key, value := range labels {
			out = append(out, x.having(label{key, false}, value)...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// everything lists the places of all sets.
func (x *setIndex) everything() []int {
	out := slices.Clone(x.rest)
	for l := range x.byValue {
		out = append(out, x.having(l, parameter)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// having lists the sets that are filed under a label and accept a value of it. A value that is not known yet can be any.
func (x *setIndex) having(l label, value string) []int {
	byValue := x.byValue[l]
	if !filledInLater(value) && (value != "" || !l.namespace) {
		return byValue[value]
	}
	var out []int
	for _, places := range byValue {
		out = append(out, places...)
	}
	return out
}
