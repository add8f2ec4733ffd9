// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// ordered returns the first n of the given old pods in the order in which they are replaced: deletion order, then
// the priority strategy, then scattered. Pods that scaling in removes without a successor go in deletion order.
func (s *stepper) ordered(pods []int32, n int) []int32 {
	spec := &s.observed.Workload.Spec
	prioritised := len(spec.Priority.Weights)+len(spec.Priority.Keys) > 0
	if s.scalesIn() || (!prioritised && len(spec.Scatter) == 0) {
		return s.ranked(pods, n)
	}
	pods = s.ranked(pods, len(pods))
	if prioritised {
		s.prioritise(pods)
	}
	for _, term := range spec.Scatter {
		pods = s.scatter(pods, term)
	}
	return pods[:min(n, len(pods))]
}

// scalesIn tells whether the old pods that go now have no successor: nothing is to be updated, or the updated pods are
// complete and there are more pods than even the surge allows.
func (s *stepper) scalesIn() bool {
	b := s.bounds
	return s.low.new >= b.Wanted() && (b.Wanted() == 0 || s.low.kept > b.Replicas+b.MaxSurge)
}

func (s *stepper) prioritise(pods []int32) {
	priority := &s.observed.Workload.Spec.Priority
	weights := make([]int, len(s.observed.Pods))
	for _, i := range pods {
		weights[i] = weightOf(priority, s.observed.Pods[i].Labels)
	}
	slices.SortStableFunc(pods, func(a, b int32) int {
		if len(priority.Keys) > 0 {
			return compareKeys(priority, s.observed.Pods[a].Labels, s.observed.Pods[b].Labels)
		}
		return weights[b] - weights[a]
	})
}

func weightOf(p *plan.Priority, labels map[string]string) int {
	sum := 0
	for _, t := range p.Weights {
		if t.Selector.Matches(labels) {
			sum += t.Weight
		}
	}
	return sum
}

// compareKeys puts the larger trailing number of the first differing key first; a pod without the label or without a
// number goes last.
func compareKeys(p *plan.Priority, a, b map[string]string) int {
	for _, key := range p.Keys {
		if x, y := trailingNumber(a[key]), trailingNumber(b[key]); x != y {
			return y - x
		}
	}
	return 0
}

func trailingNumber(s string) int {
	n, err := strconv.Atoi(s[len(strings.TrimRight(s, "0123456789")):])
	if err != nil {
		return -1
	}
	return n
}

// scatter spreads the pods that match a term evenly over the whole release, the pods already updated included: they
// say how far the release has come, so each look continues the same even row instead of beginning a new one.
func (s *stepper) scatter(pods []int32, term plan.ScatterTerm) []int32 {
	matches := func(i int) bool { return s.observed.Pods[i].Labels[term.Key] == term.Value }
	all, matched, done, matchedDone := 0, 0, 0, 0
	for i, c := range s.tally.classes {
		if !c.has(classActive) || c.has(classGuest) {
			continue
		}
		all++
		matched += one(matches(i))
		done += one(c.has(classNew))
		matchedDone += one(c.has(classNew) && matches(i))
	}
	var in, out []int32
	for _, i := range pods {
		if matches(int(i)) {
			in = append(in, i)
		} else {
			out = append(out, i)
		}
	}
	spread := make([]int32, 0, len(pods))
	for place := done; len(in)+len(out) > 0; place++ {
		due := len(in) > 0 && matchedDone*all <= place*matched
		if due || len(out) == 0 {
			spread, in = append(spread, in[0]), in[1:]
			matchedDone++
		} else {
			spread, out = append(spread, out[0]), out[1:]
		}
	}
	return spread
}
