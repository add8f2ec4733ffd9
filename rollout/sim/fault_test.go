// SPDX-License-Identifier: Apache-2.0

package sim_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/sim"
)

// faults are the ways in which a cluster and an agent's surroundings misbehave.
func faults() map[string]sim.Options {
	crash := sim.Options{Crashes: 6, Evictions: 4, Horizon: 2 * time.Minute}
	all := sim.Options{
		Crashes: 6, Evictions: 4, Horizon: 2 * time.Minute, LoseWrites: 0.2, LoseResponses: 0.2, RepeatWrites: 0.3,
		Stuck: 3,
	}
	return map[string]sim.Options{
		"nothing":           {},
		"killed each write": {KillEveryWrite: true},
		"lost writes":       {LoseWrites: 0.4},
		"lost responses":    {LoseResponses: 0.4},
		"repeated writes":   {RepeatWrites: 0.8},
		"stale reads":       {StaleReads: 0.7},
		"stuck termination": {Stuck: 5},
		"crashes":           crash,
		"everything":        all,
	}
}

// complainer is a test, of the testing package or of rapid.
type complainer interface {
	Helper()
	Errorf(format string, args ...any)
}

// guard fails the test when a write, and not a crash, takes availability or old pods below their bounds.
// In place no pod that was there before and does not fail may go, and what guard returns names those that went.
func guard(t complainer, c *sim.Cluster, b plan.Bounds) (gone func(rollout.Observed) []string) {
	t.Helper()
	var before rollout.Counts
	writes := 0
	first, _ := c.Observe(context.Background())
	there := map[string]bool{} // by UID
	for _, p := range first.Pods {
		there[p.UID] = true
	}
	gone = func(o rollout.Observed) []string {
		left := maps.Clone(there)
		for _, p := range o.Pods {
			delete(left, p.UID)
		}
		return slices.Sorted(maps.Keys(left))
	}
	c.OnChange(func(o rollout.Observed) {
		n := o.Counts()
		for i := range o.Pods {
			if o.Pods[i].Phase == rollout.PodFailed {
				delete(there, o.Pods[i].UID)
			}
		}
		wrote := c.Writes().Pods() > writes
		writes = c.Writes().Pods()
		switch {
		case n.Total > b.Replicas+b.MaxSurge:
			t.Errorf("%v: I1: %d pods", c.Now(), n.Total)
		case wrote && n.Available < before.Available && n.Available < b.Replicas-b.MaxUnavailable:
			t.Errorf("%v: I2: a write left %d available", c.Now(), n.Available)
		case wrote && n.Old() < before.Old() && n.Old() < b.Partition:
			t.Errorf("%v: I3: a write left %d old pods", c.Now(), n.Old())
		case wrote && n.Total < before.Total && n.Total < b.Replicas-b.MaxUnavailable:
			t.Errorf("%v: I4: a write left %d pods", c.Now(), n.Total)
		}
		before = n
	})
	return gone
}

// staysInPlace fails the test where a release in place has cost a pod that did not fail.
func staysInPlace(t complainer, c *sim.Cluster, s plan.Workload, gone func(rollout.Observed) []string) {
	t.Helper()
	o, _ := c.Observe(context.Background())
	if names := gone(o); s.Spec.UpdateType != plan.ReCreate && len(names) > 0 {
		t.Errorf("I9: these pods did not fail and are gone: %v", names)
	}
	for i := range o.Pods {
		if o.Pods[i].Guest && o.Pods[i].Active() {
			t.Errorf("I9: guest %s is left", o.Pods[i].Name)
		}
	}
}

func TestFaultsNeitherBreakTheBudgetNorChangeTheEnd(t *testing.T) {
	for name, options := range faults() {
		for _, kind := range []plan.UpdateType{plan.ReCreate, plan.InPlaceIfPossible} {
			t.Run(fmt.Sprintf("%s/%s", name, kind), func(t *testing.T) {
				for seed := range uint64(50) {
					options.Seed, options.Ready, options.Terminating = seed, seconds(5, 30), 3*time.Second
					s := set(20, plan.Percent(20), plan.Pods(int(seed%3)), plan.Pods(int(seed%7)), kind)
					b, err := s.Spec.Bounds()
					if err != nil {
						t.Fatal(err)
					}
					c := sim.New(s, nil, options)
					gone := guard(t, c, b)
					plan := plan.BatchPlan{ProgressDeadline: 24 * time.Hour}
					play(t, plan, c)
					staysInPlace(t, c, s, gone)
					n := end(t, c)
					if n.Total != 20 || n.Old() != b.Partition {
						t.Errorf("seed %d: ends with %+v, want %d old pods of 20", seed, n, b.Partition)
					}
				}
			})
		}
	}
}

func TestAKilledAgentMakesNoMoreWritesThanAnUninterruptedOne(t *testing.T) {
	for _, kind := range []plan.UpdateType{plan.ReCreate, plan.InPlaceIfPossible} {
		s := set(10, plan.Pods(2), plan.Pods(1), plan.Pods(3), kind)
		calm := sim.New(s, nil, sim.Options{Ready: seconds(5, 5)})
		play(t, plan.BatchPlan{}, calm)
		killed := sim.New(s, nil, sim.Options{Ready: seconds(5, 5), KillEveryWrite: true})
		play(t, plan.BatchPlan{}, killed)
		if a, b := calm.Writes().Pods(), killed.Writes().Pods(); b > a {
			t.Errorf("%s: %d writes when killed after each, %d when not", kind, b, a)
		}
	}
}

func TestWritesPerUpdatedPod(t *testing.T) {
	for _, c := range []struct {
		kind plan.UpdateType
		most float64
	}{{plan.ReCreate, 2}, {plan.InPlaceIfPossible, 3}} {
		s := set(1000, plan.Pods(0), plan.Percent(20), plan.Pods(0), c.kind)
		cluster := sim.New(s, nil, sim.Options{Ready: seconds(5, 30)})
		play(t, plan.BatchPlan{}, cluster)
		per := float64(cluster.Writes().Pods()) / 1000
		t.Logf("%s: %.2f writes per updated pod, %d of progress", c.kind, per, cluster.Writes().Progress)
		if per > c.most {
			t.Errorf("%s: %.2f writes per updated pod, want at most %g", c.kind, per, c.most)
		}
	}
}
