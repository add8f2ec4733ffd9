// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// scripted is a cluster that shows one look and answers writes with prepared errors.
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

func TestRunLooksAgainAfterAConflict(t *testing.T) {
	conflict := errors.Join(ErrConflict)
	s := &scripted{look: look(CloneSetSpec{Replicas: 1, MaxUnavailable: Pods(1)}, newUp), answers: []error{conflict, conflict}}
	d, err := Run(t.Context(), Plan{}, s, s, nil)
	if err != nil || d.Reason != Completed {
		t.Errorf("%s %v", d.Reason, err)
	}
	if len(s.waited) != 2 {
		t.Errorf("waited %v, want a pause after each conflict", s.waited)
	}
}

func TestRunEndsWithTheErrorOfAWriteOrALook(t *testing.T) {
	broken := errors.New("no route")
	s := &scripted{look: look(CloneSetSpec{Replicas: 1, MaxUnavailable: Pods(1)}, oldUp), answers: []error{broken}}
	if _, err := Run(t.Context(), Plan{}, s, s, nil); !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "writing: ") {
		t.Errorf("%v", err)
	}
	s = &scripted{err: broken}
	if _, err := Run(t.Context(), Plan{}, s, s, nil); !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "observing the target: ") {
		t.Errorf("%v", err)
	}
}

func TestRunEndsWhenItsContextDoes(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &scripted{look: look(CloneSetSpec{Replicas: 1, MaxUnavailable: Pods(1)}, newDown), cancel: cancel}
	d, err := Run(ctx, Plan{}, s, s, nil)
	if !errors.Is(err, context.Canceled) || d.Ended() {
		t.Errorf("%s %v", d.Verdict, err)
	}
}

func TestAnEndedReleaseStaysEnded(t *testing.T) {
	o := look(CloneSetSpec{Replicas: 1, MaxUnavailable: Pods(1)}, oldUp)
	o.Progress.Outcome, o.Progress.Message = RolledBack, "rolled back to old because of a check"
	s := &scripted{look: o}
	d, err := Run(t.Context(), Plan{}, s, s, nil)
	if err != nil || d.Reason != RolledBack || s.applied > 0 || d.Reason.ExitCode() != 12 {
		t.Errorf("%s %v, %d writes", d.Reason, err, s.applied)
	}
}

func TestAReleaseWithNothingToDoWritesNothing(t *testing.T) {
	o := look(CloneSetSpec{Replicas: 2, MaxUnavailable: Pods(1)}, newUp, newUp)
	o.Progress = Progress{}
	s := &scripted{look: o}
	if d, err := Run(t.Context(), Plan{}, s, s, nil); err != nil || d.Reason != Completed || s.applied > 0 {
		t.Errorf("%s %v, %d writes", d.Reason, err, s.applied)
	}
}
