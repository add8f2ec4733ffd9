// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// recorded is the record of the release of a world.
func (w *world) recorded() map[string]any {
	w.t.Helper()
	return kubetest.Field(w.Get(w.t, w.Path("configmaps", "slipway-demo")), "data").(map[string]any)
}

// overwrite puts data into the record of a world's release, as an agent would.
func (w *world) overwrite(data map[string]any) {
	w.t.Helper()
	w.Patch(w.t, w.Path("configmaps", "slipway-demo")+"?fieldManager=slipway", map[string]any{"data": data})
}

// TestAgentGoesOnWithAReleaseOfVersion0 stops an agent while a batch waits for approval and puts what an agent of the version
// before would have remembered there in the place of its record. The next agent goes on in that batch.
func TestAgentGoesOnWithAReleaseOfVersion0(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(3, people))
	w.ready()
	p := plan.BatchPlan{Batches: []plan.Batch{
		{Replicas: plan.Pods(1), Pause: plan.Pause{UntilApproved: true}},
		{Replicas: plan.Percent(100)},
	}}
	begun := w.start(p, w.Options())
	begun.stands(plan.AwaitingApproval)
	begun.stop()
	<-begun.ended
	revisions := w.revisions()
	inThisWorld := strings.NewReplacer("demo-c4de4ad5", revisions[0], "demo-226d3c3e", revisions[1])
	before := agenttest.RecordV0(t)["data"].(map[string]any)
	w.overwrite(map[string]any{"progress": inThisWorld.Replace(before["progress"].(string)), "plan": before["plan"]})

	next := w.start(p, w.Options())
	next.stands(plan.AwaitingApproval)
	v := w.release(w.Client)
	if began := w.look(v).Observed.Progress.Started; !began.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("the batch began at %v: it was begun again", began)
	}
	w.ask(v, rollout.Request{Kind: rollout.Approve, Batch: 0})
	next.end(plan.Completed)
	for key, want := range map[string]string{
		"progress": `{"version":1,"revision":"` + revisions[1] + `",`,
		"plan":     `{"version":1,"batches":[`,
	} {
		if got := w.recorded()[key].(string); !strings.HasPrefix(got, want) {
			t.Errorf("%s is stored as %s, want %s", key, got, want)
		}
	}
}

// TestAgentRefusesAReleaseOfANewerSlipway touches neither the record nor a pod.
func TestAgentRefusesAReleaseOfANewerSlipway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(3, people))
	w.ready()
	newer := map[string]any{"progress": `{"version":2,"revision":{"name":"demo"}}`}
	w.overwrite(newer)
	pods := w.uids()
	_, err := agent.Run(t.Context(), approvals(), w.Options(), nil)
	const want = "/slipway-demo: written by a newer slipway: its version is 2, and this slipway reads up to version 1: run the " +
		"newer slipway, or delete the ConfigMap to begin the release again"
	if !errors.Is(err, kube.ErrInvalid) || !strings.Contains(err.Error(), want) {
		t.Errorf("the agent says %v, want %s", err, want)
	}
	if got := w.recorded()["progress"]; got != newer["progress"] {
		t.Errorf("it was written: %s", got)
	}
	if now := w.uids(); strings.Join(now, " ") != strings.Join(pods, " ") {
		t.Errorf("pods are %v, were %v", now, pods)
	}
}
