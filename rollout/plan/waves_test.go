// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// everyWaves calls f with all waves of up to four targets in up to three waves.
func everyWaves(f func(plan.Waves)) {
	for n := 1; n <= 4; n++ {
		var waves func(w plan.Waves)
		waves = func(w plan.Waves) {
			if len(w.Targets) == n {
				for w.Parallel = 1; w.Parallel <= 3; w.Parallel++ {
					f(w)
				}
				return
			}
			least := 0
			if len(w.Targets) > 0 {
				least = w.Targets[len(w.Targets)-1].Wave
			}
			for wave := least; wave <= 2; wave++ {
				next := w
				next.Targets = append(slices.Clone(w.Targets), plan.WaveTarget{Wave: wave})
				waves(next)
			}
		}
		waves(plan.Waves{})
	}
}

// TestWaves plays every order in which targets can end, well or badly.
func TestWaves(t *testing.T) {
	all, states := 0, 0
	everyWaves(func(w plan.Waves) {
		all++
		seen := map[string]bool{}
		var play func(standing []plan.TargetState)
		play = func(standing []plan.TargetState) {
			if key := fmt.Sprint(standing); seen[key] {
				return
			} else {
				seen[key] = true
			}
			states++
			start, over := w.Next(standing)
			name := fmt.Sprintf("%+v at %v", w, standing)
			failed, running := slices.Contains(standing, plan.TargetFailed), 0
			for i, s := range standing {
				if s != plan.TargetUnderWay {
					continue
				}
				running++
				for j := range w.Before(i) {
					if standing[j] != plan.TargetDone {
						t.Fatalf("%s: %d is under way before %d is done", name, i, j)
					}
				}
			}
			switch {
			case running > w.Parallel:
				t.Fatalf("%s: %d are under way", name, running)
			case failed && len(start) > 0:
				t.Fatalf("%s: starts %v after a failure", name, start)
			case over && running > 0, over && len(start) > 0:
				t.Fatalf("%s: is not over", name)
			case !over && running == 0 && len(start) == 0:
				t.Fatalf("%s: stands still", name)
			case over && !failed && slices.ContainsFunc(standing, func(s plan.TargetState) bool { return s != plan.TargetDone }):
				t.Fatalf("%s: is over before the last target", name)
			}
			next := slices.Clone(standing)
			for _, i := range start {
				next[i] = plan.TargetUnderWay
			}
			for i := range next {
				if next[i] == plan.TargetUnderWay {
					for _, end := range []plan.TargetState{plan.TargetDone, plan.TargetFailed} {
						after := slices.Clone(next)
						after[i] = end
						play(after)
					}
				}
			}
		}
		play(make([]plan.TargetState, len(w.Targets)))
	})
	t.Logf("%d all, %d states", all, states)
}

const trainPlan = `apiVersion: slipway.dev/v1alpha1
kind: BatchPlan
metadata: {name: fleet}
spec:
  targets:
  - {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: b, wave: 1}
  - {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: canary}
  - {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: c, wave: 1}
  parallel: 2
  batches: [{replicas: 100%}]
`

func TestParseTrain(t *testing.T) {
	batchPlan, err := plan.ParsePlan("in.yaml", []byte(trainPlan))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range batchPlan.Single() {
		names = append(names, p.Target.Name)
		if len(p.Waves.Targets) > 0 || len(p.Batches) != 1 {
			t.Errorf("plan of %s is %+v", p.Target.Name, p)
		}
	}
	if diff := cmp.Diff([]string{"canary", "b", "c"}, names); diff != "" || batchPlan.Waves.Parallel != 2 {
		t.Errorf("parallel %d, order\n%s", batchPlan.Waves.Parallel, diff)
	}
	for _, c := range []struct{ from, to, want string }{
		{"name: c,", "name: b,", "in.yaml:8: spec.targets[2].name: CloneSet b is listed above: a target is released once"},
		{
			"  targets:", "  target: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: x}\n  targets:",
			"in.yaml:5: spec.target: and targets exclude each other",
		},
		{"parallel: 2", "parallel: 0", "in.yaml:9: spec.parallel: must be between 1 and 1000, not 0"},
		{"wave: 1}", "wave: x}", `in.yaml:6: spec.targets[0].wave: is the string "x", must be a whole number`},
		{"wave: 1}", "wve: 1}", "in.yaml:6: spec.targets[0].wve: unknown field"},
	} {
		_, err := plan.ParsePlan("in.yaml", []byte(strings.Replace(trainPlan, c.from, c.to, 1)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.to, err, c.want)
		}
	}
}
