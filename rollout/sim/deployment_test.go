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

// web is a Deployment of so many replicas.
func web(t *testing.T, replicas, surge, unavailable int) plan.Workload {
	t.Helper()
	set, err := plan.ParseWorkload("web.yaml", fmt.Appendf(nil, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: %d
  selector: {matchLabels: {app: web}}
  strategy: {rollingUpdate: {maxSurge: %d, maxUnavailable: %d}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: "app:v2"}]}
`, replicas, surge, unavailable), plan.Target{Kind: "Deployment"})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func inBatches(batches ...plan.Quantity) plan.BatchPlan {
	p := plan.BatchPlan{Mode: plan.Partition}
	for _, b := range batches {
		p.Batches = append(p.Batches, plan.Batch{Replicas: b})
	}
	return p
}

// rested plays a release and returns its rests, as rollout simulate has them.
func rested(t *testing.T, p plan.BatchPlan, c *sim.Cluster) (rollout.Decision, []string) {
	t.Helper()
	var rests []string
	d, err := sim.Play(t.Context(), p, c, func(o rollout.Observed, d rollout.Decision) {
		if d.Reason == plan.BatchReady && o.Progress.Ready.IsZero() {
			n := o.Counts()
			row := fmt.Sprintf("%d %d %d %d %d", n.Desired, n.Updated, n.UpdatedReady, n.Ready, n.Total)
			if len(rests) == 0 || rests[len(rests)-1] != row {
				rests = append(rests, row)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return d, rests
}

// TestDeploymentRests plays the release that is promised, also with an agent that dies after each write.
func TestDeploymentRests(t *testing.T) {
	for _, kill := range []bool{false, true} {
		options := sim.Options{
			Ready: sim.Ready{Least: time.Second}, Controller: &sim.Controller{Delay: time.Second},
			KillEveryWrite: kill,
		}
		p := inBatches(plan.Pods(1), plan.Percent(20), plan.Percent(100))
		d, rests := rested(t, p, sim.New(web(t, 10, 1, 0), nil, options))
		if diff := cmp.Diff([]string{"10 1 1 10 10", "10 2 2 10 10", "10 10 10 10 10"}, rests); diff != "" ||
			d.Reason != plan.Completed {
			t.Errorf("killed %v: ended with %s: %s, rests (-want +got):\n%s", kill, d.Reason, d.Message, diff)
		}
	}
}

// TestDeploymentsKeepTheirBudget plays releases of any shape, forwards, into a failure and back.
func TestDeploymentsKeepTheirBudget(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 7))
		r, s, u := 1+random.IntN(12), random.IntN(4), random.IntN(4)
		if s+u == 0 {
			s = 1
		}
		u = min(u, r)
		set := web(t, r, s, u)
		p := inBatches(plan.Pods(1), plan.Percent(1+random.IntN(99)), plan.Percent(100))
		if p.Validate(set) != nil {
			p = inBatches(plan.Percent(100))
		}
		options := sim.Options{
			Seed: seed, Ready: sim.Ready{Least: time.Second, Most: 20 * time.Second}, Terminating: 3 * time.Second,
			Controller: &sim.Controller{Delay: time.Second}, KillEveryWrite: seed%3 == 0, Broken: seed%4 == 1,
		}
		want := plan.Completed
		if options.Broken {
			p.OnFailure, want = plan.Rollback, plan.RolledBack
		}
		c := sim.New(set, nil, options)
		c.OnChange(func(o rollout.Observed) {
			n := o.Counts()
			if n.Total > r+s || n.Ready < r-u {
				t.Fatalf("seed %d: R=%d S=%d U=%d: %+v", seed, r, s, u, n)
			}
		})
		if d, _ := rested(t, p, c); d.Reason != want {
			t.Fatalf("seed %d: R=%d S=%d U=%d: ended with %s: %s", seed, r, s, u, d.Reason, d.Message)
		}
	}
}
