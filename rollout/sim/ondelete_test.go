// SPDX-License-Identifier: Apache-2.0

package sim_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/sim"
)

// onDelete is a target with updateStrategy OnDelete and so many pods.
func onDelete(t *testing.T, kind, policy string, replicas int) plan.Workload {
	t.Helper()
	set, err := plan.ParseWorkload("demo.yaml", fmt.Appendf(nil, `
apiVersion: apps/v1
kind: %s
metadata: {name: demo}
spec:
  replicas: %d
  podManagementPolicy: %s
  selector: {matchLabels: {app: demo}}
  updateStrategy: {type: OnDelete}
  template:
    metadata: {labels: {app: demo}}
    spec: {containers: [{name: app, image: "app:v2"}]}
`, kind, replicas, policy), plan.Target{Kind: kind})
	if err != nil {
		t.Fatal(err)
	}
	set.Spec.Replicas = replicas
	return set
}

// forms are the kinds that differ in how their controllers make pods.
func forms() [][2]string {
	return [][2]string{{"StatefulSet", "OrderedReady"}, {"StatefulSet", "Parallel"}, {"DaemonSet", ""}}
}

// TestOnDeleteRests plays a release in delete mode, also with an agent that dies after each write.
func TestOnDeleteRests(t *testing.T) {
	for _, form := range forms() {
		for _, kill := range []bool{false, true} {
			options := sim.Options{
				Ready: sim.Ready{Least: time.Second}, Controller: &sim.Controller{Delay: time.Second},
				KillEveryWrite: kill,
			}
			p := inBatches(plan.Pods(1), plan.Percent(20), plan.Percent(100))
			p.Mode, p.MaxUnavailable = plan.Delete, plan.Percent(30)
			d, rests := rested(t, p, sim.New(onDelete(t, form[0], form[1], 10), nil, options))
			if diff := cmp.Diff([]string{"10 1 1 10 10", "10 2 2 10 10", "10 10 10 10 10"}, rests); diff != "" ||
				d.Reason != plan.Completed {
				t.Errorf("%v, killed %v: ended with %s: %s, rests (-want +got):\n%s", form, kill, d.Reason, d.Message, diff)
			}
		}
	}
}

// TestOnDeleteKeepsItsBudget plays releases of any shape, forwards, into a failure and back, with pods that crash and are
// evicted. What goes wrong by itself is not the release's doing.
func TestOnDeleteKeepsItsBudget(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 9))
		r := 1 + random.IntN(12)
		u := 1 + random.IntN(min(r, 4))
		form := forms()[random.IntN(3)]
		p := inBatches(plan.Percent(1+random.IntN(99)), plan.Percent(100))
		p.Mode, p.MaxUnavailable, p.Unblock = plan.Delete, plan.Pods(u), form[0] == "StatefulSet"
		options := sim.Options{
			Seed: seed, Ready: sim.Ready{Least: time.Second, Most: 20 * time.Second}, Terminating: 3 * time.Second,
			Controller: &sim.Controller{Delay: time.Second}, KillEveryWrite: seed%3 == 0, Broken: seed%4 == 1,
			LoseResponses: 0.1 * float64(seed%2),
		}
		want, troubles := plan.Completed, 0
		if options.Broken {
			p.OnFailure, want = plan.Rollback, plan.RolledBack
		} else if seed%4 == 2 {
			options.Crashes, options.Evictions, options.Horizon = 1, 1, time.Minute
			troubles = 2
		}
		c := sim.New(onDelete(t, form[0], form[1], r), nil, options)
		c.OnChange(func(o rollout.Observed) {
			if n := o.Counts(); n.Total > r || n.Ready < r-u-troubles {
				t.Fatalf("seed %d: %v R=%d U=%d: %+v", seed, form, r, u, n)
			}
		})
		if d, _ := rested(t, p, c); d.Reason != want {
			t.Fatalf("seed %d: %v R=%d U=%d: ended with %s: %s", seed, form, r, u, d.Reason, d.Message)
		}
	}
}
