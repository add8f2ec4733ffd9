// SPDX-License-Identifier: Apache-2.0

package sim_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/sim"
)

// both plays the same release with the agent and with Kruise's formula, and returns how long each took.
func both(t *testing.T, s plan.Workload, options sim.Options) (ours, kruises time.Duration) {
	t.Helper()
	bounds, err := s.Spec.Bounds()
	if err != nil {
		t.Fatal(err)
	}
	a, b := sim.New(s, nil, options), sim.New(s, nil, options)
	least, _ := watch(t, a, bounds)
	play(t, plan.BatchPlan{ProgressDeadline: 1000 * time.Hour}, a)
	if err := sim.Kruise(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if x, y := end(t, a), end(t, b); x != y {
		t.Errorf("%+v: we end with %+v, the formula with %+v", bounds, x, y)
	}
	if options.Crashes == 0 && *least < bounds.Replicas-bounds.MaxUnavailable {
		t.Errorf("%+v: only %d available", bounds, *least)
	}
	return a.Now(), b.Now()
}

func TestSameEndAsKruiseAndNeverSlower(t *testing.T) {
	// With a constant readiness time chance plays no part, so "never slower" can be asked of every single release.
	r := rand.New(rand.NewPCG(3, 3))
	for range 400 {
		s := randomSet(r)
		ours, kruises := both(t, s, sim.Options{Ready: seconds(10, 10)})
		if ours > kruises+guestsTake(s, 10*time.Second) {
			t.Errorf("R=%d P=%s S=%s U=%s %s: %v, the formula %v", s.Spec.Replicas, s.Spec.Partition, s.Spec.MaxSurge,
				s.Spec.MaxUnavailable,
				s.Spec.UpdateType, ours, kruises)
		}
	}
}

func TestNeverSlowerThanKruiseOnAverage(t *testing.T) {
	// With random readiness times luck decides a single release; the mean of a few does not depend on it.
	r := rand.New(rand.NewPCG(9, 9))
	var all, allKruise time.Duration
	for range 150 {
		s := randomSet(r)
		var ours, kruises time.Duration
		for seed := range uint64(5) {
			a, b := both(t, s, sim.Options{Seed: seed, Ready: seconds(5, 30)})
			ours, kruises = ours+a, kruises+b+guestsTake(s, 30*time.Second)
		}
		if ours > kruises {
			t.Errorf("R=%d P=%s S=%s U=%s %s: %v, the formula %v", s.Spec.Replicas, s.Spec.Partition, s.Spec.MaxSurge,
				s.Spec.MaxUnavailable,
				s.Spec.UpdateType, ours/5, kruises/5)
		}
		all, allKruise = all+ours, allKruise+kruises
	}
	t.Logf("altogether %.2f of the formula's time", float64(all)/float64(allKruise))
}

// guestsTake is what a release in place may take longer than the formula, which lets surge pods stay and deletes pods that
// were there before: once, until the guests are ready.
func guestsTake(s plan.Workload, ready time.Duration) time.Duration {
	if s.Spec.UpdateType == plan.ReCreate || s.Spec.MaxSurge == plan.Pods(0) {
		return 0
	}
	return ready
}

func randomSet(r *rand.Rand) plan.Workload {
	for {
		kind := plan.ReCreate
		if r.IntN(2) == 0 {
			kind = plan.InPlaceIfPossible
		}
		n := 1 + r.IntN(40)
		s := set(n, plan.Pods(r.IntN(10)), plan.Pods(r.IntN(10)), plan.Pods(r.IntN(n+1)), kind)
		if _, err := s.Spec.Bounds(); err == nil {
			return s
		}
	}
}

func TestTailDoesNotSlowDown(t *testing.T) {
	for _, c := range []struct {
		name            string
		replicas, surge int
		most            float64 // of the formula's time
	}{
		{"the release of 198 pods with 50 surge (kruise#1442)", 198, 50, 0.6},
		{"eight pods with three surge (kruise#1741)", 8, 3, 0.8},
		{"fifty pods with ten surge (kruise#2491)", 50, 10, 0.75},
	} {
		t.Run(c.name, func(t *testing.T) {
			var ours, kruises time.Duration
			for seed := range uint64(5) {
				s := set(c.replicas, plan.Pods(c.surge), plan.Pods(0), plan.Pods(0), plan.ReCreate)
				a, b := both(t, s, sim.Options{Seed: seed, Ready: seconds(5, 30)})
				ours, kruises = ours+a, kruises+b
			}
			ratio := float64(ours) / float64(kruises)
			t.Logf("mean of 5 seeds: %v against %v, %.2f", ours/5, kruises/5, ratio)
			if ratio > c.most {
				t.Errorf("takes %.2f of the formula's time, want at most %.2f", ratio, c.most)
			}
		})
	}
}
