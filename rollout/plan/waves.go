// SPDX-License-Identifier: Apache-2.0

package plan

import "slices"

// Waves is a release of several targets in waves. Its targets are in the order in which they start: by wave, and within
// one as the plan lists them.
type Waves struct {
	Targets  []WaveTarget `json:"targets,omitempty"`
	Parallel int          `json:"parallel,omitempty"` // targets of one wave that are released side by side; at least 1
}

// WaveTarget is one target and its wave. A wave starts when every target of the waves before it is done.
type WaveTarget struct {
	Target
	Wave int `json:"wave"`
}

// TargetState is how one target of several stands.
type TargetState int

// The states. A target that ended in any way but done has failed.
const (
	TargetWaiting TargetState = iota
	TargetUnderWay
	TargetDone
	TargetFailed
)

// Next are the targets (0-based) that may start now, given how each one stands, in order. After the first failure no
// target starts any more. over tells that nothing is under way and nothing will start.
func (t Waves) Next(standing []TargetState) (start []int, over bool) {
	running, room := 0, max(t.Parallel, 1)
	for _, s := range standing {
		if s == TargetUnderWay {
			running++
		}
	}
	if slices.Contains(standing, TargetFailed) {
		return nil, running == 0
	}
	first := slices.IndexFunc(standing, func(s TargetState) bool { return s != TargetDone })
	if first < 0 {
		return nil, true
	}
	for i := first; i < len(standing) && t.Targets[i].Wave == t.Targets[first].Wave && running+len(start) < room; i++ {
		if standing[i] == TargetWaiting {
			start = append(start, i)
		}
	}
	return start, false
}

// Before is how many targets, from the first on, must be done before the given one (0-based) may start.
func (t Waves) Before(i int) int {
	return slices.IndexFunc(t.Targets, func(o WaveTarget) bool { return o.Wave == t.Targets[i].Wave })
}

// Single are the plans of the targets, one each, in their order. A plan with one target is its own.
func (p BatchPlan) Single() []BatchPlan {
	if len(p.Waves.Targets) == 0 {
		return []BatchPlan{p}
	}
	plans := make([]BatchPlan, len(p.Waves.Targets))
	for i, t := range p.Waves.Targets {
		plans[i] = p
		plans[i].Target, plans[i].Waves = t.Target, Waves{}
	}
	return plans
}

// For is the plan of one target of several. A plan with one target, and one that does not have this target, is its own.
func (p BatchPlan) For(set Workload) BatchPlan {
	for _, single := range p.Single() {
		if t := single.Target; t.Kind == set.KindName() && t.Name == set.Name && sameGroup(t.APIVersion, set.APIVersion) {
			return single
		}
	}
	return p
}

// targets are all targets of the plan.
func targets(p BatchPlan) []Target {
	plans := p.Single()
	targets := make([]Target, len(plans))
	for i, single := range plans {
		targets[i] = single.Target
	}
	return targets
}
