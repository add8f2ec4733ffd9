// SPDX-License-Identifier: Apache-2.0

package sim_test

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/sim"
)

// anyRelease draws a CloneSet of up to 200 pods, a plan for it, and a cluster that misbehaves.
func anyRelease(t *rapid.T) (plan.Workload, plan.BatchPlan, sim.Options) {
	n := rapid.IntRange(0, 200).Draw(t, "replicas")
	surge, unavailable := anyQuantity(t, "maxSurge", n), anyQuantity(t, "maxUnavailable", n)
	kind := rapid.SampledFrom([]plan.UpdateType{plan.ReCreate, plan.InPlaceIfPossible}).Draw(t, "type")
	s := set(n, surge, unavailable, anyQuantity(t, "partition", n), kind)
	s.Spec.MinReady = time.Duration(rapid.IntRange(0, 20).Draw(t, "minReadySeconds")) * time.Second
	s.Spec.GracePeriod = time.Duration(rapid.IntRange(0, 5).Draw(t, "grace")) * time.Second
	if _, err := s.Spec.Bounds(); err != nil {
		s.Spec.MaxUnavailable = plan.Pods(1)
	}
	p := plan.BatchPlan{ProgressDeadline: 1000 * time.Hour}
	at := 0
	for range rapid.IntRange(0, 3).Draw(t, "batches") {
		at = rapid.IntRange(at, n).Draw(t, "batch")
		p.Batches = append(p.Batches, plan.Batch{
			Replicas: plan.Pods(at),
			Pause: plan.Pause{
				Duration:      time.Duration(rapid.IntRange(0, 60).Draw(t, "pause")) * time.Second,
				UntilApproved: rapid.Bool().Draw(t, "approval"),
			},
		})
	}
	o := sim.Options{
		Seed: rapid.Uint64().Draw(t, "seed"), Ready: seconds(0, rapid.IntRange(0, 30).Draw(t, "ready")),
		Terminating: 2 * time.Second, Horizon: 3 * time.Minute, Crashes: rapid.IntRange(0, 10).Draw(t, "crashes"),
		Evictions: rapid.IntRange(0, 10).Draw(t, "evictions"), Stuck: rapid.IntRange(0, 3).Draw(t, "stuck"),
		KillEveryWrite: rapid.Bool().Draw(t, "kill"), LoseWrites: rapid.Float64Range(0, 0.3).Draw(t, "lose"),
		RepeatWrites: rapid.Float64Range(0, 0.3).Draw(t, "repeat"),
	}
	if rapid.Bool().Draw(t, "looks are stale") {
		// An observation that does not show a crash yet cannot heed it, whoever looks; so these two do not go together.
		o.StaleReads, o.Crashes, o.Evictions = 0.3, 0, 0
	}
	return s, p, o
}

func anyQuantity(t *rapid.T, name string, most int) plan.Quantity {
	if rapid.Bool().Draw(t, name+" is percent") {
		return plan.Percent(rapid.IntRange(0, 100).Draw(t, name))
	}
	return plan.Pods(rapid.IntRange(0, most).Draw(t, name))
}

func TestAnyReleaseEndsAndKeepsItsBudget(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s, p, options := anyRelease(r)
		bounds, err := s.Spec.Bounds()
		if err != nil {
			r.Fatal(err)
		}
		if len(p.Batches) > 0 {
			bounds.Partition = s.Spec.Replicas - p.Batches[len(p.Batches)-1].Replicas.Up(0)
		}
		c := sim.New(s, nil, options)
		gone := guard(r, c, bounds)
		d, err := sim.Play(t.Context(), p, c, func(o rollout.Observed, d rollout.Decision) {
			if !reflect.DeepEqual(d, rollout.Decide(p, o)) {
				r.Errorf("a second decision on the same observation differs from %+v", d)
			}
		})
		if err != nil || d.Reason != plan.Completed {
			r.Fatalf("ends with %s %s, %v", d.Reason, d.Message, err)
		}
		staysInPlace(r, c, s, gone)
		if n := end(t, c); n.Total != bounds.Replicas || n.Old() != bounds.Partition {
			r.Errorf("ends with %+v, want %d old of %d", n, bounds.Partition, bounds.Replicas)
		}
	})
}

func TestAnyFailedReleaseGoesBackAndKeepsItsBudget(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s, p, options := anyRelease(r)
		if s.Spec.Replicas == 0 {
			return
		}
		p.Batches = append(p.Batches, plan.Batch{Replicas: plan.Percent(100), Checks: []string{"errors"}})
		p.Checks = []plan.Check{{Name: "errors"}}
		p.OnFailure = rapid.SampledFrom([]plan.OnFailure{plan.Rollback, plan.RollbackInBatches}).Draw(r, "onFailure")
		options.Checks = func(string, int) (bool, string) { return false, "too many errors" }
		bounds, err := s.Spec.Bounds()
		if err != nil {
			r.Fatal(err)
		}
		bounds.Partition = 0
		c := sim.New(s, nil, options)
		gone := guard(r, c, bounds)
		d, err := sim.Play(t.Context(), p, c, nil)
		if err != nil || d.Reason != plan.RolledBack {
			r.Fatalf("ends with %s %s, %v", d.Reason, d.Message, err)
		}
		staysInPlace(r, c, s, gone)
		if n := end(t, c); n.Total != bounds.Replicas || n.Updated != 0 {
			r.Errorf("ends with %+v, want %d old pods", n, bounds.Replicas)
		}
	})
}
