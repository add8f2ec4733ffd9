// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// TestArticle releases as the article does: with partition 3 to two pods, and then to all. The command line's own test
// reads the states in between.
func TestArticle(t *testing.T) {
	for _, kind := range []string{"ReCreate", "InPlaceIfPossible"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, agenttest.CloneSet(5, `{type: `+kind+`, maxSurge: 20%, maxUnavailable: 0}`))
			step := func(want, reason string) {
				t.Helper()
				w.Release(plan.BatchPlan{}, plan.Completed)
				if got := w.Row(); got != want {
					t.Errorf("row %s, want %s", got, want)
				}
				if got := kubetest.Field(w.progressing(), "reason"); got != reason {
					t.Errorf("reason %v, want %s", got, reason)
				}
			}
			step("demo 5 5 5 5 5", "CloneSetAvailable")
			w.PatchStrategy(map[string]any{"partition": 3})
			w.Image("v2")
			watch := w.watchPods(5, 1, 0, 3, "v2")
			if kind != "ReCreate" {
				watch.keepsPods()
			}
			step("demo 5 2 2 5 5", "ProgressPartitionAvailable")
			watch.verify(t, w)
			w.PatchStrategy(map[string]any{"partition": 0})
			watch = w.watchPods(5, 1, 0, 0, "v2")
			if kind != "ReCreate" {
				watch.keepsPods()
			}
			step("demo 5 5 5 5 5", "CloneSetAvailable")
			watch.verify(t, w)
		})
	}
}

// TestKubectlGetClone reads the article's columns as people do.
func TestKubectlGetClone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(5, `{maxSurge: 20%, maxUnavailable: 0}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	out, err := w.Kubectl(t, w.Client, "", "get", "clone", "-n", w.namespace)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	got := strings.Join(strings.Fields(lines[0])[:6], " ")
	if got != "NAME DESIRED UPDATED UPDATED_READY READY TOTAL" ||
		!strings.HasPrefix(strings.Join(strings.Fields(lines[1]), " "), "demo 5 5 5 5 5 ") {
		t.Errorf("kubectl get clone prints\n%s", out)
	}
}
