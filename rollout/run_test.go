// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// scripted is a cluster that shows one observation and answers writes with prepared errors.
type scripted struct {
	look    Observed
	err     error
	answers []error
	applied int
	waited  []time.Duration
	cancel  context.CancelFunc
}

func (s *scripted) Observe(context.Context) (Observed, error) { return s.look, s.err }

func (s *scripted) Apply(_ context.Context, actions []Action) error {
	s.applied++
	for _, a := range actions {
		if a.Kind == RecordProgress && len(s.answers) == 0 {
			s.look.Progress = *a.Progress
		}
	}
	if len(s.answers) == 0 {
		return nil
	}
	answer := s.answers[0]
	s.answers = s.answers[1:]
	return answer
}

func (s *scripted) Wait(ctx context.Context, d time.Duration) error {
	s.waited = append(s.waited, d)
	if s.cancel != nil {
		s.cancel()
	}
	return ctx.Err()
}

var (
	_ Cluster = (*scripted)(nil)
	_ Clock   = (*scripted)(nil)
)

func TestRunLooksAgainAfterAConflictOrWithoutRoom(t *testing.T) {
	conflict, full := errors.Join(ErrConflict), errors.Join(ErrNotNow)
	s := &scripted{
		look:    look(plan.WorkloadSpec{Replicas: 1, MaxUnavailable: plan.Pods(1)}, newUp),
		answers: []error{conflict, full},
	}
	d, err := Run(t.Context(), plan.BatchPlan{}, s, s, nil)
	if err != nil || d.Reason != plan.Completed {
		t.Errorf("%s %v", d.Reason, err)
	}
	if len(s.waited) != 2 {
		t.Errorf("waited %v, want a pause after each", s.waited)
	}
}

func TestRunEndsWithTheErrorOfAWriteOrALook(t *testing.T) {
	broken := errors.New("no route")
	s := &scripted{look: look(plan.WorkloadSpec{Replicas: 1, MaxUnavailable: plan.Pods(1)}, oldUp), answers: []error{broken}}
	if _, err := Run(t.Context(), plan.BatchPlan{}, s, s, nil); !errors.Is(err, broken) ||
		!strings.HasPrefix(err.Error(), "writing: ") {
		t.Errorf("%v", err)
	}
	s = &scripted{err: broken}
	if _, err := Run(t.Context(), plan.BatchPlan{}, s, s, nil); !errors.Is(err, broken) ||
		!strings.HasPrefix(err.Error(), "observing the target: ") {
		t.Errorf("%v", err)
	}
}

func TestRunEndsWhenItsContextDoes(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &scripted{look: look(plan.WorkloadSpec{Replicas: 1, MaxUnavailable: plan.Pods(1)}, newDown), cancel: cancel}
	d, err := Run(ctx, plan.BatchPlan{}, s, s, nil)
	if !errors.Is(err, context.Canceled) || d.Ended() {
		t.Errorf("%s %v", d.Verdict, err)
	}
}

func TestAnEndedReleaseStaysEnded(t *testing.T) {
	o := look(plan.WorkloadSpec{Replicas: 1, MaxUnavailable: plan.Pods(1)}, oldUp)
	o.Progress.Outcome, o.Progress.Message = plan.RolledBack, "rolled back to old because of a check"
	s := &scripted{look: o}
	d, err := Run(t.Context(), plan.BatchPlan{}, s, s, nil)
	if err != nil || d.Reason != plan.RolledBack || s.applied > 0 || d.Reason.ExitCode() != 12 {
		t.Errorf("%s %v, %d writes", d.Reason, err, s.applied)
	}
}

func TestAReleaseWithNothingToDoWritesNothing(t *testing.T) {
	o := look(plan.WorkloadSpec{Replicas: 2, MaxUnavailable: plan.Pods(1)}, newUp, newUp)
	o.Progress = Progress{}
	s := &scripted{look: o}
	if d, err := Run(t.Context(), plan.BatchPlan{}, s, s, nil); err != nil || d.Reason != plan.Completed || s.applied > 0 {
		t.Errorf("%s %v, %d writes", d.Reason, err, s.applied)
	}
}

// A pod that is refused for good fails its batch, if it is of the revision that the release brings: on the way back, the stable
// one. That of an older pod ends nothing by itself.
func TestAPodThatIsRefusedFailsItsBatch(t *testing.T) {
	for _, c := range []struct {
		name, refused string
		back          bool
		onFailure     plan.OnFailure
		want          plan.Reason
	}{
		{"stop", "new", false, plan.Stop, plan.PodRefused},
		{"rollback", "new", false, plan.Rollback, plan.RollingBack},
		{"an old one", "old", false, plan.Stop, plan.PodsUpdating},
		{"an old one on the way back", "old", true, plan.Rollback, plan.PodRefused},
		{"a new one on the way back", "new", true, plan.Rollback, plan.RollingBack},
	} {
		o := look(plan.WorkloadSpec{Replicas: 2, MaxUnavailable: plan.Pods(1)}, newUp, oldUp)
		o.Progress.Back, o.Progress.Message = c.back, "a check failed"
		o.Refused = &Refusal{Revision: c.refused, Object: "Pod shop/demo-1", Message: "image v2 has vulnerabilities"}
		d := Decide(plan.BatchPlan{OnFailure: c.onFailure}, o)
		said := strings.Contains(d.Message, "refuses Pod shop/demo-1") && strings.Contains(d.Message, "image v2 has vulnerabilities")
		if d.Reason != c.want || said != (c.name != "an old one" && c.name != "a new one on the way back") {
			t.Errorf("%s: %s: %s", c.name, d.Reason, d.Message)
		}
	}
}

// A batch whose pods find no room is not ready, and ends at its deadline with the reason; also where it was ready before
// and only an old pod is missing.
func TestABatchWithoutRoomEndsAtItsDeadline(t *testing.T) {
	p := plan.BatchPlan{Batches: []plan.Batch{
		{Replicas: plan.Pods(1), Pause: plan.Pause{UntilApproved: true}},
		{Replicas: plan.Pods(2)},
	}, ProgressDeadline: time.Minute}
	o := look(plan.WorkloadSpec{Replicas: 2, MaxUnavailable: plan.Pods(1)}, newUp)
	o.Progress.Started, o.Progress.Ready = o.Now.Add(-time.Hour), o.Now
	o.NoRoom = "ResourceQuota tight is full"
	d := Decide(p, o)
	if d.Reason != plan.PodsNotReady || len(d.Actions) != 1 || d.Actions[0].Kind != RecordProgress {
		t.Fatalf("%s: %s %v", d.Reason, d.Message, d.Actions)
	}
	o.Progress = *d.Actions[0].Progress
	o.Progress.Started = o.Now
	if d = Decide(p, o); d.Reason != plan.PodsUpdating || !strings.Contains(d.Message, "tight is full") ||
		d.Actions[0].Kind != CreatePod {
		t.Errorf("before the deadline: %s: %s %v", d.Reason, d.Message, d.Actions)
	}
	o.Now = o.Now.Add(time.Minute)
	if d = Decide(p, o); d.Reason.ExitCode() != 11 || !strings.Contains(d.Message, "tight is full") {
		t.Errorf("at the deadline: %s: %s", d.Reason, d.Message)
	}
}
