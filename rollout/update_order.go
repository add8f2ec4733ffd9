// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// update returns the first n of the given old pods in the order in which they are replaced: deletion order, then
// the priority strategy, then scattered.
func (o podOrder) update(pods []int32, n int) []int32 {
	spec := &o.observed.Workload.Spec
	prioritised := len(spec.Priority.Weights)+len(spec.Priority.Keys) > 0
	if !prioritised && len(spec.Scatter) == 0 {
		return o.deletion(pods, n)
	}
	pods = o.deletion(pods, len(pods))
	if prioritised {
		o.prioritise(pods)
	}
	for _, term := range spec.Scatter {
		pods = o.scatter(pods, term)
	}
	return pods[:min(n, len(pods))]
}

func (o podOrder) prioritise(pods []int32) {
	priority := &o.observed.Workload.Spec.Priority
	weights := make([]int, len(o.observed.Pods))
	for _, i := range pods {
		weights[i] = weightOf(priority, o.observed.Pods[i].Labels)
	}
	slices.SortStableFunc(pods, func(a, b int32) int {
		if len(priority.Keys) > 0 {
			return compareKeys(priority, o.observed.Pods[a].Labels, o.observed.Pods[b].Labels)
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
// say how far the release has come, so each observation continues the same even row instead of beginning a new one.
func (o podOrder) scatter(pods []int32, term plan.ScatterTerm) []int32 {
	matches := func(i int) bool { return o.observed.Pods[i].Labels[term.Key] == term.Value }
	all, matched, done, matchedDone := 0, 0, 0, 0
	for i, c := range o.classes {
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
