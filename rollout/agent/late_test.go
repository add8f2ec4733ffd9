// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// TestReleaseIsNotGivenUpOnOldNews holds the watches back while the first new pod gets ready. When the batch's time is over it
// is ready, although nobody has told the agent.
func TestReleaseIsNotGivenUpOnOldNews(t *testing.T) {
	for _, c := range []struct {
		name  string
		begin func(t *testing.T) (*world, agent.Options)
		mode  plan.Mode
		ready func(w *world) (bool, string)
	}{
		{"CloneSet", func(t *testing.T) (*world, agent.Options) {
			t.Helper()
			w := newWorld(t, agenttest.CloneSet(3, `{type: ReCreate, maxSurge: 0, maxUnavailable: 1}`))
			w.Release(plan.BatchPlan{}, plan.Completed)
			w.Image("v2")
			return w, w.Options()
		}, plan.Direct, func(w *world) (bool, string) {
			ready := 0
			for _, p := range kubetest.Field(w.Get(w.t, w.Path("pods")), "items").([]any) {
				conditions, _ := kubetest.Field(p, "status", "conditions").([]any)
				for _, c := range conditions {
					ready += count(kubetest.Field(c, "type") == "Ready" && kubetest.Field(c, "status") == "True")
				}
			}
			return ready == 3, fmt.Sprint(ready)
		}},
		{"StatefulSet", func(t *testing.T) (*world, agent.Options) {
			t.Helper()
			w := newStateful(t, 3, 3)
			w.statefulImage("v2")
			return w, w.optionsOf("StatefulSet")
		}, plan.Partition, func(w *world) (bool, string) {
			status := kubetest.Field(w.Get(w.t, w.Path("statefulsets", "demo")), "status")
			return kubetest.Field(status, "updatedReplicas") == float64(1) && kubetest.Field(status, "availableReplicas") == float64(3),
				fmt.Sprint(status)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, options := c.begin(t)
			proxy := w.Proxy(t, func(*http.Request) kubetest.Fault { return kubetest.Fault{} })
			options.Config = agenttest.Config(t, proxy.For(w.Client))
			p := approvals()
			p.Mode, p.ProgressDeadline = c.mode, 5*time.Second
			ctx, cancel := context.WithTimeout(t.Context(), hangs)
			defer cancel()
			held := false
			d, err := agent.Run(ctx, p, options, func(_ rollout.Observed, d rollout.Decision) {
				switch {
				case d.Verdict == rollout.Wait && !held:
					held = true
					proxy.HoldWatches()
					kubetest.Eventually(t, "the new pod is ready", func() (bool, string) { return c.ready(w) })
				case d.Reason == plan.AwaitingApproval:
					cancel()
				}
			})
			if d.Reason != plan.AwaitingApproval || !held {
				t.Errorf("ended with %s: %s, %v; watches held: %t", d.Reason, d.Message, err, held)
			}
		})
	}
}
