// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
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
	return rollout.Request{Ask: rollout.Approve, Batch: batch, By: "alice", At: time.Date(2026, 1, 5, 5, 0, 0, 0, time.UTC)}
}

func ask(a rollout.Ask) rollout.Request {
	r := approve(0)
	r.Ask = a
	return r
}

// three are three batches; the first and the last wait for approval, the first after a pause.
func three() plan.BatchPlan {
	return plan.BatchPlan{Batches: []plan.Batch{
		{Replicas: plan.Pods(1), Pause: plan.Pause{UntilApproved: true, Duration: time.Minute}},
		{Replicas: plan.Pods(2)},
		{Replicas: plan.Percent(100), Pause: plan.Pause{UntilApproved: true}},
	}}
}

func TestAnswered(t *testing.T) {
	now := approve(0).At
	begun := rollout.Progress{Revision: "new", Stable: "old", Started: now.Add(-time.Hour)}
	ready, soaking, second, held, back := begun, begun, begun, begun, begun
	ready.Ready, soaking.Ready = now.Add(-time.Minute), now.Add(-time.Second)
	second.Batch = 1
	held.Pause, held.Requests = true, []rollout.Request{{Ask: rollout.Pause, By: "bob", At: now}}
	back.Back, back.Message = true, "batch 1 was late"
	ended := func(reason plan.Reason) rollout.Progress {
		p := begun
		p.Outcome, p.Message = reason, "in words"
		return p
	}
	first := begun
	first.Stable = "new"
	aborted, undone, approved := begun, begun, ready
	aborted.Abort, undone.Undo = true, true
	approved.Approved, approved.Requests = 1, []rollout.Request{{Ask: rollout.Approve, By: "bob", At: now}}
	later := approve(2)
	all := approve(0)
	all.All = true
	full := ask(rollout.Promote)
	full.All = true
	promoted, promotedAll, last := soaking, begun, begun
	promoted.Requests = []rollout.Request{{Ask: rollout.Promote, By: "bob", At: now}}
	promotedAll.Requests = []rollout.Request{{Ask: rollout.Promote, All: true, By: "bob", At: now}}
	last.Batch, last.Ready = 2, now

	for name, c := range map[string]struct {
		p       rollout.Progress
		r       rollout.Request
		refused string
		already string
		changes func(*rollout.Progress)
		says    string
	}{
		"the batch that waits": {
			p: ready, r: approve(-1), changes: func(p *rollout.Progress) { p.Approved = 1 },
			says: "batch 1 of 3 approved by alice at 2026-01-05T05:00:00Z",
		},
		"the batch that waits, by number": {
			p: ready, r: approve(0), changes: func(p *rollout.Progress) { p.Approved = 1 },
			says: "batch 1 of 3 approved",
		},
		"a batch that is not ready": {
			p: begun, r: approve(-1),
			refused: "batch 1 of 3 is not ready yet, so it does not wait for approval; --batch 1 approves batch 1 ahead",
		},
		"a batch that pauses first": {
			p: soaking, r: approve(-1),
			refused: "pauses until 2026-01-05T05:00:59Z before it waits",
		},
		"a batch ahead": {
			p: begun, r: later, changes: func(*rollout.Progress) {},
			says: "batch 3 of 3 approved",
		},
		"a batch that is over":       {p: second, r: approve(0), refused: "batch 1 of 3 is over: the release is in batch 2"},
		"a batch that asks for none": {p: second, r: approve(1), refused: "batch 2 of 3 needs no approval"},
		"the present one, which asks for none": {
			p: second, r: approve(-1),
			refused: "batch 2 of 3 waits for no approval; --batch 3 approves batch 3 ahead",
		},
		"a batch that does not exist": {p: begun, r: approve(3), refused: "there is no batch 4: the plan has 3"},
		"a second approval":           {p: approved, r: approve(-1), already: "batch 1 of 3 was approved already by bob"},
		"all": {
			p: begun, r: all, changes: func(*rollout.Progress) {},
			says: "every batch that needs it (2) approved",
		},
		"approval of a rollback":  {p: back, r: approve(-1), refused: "a rollback needs no approval"},
		"approval after an abort": {p: aborted, r: approve(-1), refused: "abort was asked by a person"},
		"approval of an ended release": {
			p: ended(plan.Completed), r: approve(-1),
			refused: "has ended, so there is nothing to approve: Completed: in words",
		},
		"approval before the release": {p: rollout.Progress{}, r: approve(-1), refused: "has not begun"},
		"promote": {
			p: soaking, r: ask(rollout.Promote), changes: func(*rollout.Progress) {},
			says: "the pause of batch 1 of 3 is ended by alice at 2026-01-05T05:00:00Z",
		},
		"promote a batch that is not ready": {
			p: begun, r: ask(rollout.Promote),
			refused: "batch 1 of 3 is not ready yet, so its pause has not begun; --full ends all pauses ahead of time",
		},
		"promote after the pause": {p: ready, r: ask(rollout.Promote), already: "the pause of batch 1 of 3 is over"},
		"promote twice": {
			p: promoted, r: ask(rollout.Promote),
			already: "the pause of batch 1 of 3 was ended already by bob",
		},
		"promote without a pause":         {p: second, r: ask(rollout.Promote), refused: "batch 2 of 3 has no pause of a duration"},
		"promote what waits for approval": {p: last, r: ask(rollout.Promote), refused: "it waits for slipway rollout approve"},
		"promote a rollback":              {p: back, r: ask(rollout.Promote), refused: "a rollback has no pauses: batch 1 was late"},
		"promote after an abort":          {p: aborted, r: full, refused: "abort was asked by a person"},
		"promote an ended release":        {p: ended(plan.Completed), r: full, refused: "has ended, so there is nothing to promote"},
		"promote in full": {
			p: begun, r: full, changes: func(*rollout.Progress) {},
			says: "every pause and approval to come (3) is ended by alice at 2026-01-05T05:00:00Z: checks and time windows still have " +
				"to pass",
		},
		"promote the rest in full": {
			p: second, r: full, changes: func(*rollout.Progress) {},
			says: "every pause and approval to come (1) is ended",
		},
		"promote in full twice": {
			p: promotedAll, r: full,
			already: "no batch from the present one on has a pause or an approval to wait for",
		},
		"promote in full what is held": {
			p: held, r: full, changes: func(*rollout.Progress) {},
			says: "; the release is held by bob",
		},
		"approve what is promoted in full": {p: promotedAll, r: approve(2), already: "batch 3 of 3 was approved already by bob"},
		"pause": {
			p: begun, r: ask(rollout.Pause), changes: func(p *rollout.Progress) { p.Pause = true },
			says: "held by alice",
		},
		"pause twice": {p: held, r: ask(rollout.Pause), already: "held already, by bob"},
		"pause a rollback": {
			p: back, r: ask(rollout.Pause), changes: func(p *rollout.Progress) { p.Pause = true },
			says: "held",
		},
		"pause after an undo": {p: undone, r: ask(rollout.Pause), refused: "undo was asked"},
		"resume": {
			p: held, r: ask(rollout.Resume), changes: func(p *rollout.Progress) { p.Pause = false },
			says: "resumed by alice",
		},
		"resume what is not held": {p: begun, r: ask(rollout.Resume), already: "nobody holds the release"},
		"abort": {
			p: begun, r: ask(rollout.Abort), changes: func(p *rollout.Progress) { p.Abort = true },
			says: "aborted by alice",
		},
		"abort what is held": {
			p: held, r: ask(rollout.Abort),
			changes: func(p *rollout.Progress) { p.Abort, p.Pause = true, false }, says: "aborted",
		},
		"abort twice":      {p: aborted, r: ask(rollout.Abort), already: "abort was asked already"},
		"abort a rollback": {p: back, r: ask(rollout.Abort), refused: "rolling back to old already: batch 1 was late"},
		"undo": {
			p: begun, r: ask(rollout.Undo), changes: func(p *rollout.Progress) { p.Undo = true },
			says: "turns back to old",
		},
		"undo after an abort": {
			p: aborted, r: ask(rollout.Undo), changes: func(p *rollout.Progress) { p.Undo = true },
			says: "turns back to old",
		},
		"undo the first revision": {
			p: first, r: ask(rollout.Undo),
			refused: "there is no earlier revision to return to: new is the first",
		},
		"undo what was rolled back": {p: ended(plan.RolledBack), r: ask(rollout.Undo), refused: "rolled back already: in words"},
		"undo what was superseded":  {p: ended(plan.Superseded), r: ask(rollout.Undo), refused: "another release has taken the place"},
		"undo a failed release": {
			p: ended(plan.DeadlineExceeded), r: ask(rollout.Undo), changes: func(*rollout.Progress) {},
			says: "the template is that of revision old again, undone by alice",
		},
		"undo a complete release": {
			p: ended(plan.Completed), r: ask(rollout.Undo), changes: func(*rollout.Progress) {},
			says: "the template is that of revision old again",
		},
	} {
		t.Run(name, func(t *testing.T) {
			before, _ := json.Marshal(c.p)
			a, err := rollout.Answered(three(), c.p, c.r)
			if after, _ := json.Marshal(c.p); string(after) != string(before) {
				t.Errorf("the progress that was asked about is now %s", after)
			}
			var refusal *rollout.RefusedError
			switch {
			case c.refused != "":
				if !errors.As(err, &refusal) || !strings.Contains(refusal.Why, c.refused) || a.Changed {
					t.Errorf("%+v, %v; want a refusal: %s", a, err, c.refused)
				}
				return
			case err != nil:
				t.Fatal(err)
			case c.already != "":
				if a.Changed || !strings.Contains(a.Message, c.already) {
					t.Errorf("%+v; want no change: %s", a, c.already)
				}
				return
			}
			want := c.p
			c.changes(&want)
			got := a.Progress
			last := got.Requests[len(got.Requests)-1]
			got.Requests = c.p.Requests
			if !reflect.DeepEqual(got, want) || last.By != "alice" || last.Ask != c.r.Ask || !strings.Contains(a.Message, c.says) {
				t.Errorf("%+v with %+v says %q", got, last, a.Message)
			}
			if again, err := rollout.Answered(three(), a.Progress, c.r); c.p.Outcome == "" && err == nil && again.Changed {
				t.Errorf("asked again it changes something: %+v", again)
			}
		})
	}
}

// TestRequestsAreBounded: who pauses and resumes for ever fills no ConfigMap, and takes no approval away.
func TestRequestsAreBounded(t *testing.T) {
	p := rollout.Progress{Revision: "new", Stable: "old"}
	asked := []rollout.Request{approve(0)}
	for range 500 {
		asked = append(asked, ask(rollout.Pause), ask(rollout.Resume))
	}
	for _, r := range asked {
		a, err := rollout.Answered(three(), p, r)
		if err != nil || !a.Changed {
			t.Fatalf("%+v, %v", a, err)
		}
		p = a.Progress
	}
	if _, ok := p.Approval(0); !ok || len(p.Requests) > 200 {
		t.Errorf("of %d requests %d are left, an approval among them: %v", len(asked), len(p.Requests), ok)
	}
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
			a, err := rollout.Answered(p, o.Progress, r)
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
	a, err := rollout.Answered(p, o.Progress, ask(rollout.Promote))
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
	a, err := rollout.Answered(p, o.Progress, approve(1))
	if err != nil {
		t.Fatal(err)
	}
	o.Progress = a.Progress
	if d := rollout.Decide(p, o); d.Reason != plan.AwaitingApproval {
		t.Errorf("batch 1 passes with the approval of batch 2: %+v", d)
	}
	all := approve(-1)
	all.All = true
	if a, err = rollout.Answered(p, o.Progress, all); err != nil {
		t.Fatal(err)
	}
	o.Progress = a.Progress
	if d := rollout.Decide(p, o); d.Reason != plan.BatchStarted ||
		!strings.Contains(d.Message, "; approved by alice at 2026-01-05T05:00:00Z") {
		t.Errorf("with the approval of all: %+v", d)
	}
}

// TestApprovalByEditingTheMemory is rollouts#37: who sets the number by hand is believed, and nobody is named.
func TestApprovalByEditingTheMemory(t *testing.T) {
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
		a, err := rollout.Answered(p, o.Progress, r)
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
	a, err := rollout.Answered(p, o.Progress, ask(rollout.Pause))
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
	if a, err = rollout.Answered(p, o.Progress, r); err != nil {
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

// TestStanding says from outside what the agent says, as far as it can be told.
func TestStanding(t *testing.T) {
	p, o := readyBatch(t, plan.Pause{Duration: time.Minute, UntilApproved: true, Window: &plan.Window{From: 9 * 60, To: 17 * 60}})
	o.Pods = nil
	o.Workload.Generation = 3
	o.Workload.Status = plan.WorkloadStatus{
		ObservedGeneration: 3, Replicas: 2, UpdatedReplicas: 1, UpdatedReadyReplicas: 1,
		UpdatedAvailableReplicas: 1,
	}
	with := func(change func(*rollout.Observed)) rollout.Observed {
		changed := o
		change(&changed)
		return changed
	}
	outcome := func(reason plan.Reason) func(*rollout.Observed) {
		return func(o *rollout.Observed) { o.Progress.Outcome, o.Progress.Message = reason, "in words" }
	}
	for name, c := range map[string]struct {
		change func(*rollout.Observed)
		reason plan.Reason
		ended  bool
		says   string
	}{
		"pausing": {func(*rollout.Observed) {}, plan.Soaking, false, "pausing until 2026-01-05T05:00:59Z"},
		"waiting": {
			func(o *rollout.Observed) { o.Now = o.Now.Add(time.Minute) }, plan.AwaitingApproval, false,
			"1 of 1 updated pods ready; waiting for approval",
		},
		"outside the window": {
			func(o *rollout.Observed) { o.Now, o.Progress.Approved = o.Now.Add(time.Minute), 1 },
			plan.OutsideWindow, false, "Mon 5 Jan 2026 09:00 UTC",
		},
		"between batches": {
			func(o *rollout.Observed) { o.Now, o.Progress.Approved = o.Now.Add(5*time.Hour), 1 }, plan.BatchReady,
			false, "batch 1 of 2",
		},
		"updating": {
			func(o *rollout.Observed) { o.Progress.Ready = time.Time{} }, plan.PodsNotReady, false,
			"batch 1 of 2: 1 of 1 updated pods ready",
		},
		"held":    {func(o *rollout.Observed) { o.Progress.Pause = true }, plan.HeldByPerson, false, "held by a person"},
		"paused":  {func(o *rollout.Observed) { o.Workload.Spec.Paused = true }, plan.PausedBySpec, false, "spec"},
		"aborted": {func(o *rollout.Observed) { o.Progress.Abort = true }, plan.AbortedByPerson, false, "not acted on yet"},
		"undone":  {func(o *rollout.Observed) { o.Progress.Undo = true }, plan.UndoneByPerson, false, "not acted on yet"},
		"rolling back": {
			func(o *rollout.Observed) { o.Progress.Back, o.Progress.Message = true, "it was late" }, plan.RollingBack,
			false, "to old because it was late",
		},
		"done":        {outcome(plan.Completed), plan.Completed, true, "in words"},
		"failed":      {outcome(plan.ChecksFailed), plan.ChecksFailed, true, "in words"},
		"rolled back": {outcome(plan.RolledBack), plan.RolledBack, true, "in words"},
		"deleted": {
			func(o *rollout.Observed) { o.Workload.Deleting = true }, plan.Superseded, true,
			"the CloneSet is being deleted",
		},
		"another kind, deleted": {func(o *rollout.Observed) {
			o.Workload.APIVersion, o.Workload.Kind, o.Workload.Deleting = "apps/v1", "Deployment", true
		}, plan.Superseded, true, "the Deployment is being deleted"},
		"cannot be bounded": {
			func(o *rollout.Observed) { o.Workload.Spec.MaxUnavailable = plan.Pods(0) }, plan.Invalid, true,
			"maxUnavailable",
		},
		// kubevela#7170: what is left of the release before says nothing about the one to come.
		"done, but the template changed since": {func(o *rollout.Observed) {
			outcome(plan.Completed)(o)
			o.UpdateRevision = "newer"
		}, plan.NotStarted, false, "no agent has begun to release revision newer; the last release, of revision new, ended with " +
			"Completed"},
		"done, but the spec changed since": {func(o *rollout.Observed) {
			outcome(plan.Completed)(o)
			o.Workload.Generation++
		}, plan.NotStarted, false, "nobody has acted on generation 4 yet"},
		"done, and the fields were given back": {func(o *rollout.Observed) {
			outcome(plan.Completed)(o)
			o.Workload.Generation, o.Progress.Left = 4, 4
		}, plan.Completed, true, "in words"},
		"done, and the spec changed after that": {func(o *rollout.Observed) {
			outcome(plan.Completed)(o)
			o.Workload.Generation, o.Progress.Left = 5, 4
		}, plan.NotStarted, false, "nobody has acted on generation 5 yet"},
		"begun, and the status is of the release before": {func(o *rollout.Observed) {
			o.UpdateRevision, o.Progress.Ready = "old", time.Time{}
		}, plan.PodsNotReady, false, "batch 1 of 2: its pods are not counted yet"},
		"not recorded, and not updated": {
			func(o *rollout.Observed) { o.Progress = rollout.Progress{} }, plan.NotStarted, false,
			"no release is recorded; the status has 1 of 2 pods updated",
		},
		"not recorded, and not seen": {func(o *rollout.Observed) {
			o.Progress = rollout.Progress{}
			o.Workload.Generation++
		}, plan.NotStarted, false, "the status is of generation 3, not 4"},
		"not recorded, and down to its partition": {func(o *rollout.Observed) {
			o.Progress = rollout.Progress{}
			o.Workload.Spec.Partition = plan.Pods(1)
		}, plan.Completed, true, "1 of 1 pods updated"},
		"not recorded, and at rest with a new template": {func(o *rollout.Observed) {
			o.Progress = rollout.Progress{}
			o.Workload.Spec.Partition = plan.Percent(100)
		}, plan.NotStarted, false, "1 of 2 pods updated"},
		"not recorded, and at rest with one revision": {func(o *rollout.Observed) {
			o.Progress = rollout.Progress{}
			o.Workload.Spec.Partition = plan.Percent(100)
			o.Workload.Status.UpdatedReplicas, o.Workload.Status.UpdatedAvailableReplicas = 2, 2
		}, plan.Completed, true, "2 of 2 pods updated"},
	} {
		t.Run(name, func(t *testing.T) {
			if d := rollout.Standing(p, with(c.change)); d.Reason != c.reason || d.Ended() != c.ended ||
				!strings.Contains(d.Message, c.says) || len(d.Actions) > 0 {
				t.Errorf("%s %s: %s", d.Verdict, d.Reason, d.Message)
			}
		})
	}
}
