// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/request"
)

// readyBatch is a release of two pods whose first batch is ready and has a pause, on a Monday.
func readyBatch(t *testing.T, pause plan.Pause) (plan.BatchPlan, rollout.Observed) {
	t.Helper()
	now := at(t, "2026-01-05T05:00:00Z")
	p := plan.BatchPlan{Batches: []plan.Batch{{Replicas: plan.Pods(1), Pause: pause}, {Replicas: plan.Percent(100)}}}
	pod := func(name, revision string) rollout.Pod {
		return rollout.Pod{
			Name: name, UID: name, Instance: name, Node: "n", Phase: rollout.PodRunning, Revision: revision, Lifecycle: rollout.Normal,
			Ready: true, ReadySince: now, Created: now,
		}
	}
	template := func(image string) map[string]any {
		return map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "app", "image": image}}}}
	}
	set, err := plan.ParseCloneSet("set", []byte(`{apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, metadata: {name: demo},
spec: {replicas: 2, selector: {matchLabels: {app: demo}}, updateStrategy: {maxUnavailable: 1},
template: {metadata: {labels: {app: demo}}, spec: {containers: [{name: app, image: b}]}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	return p, rollout.Observed{
		Now: now, Workload: set, UpdateRevision: "new", StableRevision: "old",
		Revisions: []rollout.Revision{{Name: "old", Template: template("a")}, {Name: "new", Template: template("b")}},
		Pods:      []rollout.Pod{pod("a", "new"), pod("b", "old")},
		Progress:  rollout.Progress{Revision: "new", Stable: "old", Started: now.Add(-time.Minute), Ready: now.Add(-time.Second)},
	}
}

func approve(batch int) rollout.Request {
	return rollout.Request{Kind: rollout.Approve, Batch: batch, By: "alice", At: time.Date(2026, 1, 5, 5, 0, 0, 0, time.UTC)}
}

func ask(a rollout.RequestKind) rollout.Request {
	r := approve(0)
	r.Kind = a
	return r
}

// TestPromotionEndsPausesAndNothingElse: a batch goes on at once, but not past what is not a person's to give.
func TestPromotionEndsPausesAndNothingElse(t *testing.T) {
	night, err := plan.ParsePlan("plan", []byte(`{apiVersion: slipway.dev/v1alpha1, kind: BatchPlan, metadata: {name: demo}, spec: {
target: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: demo}, batches: [{replicas: 1, pause: {window: {from: "22:00"}}}, {replicas: 2}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	check := []plan.Check{{Name: "errors", Count: 1}}
	for name, c := range map[string]struct {
		pause  plan.Pause
		checks []string
		full   bool
		want   plan.Reason
		says   string
	}{
		"a pause": {
			pause: plan.Pause{Duration: time.Hour}, want: plan.BatchStarted,
			says: "; promoted by alice at 2026-01-05T05:00:00Z",
		},
		"then a check":     {pause: plan.Pause{Duration: time.Hour}, checks: []string{"errors"}, want: plan.ChecksRunning},
		"then an approval": {pause: plan.Pause{Duration: time.Hour, UntilApproved: true}, want: plan.AwaitingApproval},
		"then a window": {
			pause: plan.Pause{Duration: time.Hour, Window: night.Batches[0].Pause.Window},
			want:  plan.OutsideWindow,
		},
		"in full": {
			pause: plan.Pause{Duration: time.Hour, UntilApproved: true}, full: true, want: plan.BatchStarted,
			says: "; approved by alice",
		},
		"in full, a check": {
			pause: plan.Pause{Duration: time.Hour, UntilApproved: true}, checks: []string{"errors"}, full: true,
			want: plan.ChecksRunning,
		},
		"in full, a window": {
			pause: plan.Pause{UntilApproved: true, Window: night.Batches[0].Pause.Window}, full: true,
			want: plan.OutsideWindow,
		},
		"in full, no pauses": {pause: plan.Pause{UntilApproved: true}, full: true, want: plan.BatchStarted},
	} {
		t.Run(name, func(t *testing.T) {
			p, o := readyBatch(t, c.pause)
			p.Checks, p.Batches[0].Checks = check, c.checks
			r := ask(rollout.Promote)
			r.All = c.full
			a, err := request.Apply(p, o.Progress, r)
			if err != nil || !a.Changed {
				t.Fatalf("%+v, %v", a, err)
			}
			o.Progress = a.Progress
			d := rollout.Decide(p, o)
			if d.Reason != c.want || !strings.Contains(d.Message, c.says) {
				t.Errorf("%s: %s", d.Reason, d.Message)
			}
			if s := rollout.Standing(p, o); s.Reason == plan.Soaking {
				t.Errorf("from outside it pauses: %s", s.Message)
			}
		})
	}
}

// TestPromotionIsOfOneBatch: the pause of the next batch is a pause.
func TestPromotionIsOfOneBatch(t *testing.T) {
	p, o := readyBatch(t, plan.Pause{Duration: time.Hour})
	a, err := request.Apply(p, o.Progress, ask(rollout.Promote))
	if err != nil {
		t.Fatal(err)
	}
	p.Batches[1].Pause.Duration = time.Hour
	o.Progress = a.Progress
	o.Progress.Batch, o.Pods[1].Revision = 1, "new"
	if d := rollout.Decide(p, o); d.Reason != plan.Soaking {
		t.Errorf("the next batch: %s: %s", d.Reason, d.Message)
	}
}

// TestApprovalIsOfOneBatch: an approval ahead lets that batch pass and no other.
func TestApprovalIsOfOneBatch(t *testing.T) {
	p, o := readyBatch(t, plan.Pause{UntilApproved: true})
	p.Batches[1].Pause.UntilApproved = true
	a, err := request.Apply(p, o.Progress, approve(1))
	if err != nil {
		t.Fatal(err)
	}
	o.Progress = a.Progress
	if d := rollout.Decide(p, o); d.Reason != plan.AwaitingApproval {
		t.Errorf("batch 1 passes with the approval of batch 2: %+v", d)
	}
	all := approve(-1)
	all.All = true
	if a, err = request.Apply(p, o.Progress, all); err != nil {
		t.Fatal(err)
	}
	o.Progress = a.Progress
	if d := rollout.Decide(p, o); d.Reason != plan.BatchStarted ||
		!strings.Contains(d.Message, "; approved by alice at 2026-01-05T05:00:00Z") {
		t.Errorf("with the approval of all: %+v", d)
	}
}

// TestApprovalByEditingTheProgress is rollouts#37: who sets the number by hand is believed, and nobody is named.
func TestApprovalByEditingTheProgress(t *testing.T) {
	p, o := readyBatch(t, plan.Pause{UntilApproved: true})
	o.Progress.Approved = 1
	if d := rollout.Decide(p, o); d.Reason != plan.BatchStarted || strings.Contains(d.Message, "approved") {
		t.Errorf("%+v", d)
	}
}

// TestRequestsOutliveTheirBatch: nothing that was asked is dropped by what the release records itself.
func TestRequestsOutliveTheirBatch(t *testing.T) {
	p, o := readyBatch(t, plan.Pause{UntilApproved: true})
	for _, r := range []rollout.Request{ask(rollout.Pause), ask(rollout.Resume), approve(-1)} {
		a, err := request.Apply(p, o.Progress, r)
		if err != nil {
			t.Fatal(err)
		}
		o.Progress = a.Progress
		if d := rollout.Decide(p, o); len(d.Actions) == 1 {
			o.Progress = *d.Actions[0].Progress
		}
	}
	if n := len(o.Progress.Requests); o.Progress.Batch != 1 || n != 3 {
		t.Errorf("in batch %d %d requests are left", o.Progress.Batch+1, n)
	}
}

// TestPauseIsWaitedOutOnce is argo-rollouts#3774 the other way round: a retry neither loses the delay nor begins it again, and
// a hold stops its clock.
func TestPauseIsWaitedOutOnce(t *testing.T) {
	p, o := readyBatch(t, plan.Pause{Duration: time.Hour})
	o.Progress.Ready = o.Now.Add(-20 * time.Minute)
	for range 3 { // an agent that is started again and again
		if d := rollout.Decide(p, o); d.Reason != plan.Soaking || d.After != 40*time.Minute {
			t.Fatalf("%+v", d)
		}
	}
	a, err := request.Apply(p, o.Progress, ask(rollout.Pause))
	if err != nil {
		t.Fatal(err)
	}
	o.Progress = a.Progress
	held := rollout.Decide(p, o)
	if held.Reason != plan.HeldByPerson || !strings.Contains(held.Message, "held by alice") || len(held.Actions) != 1 {
		t.Fatalf("held: %+v", held)
	}
	o.Progress = *held.Actions[0].Progress
	o.Now = o.Now.Add(5 * time.Hour)
	if d := rollout.Decide(p, o); len(d.Actions) != 0 || d.Verdict != rollout.Wait {
		t.Errorf("a held release writes: %+v", d)
	}
	r := ask(rollout.Resume)
	r.At = o.Now
	if a, err = request.Apply(p, o.Progress, r); err != nil {
		t.Fatal(err)
	}
	o.Progress = a.Progress
	d := rollout.Decide(p, o)
	if d.Reason != plan.Resumed || !strings.Contains(d.Message, "resumed by alice") {
		t.Fatalf("resumed: %+v", d)
	}
	o.Progress = *d.Actions[0].Progress
	if d := rollout.Decide(p, o); d.Reason != plan.Soaking || d.After != 40*time.Minute {
		t.Errorf("after the hold: %+v", d)
	}
}
