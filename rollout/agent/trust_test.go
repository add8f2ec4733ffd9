// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// edit changes the record of a release by hand: its progress, and other keys.
func (w *world) edit(change map[string]any, keys map[string]any) {
	w.t.Helper()
	var progress map[string]any
	if err := json.Unmarshal([]byte(w.memory()["progress"].(string)), &progress); err != nil {
		w.t.Fatal(err)
	}
	for name, v := range change {
		progress[name] = v
	}
	data := map[string]any{}
	for key, v := range keys {
		data[key] = v
	}
	if change != nil {
		text, err := json.Marshal(progress)
		if err != nil {
			w.t.Fatal(err)
		}
		data["progress"] = string(text)
	}
	w.Patch(w.t, w.Path("configmaps", "slipway-demo")+"?fieldManager=kubectl-edit", map[string]any{"data": data})
}

// TestAnEditOfTheRecordIsNotBelieved: whoever may approve may patch the ConfigMap. What he writes there by hand moves no pod and ends
// nothing, while the agent is at work and when the next one comes; the agent says what it does not believe.
func TestAnEditOfTheRecordIsNotBelieved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(3, people))
	w.ready()
	var mu sync.Mutex
	var warnings []string
	options := func() agent.Options {
		o := w.Options()
		o.Warn = func(err error) {
			mu.Lock()
			defer mu.Unlock()
			warnings = append(warnings, err.Error())
		}
		return o
	}
	stillWaits := func(r *atWork, words string) {
		t.Helper()
		kubetest.Eventually(t, "the agent says that it does not believe it", func() (bool, string) {
			mu.Lock()
			defer mu.Unlock()
			return strings.Contains(strings.Join(warnings, "\n"), words), strings.Join(warnings, "\n")
		})
		mu.Lock()
		warnings = nil
		mu.Unlock()
		if d := r.stands(plan.AwaitingApproval); d.Batch != 0 {
			t.Errorf("it stands at %+v", d)
		}
		if got := w.images(); got["example.com/app:v2"] != 1 {
			t.Errorf("the pods run %v", got)
		}
	}
	work := w.start(approvals(), options())
	work.stands(plan.AwaitingApproval)
	alices := rollout.Request{Ask: rollout.Approve, By: "alice", At: time.Now().UTC()}
	text, err := json.Marshal(alices)
	if err != nil {
		t.Fatal(err)
	}
	w.edit(nil, map[string]any{kube.RequestKey(alices): string(text)})
	stillWaits(work, `it says that alice asked to approve batch 1, and the field manager "kubectl-edit"`)
	w.edit(map[string]any{"approved": 3, "batch": 2, "requests": []any{alices}}, nil)
	stillWaits(work, `the field manager "kubectl-edit"`)
	work.stop()
	<-work.ended

	w.edit(map[string]any{"batch": 2, "approved": 3, "outcome": "Completed", "first": true, "stable": "demo-none"}, nil)
	work = w.start(approvals(), options())
	stillWaits(work, "by no agent: the release goes through its batches again")
	v := w.visit(w.Client)
	w.ask(v, waits)
	work.waitsIn(1)
	if got := w.images(); got["example.com/app:v2"] != 2 {
		t.Errorf("the pods run %v", got)
	}
	w.ask(v, waits)
	work.end(plan.Completed)
	approved := 0
	for key := range w.memory() {
		if strings.HasPrefix(key, "request-") {
			approved++
		}
	}
	if approved != 2 {
		t.Errorf("%d approvals have an entry of their own: %v", approved, w.memory())
	}
}
