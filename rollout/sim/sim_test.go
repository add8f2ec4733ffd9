// SPDX-License-Identifier: Apache-2.0

package sim_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/sim"
)

// set is a CloneSet with the given strategy and an image.
func set(replicas int, surge, unavailable, partition plan.Quantity, t plan.UpdateType) plan.Workload {
	return plan.Workload{Name: "demo", Spec: plan.WorkloadSpec{
		Replicas: replicas, MaxSurge: surge, MaxUnavailable: unavailable, Partition: partition, UpdateType: t,
		Template: template("v2"),
	}}
}

func template(image string) map[string]any {
	return map[string]any{
		"metadata": map[string]any{"labels": map[string]any{"app": "demo"}},
		"spec":     map[string]any{"containers": []any{map[string]any{"name": "app", "image": image}}},
	}
}

// row is the CloneSet's columns DESIRED UPDATED UPDATED_READY READY TOTAL.
func row(o rollout.Observed) string {
	c := o.Counts()
	return fmt.Sprintf("%d %d %d %d %d", c.Desired, c.Updated, c.UpdatedReady, c.Ready, c.Total)
}

// play runs the release and fails the test unless it completes.
func play(t *testing.T, p plan.BatchPlan, c *sim.Cluster) {
	t.Helper()
	d, err := sim.Play(t.Context(), p, c, nil)
	if err != nil {
		t.Fatalf("playing: %v (after %s: %s)", err, d.Reason, d.Message)
	}
	if d.Reason != plan.Completed {
		t.Fatalf("ended with %s (%s)", d.Reason, d.Message)
	}
}

// end is what a release leaves behind.
func end(t *testing.T, c *sim.Cluster) rollout.Counts {
	t.Helper()
	o, err := c.Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return o.Counts()
}

// watch fails the test when a change of the cluster breaks the budget, and returns the least available and the most
// pods seen.
func watch(t *testing.T, c *sim.Cluster, b plan.Bounds) (least, most *int) {
	t.Helper()
	least, most = new(int), new(int)
	*least = b.Replicas
	c.OnChange(func(o rollout.Observed) {
		n := o.Counts()
		*least, *most = min(*least, n.Available), max(*most, n.Total)
		if n.Total > b.Replicas+b.MaxSurge {
			t.Errorf("%v: %d pods, more than %d + %d", c.Now(), n.Total, b.Replicas, b.MaxSurge)
		}
	})
	return least, most
}

func seconds(low, high int) sim.Ready {
	return sim.Ready{Least: time.Duration(low) * time.Second, Most: time.Duration(high) * time.Second}
}

// A release of a million pods is played in memory: names, UIDs and versions are all that is made for one of them.
func TestPlayingAllocatesLittleForEachPod(t *testing.T) {
	const pods, each = 4_000, 18 // allocations
	allocated := testing.AllocsPerRun(1, func() {
		c := sim.New(set(pods, plan.Pods(0), plan.Percent(20), plan.Pods(0), plan.ReCreate), nil, sim.Options{Ready: seconds(5, 30)})
		if d, err := sim.Play(t.Context(), plan.BatchPlan{}, c, nil); err != nil || d.Reason != plan.Completed {
			t.Errorf("%v %v", d.Reason, err)
		}
	})
	if allocated > pods*each {
		t.Errorf("%.1f allocations a pod, want at most %d", allocated/pods, each)
	}
}
