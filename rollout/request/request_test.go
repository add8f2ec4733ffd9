// SPDX-License-Identifier: Apache-2.0

package request_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/request"
)

func approve(batch int) rollout.Request {
	return rollout.Request{Kind: rollout.Approve, Batch: batch, By: "alice", At: time.Date(2026, 1, 5, 5, 0, 0, 0, time.UTC)}
}

func ask(a rollout.RequestKind) rollout.Request {
	r := approve(0)
	r.Kind = a
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

func TestApply(t *testing.T) {
	now := approve(0).At
	begun := rollout.Progress{Revision: "new", Stable: "old", Started: now.Add(-time.Hour)}
	ready, soaking, second, held, back := begun, begun, begun, begun, begun
	ready.Ready, soaking.Ready = now.Add(-time.Minute), now.Add(-time.Second)
	second.Batch = 1
	held.Pause, held.Requests = true, []rollout.Request{{Kind: rollout.Pause, By: "bob", At: now}}
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
	approved.Approved, approved.Requests = 1, []rollout.Request{{Kind: rollout.Approve, By: "bob", At: now}}
	later := approve(2)
	all := approve(0)
	all.All = true
	full := ask(rollout.Promote)
	full.All = true
	promoted, promotedAll, last := soaking, begun, begun
	promoted.Requests = []rollout.Request{{Kind: rollout.Promote, By: "bob", At: now}}
	promotedAll.Requests = []rollout.Request{{Kind: rollout.Promote, All: true, By: "bob", At: now}}
	last.Batch, last.Ready = 2, now
	finished := last
	finished.Finished = true

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
		"undo while fields are put back": {
			p: finished, r: ask(rollout.Undo), refused: "when the release has ended, undo returns to old",
		},
		"abort while fields are put back": {
			p: finished, r: ask(rollout.Abort), refused: "every batch has passed, and only fields of the target are being put back",
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
			a, err := request.Apply(three(), c.p, c.r)
			if after, _ := json.Marshal(c.p); string(after) != string(before) {
				t.Errorf("the progress that was asked about is now %s", after)
			}
			var refusal *request.RefusedError
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
			if !reflect.DeepEqual(got, want) || last.By != "alice" || last.Kind != c.r.Kind || !strings.Contains(a.Message, c.says) {
				t.Errorf("%+v with %+v says %q", got, last, a.Message)
			}
			if again, err := request.Apply(three(), a.Progress, c.r); c.p.Outcome == "" && err == nil && again.Changed {
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
		a, err := request.Apply(three(), p, r)
		if err != nil || !a.Changed {
			t.Fatalf("%+v, %v", a, err)
		}
		p = a.Progress
	}
	if _, ok := p.Approval(0); !ok || len(p.Requests) > 200 {
		t.Errorf("of %d requests %d are left, an approval among them: %v", len(asked), len(p.Requests), ok)
	}
}
