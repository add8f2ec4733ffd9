// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// onDelete is the StatefulSet demo with updateStrategy OnDelete.
func onDelete(replicas int, policy string) string {
	text := strings.Replace(stateful(replicas, 0), "updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 0}}", "updateStrategy: {type: OnDelete}", 1)
	return strings.Replace(text, "  serviceName", "  podManagementPolicy: "+policy+"\n  serviceName", 1)
}

// newOnDelete is a world with a StatefulSet of OnDelete whose pods all run v1. The controller is the real one.
func newOnDelete(t *testing.T, replicas int, policy string) *world {
	t.Helper()
	w := newWorld(t, "")
	w.Create(t, w.Path("statefulsets"), onDelete(replicas, policy))
	w.runsReady(replicas, "v1")
	return w
}

// runsReady waits until so many pods are ready, all of one image.
func (w *world) runsReady(replicas int, tag string) {
	w.t.Helper()
	w.runs(replicas, tag)
	kubetest.Eventually(w.t, "all pods are ready", func() (bool, string) {
		ready := kubetest.Field(w.Get(w.t, w.Path("statefulsets", "demo")), "status", "availableReplicas")
		return ready == float64(replicas), fmt.Sprint(ready)
	})
}

// deletes carries out a release in delete mode, and returns the rests as rolls does, and the pods that were deleted.
func (w *world) deletes(p plan.BatchPlan, options agent.Options) (d rollout.Decision, rests, deleted []string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	log := w.Log()
	d, err := agent.Run(ctx, p, options, func(o rollout.Observed, d rollout.Decision) {
		log(o, d)
		for _, a := range d.Actions {
			if a.Kind == rollout.DeletePod {
				deleted = append(deleted, a.Pod.Name)
			}
		}
		if d.Reason == plan.BatchReady && o.Progress.Ready.IsZero() {
			c := o.Counts()
			rests = append(rests, fmt.Sprintf("%d %d %d %d %d", c.Desired, c.Updated, c.UpdatedAvailable, c.Available, c.Total))
		}
	})
	if err != nil {
		w.t.Fatalf("release ended with %s (%s), %v", d.Reason, d.Message, err)
	}
	return d, rests, deleted
}

// TestOnDelete releases StatefulSets of OnDelete, which kube-controller-manager makes anew what is deleted of: nobody says the
// mode, the highest ordinal goes first, and never more than one pod is away.
func TestOnDelete(t *testing.T) {
	t.Parallel()
	w := newOnDelete(t, 4, "OrderedReady")
	w.statefulImage("v2")
	watch := w.budget(4, 1)
	d, rests, deleted := w.deletes(thirds(), w.optionsOf("StatefulSet"))
	if d.Reason != plan.Completed {
		t.Fatalf("ended with %s: %s", d.Reason, d.Message)
	}
	if diff := cmp.Diff([]string{"4 1 1 4 4", "4 2 2 4 4", "4 4 4 4 4"}, rests); diff != "" {
		t.Errorf("rests (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"demo-3", "demo-2", "demo-1", "demo-0"}, deleted); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
	watch.verify(t, w)
	w.runsReady(4, "v2")
	w.visible(w.optionsOf("StatefulSet"))
}
