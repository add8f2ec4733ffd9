// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// TestAClockThatIsWrong neither hurries a release nor holds it up: a pod counts once it has been ready for minReadySeconds,
// whatever the agent's clock shows, and pods that were ready before the agent came count at once.
func TestAClockThatIsWrong(t *testing.T) {
	const minReady = 4 * time.Second
	for _, skew := range []time.Duration{-time.Hour, -30 * time.Second, 30 * time.Second, time.Hour} {
		t.Run(skew.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, agenttest.CloneSet(2, `{type: ReCreate, maxSurge: 0, maxUnavailable: 1}`, "  minReadySeconds: 4"))
			w.Release(plan.BatchPlan{}, plan.Completed)
			w.Image("v2")
			wrong := w.Options()
			wrong.Now = func() time.Time { return time.Now().Add(skew) }
			warned := make(chan error, 1)
			wrong.Warn = func(err error) { warned <- err }
			w.start(plan.BatchPlan{ProgressDeadline: 25 * time.Second}, wrong).end(plan.Completed)
			if err := <-warned; !strings.Contains(err.Error(), "this machine's clock differs from the API server's") {
				t.Errorf("it warns of something else: %v", err)
			}
			first := time.Time{} // when the first new pod got ready
			for _, name := range w.Pods() {
				ready := readyAt(t, w.Get(t, w.Path("pods", name)))
				if first.IsZero() || ready.Before(first) {
					first = ready
				}
			}
			deletions := w.Requests(t, w.namespace).By("slipway").Where(
				func(r kubetest.Request) bool { return r.Verb == "delete" && r.Resource == "pods" })
			if len(deletions) != 2 {
				t.Fatalf("%d pods were deleted", len(deletions))
			}
			if waited := deletions[1].Received.Sub(first); waited < minReady {
				t.Errorf("the second old pod was deleted %v after the first new one got ready, at least %v is asked for", waited, minReady)
			}
		})
	}
}

// readyAt is when a pod got ready, by the kubelet's clock.
func readyAt(t *testing.T, pod map[string]any) time.Time {
	t.Helper()
	conditions, _ := kubetest.Field(pod, "status", "conditions").([]any)
	for _, c := range conditions {
		if said, ok := kubetest.Field(c, "lastTransitionTime").(string); ok && kubetest.Field(c, "type") == "Ready" {
			at, err := time.Parse(time.RFC3339, said)
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
	}
	t.Fatal("the pod has no condition Ready")
	return time.Time{}
}
