// SPDX-License-Identifier: Apache-2.0

package check_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/check"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// oracle is a web server that answers as it is told.
type oracle struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	asked  int
	gate   chan struct{} // an answer waits for a value, where it is not nil
}

func newOracle(t *testing.T) *oracle {
	t.Helper()
	o := &oracle{status: 200}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		status, gate := o.status, o.gate
		o.asked++
		o.mu.Unlock()
		if gate != nil {
			select {
			case <-gate:
			case <-r.Context().Done():
			}
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *oracle) answer(status int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.status = status
}

// awaits waits until it has been asked n times.
func (o *oracle) awaits(t *testing.T, n int) {
	t.Helper()
	kubetest.Eventually(t, "asked", func() (bool, string) { return o.count() >= n, fmt.Sprint(o.count()) })
}

func (o *oracle) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asked
}

// stage is a runner with one check and the release that it goes along with.
type stage struct {
	t      *testing.T
	runner *check.Runner
	look   rollout.Observed
}

func newStage(t *testing.T, c plan.Check) *stage {
	t.Helper()
	c.Name, c.Timeout = "asked", 5*time.Second
	r, err := check.New(check.Options{Plan: plan.BatchPlan{Checks: []plan.Check{c}}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	now := time.Now()
	return &stage{t, r, rollout.Observed{Progress: rollout.Progress{Revision: "new", Started: now, Ready: now}}}
}

// attend tells the runner of a decision in a batch that names the check, or nothing.
func (s *stage) attend(batch int, names ...string) {
	s.runner.Attend(s.look, rollout.Decision{Verdict: rollout.Wait, Batch: batch, Checks: names})
}

// until waits for a verdict and returns its words.
func (s *stage) until(verdict plan.CheckVerdict) string {
	s.t.Helper()
	var words string
	s.await("the check is "+string(verdict), func() bool {
		results, _ := s.runner.Results()
		if len(results) == 0 || results[0].Verdict != verdict {
			return false
		}
		words = results[0].Message
		return true
	})
	return words
}

// await looks again whenever the results change.
func (s *stage) await(what string, holds func() bool) {
	s.t.Helper()
	ctx, end := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer end()
	for !holds() {
		select {
		case <-s.runner.Changed():
		case <-ctx.Done():
			results, _ := s.runner.Results()
			s.t.Fatalf("never: %s; last: %+v", what, results)
		}
	}
}

func (s *stage) verdicts() string {
	var text strings.Builder
	for _, m := range s.runner.Take() {
		text.WriteString(string(m.Verdict[:1]))
	}
	return text.String()
}

func asking(o *oracle) plan.Check {
	return plan.Check{
		Count: 3, Interval: time.Millisecond,
		HTTP: &plan.HTTP{URL: o.URL, Method: "GET", Status: []int{200}},
	}
}

func TestRunnerMeasuresUntilEnoughPass(t *testing.T) {
	o := newOracle(t)
	s := newStage(t, asking(o))
	s.attend(1, "asked")
	words := s.until(plan.CheckPassed)
	if want := "3 of 3 measurements passed; last: status 200 OK"; words != want {
		t.Errorf("%q, want %q", words, want)
	}
	taken := s.runner.Take()
	var numbers []int
	for _, m := range taken {
		numbers = append(numbers, m.Number)
		if m.Check != "asked" || m.Batch != 1 || m.Value != "200" || m.Time.IsZero() || m.Verdict != plan.CheckPassed {
			t.Errorf("%+v", m)
		}
	}
	if diff := cmp.Diff([]int{1, 2, 3}, numbers); diff != "" || o.count() != 3 {
		t.Errorf("asked %d times: %s", o.count(), diff)
	}
	results, version := s.runner.Results()
	again, same := s.runner.Results()
	if diff := cmp.Diff(results, again); diff != "" || version != same {
		t.Errorf("results change without a measurement: %s", diff)
	}
}

func TestRunnerStopsAtTheFirstFailure(t *testing.T) {
	o := newOracle(t)
	o.answer(500)
	s := newStage(t, asking(o))
	s.attend(0, "asked")
	if words := s.until(plan.CheckFailed); words != "status 500 Internal Server Error is not 200" {
		t.Error(words)
	}
	if got := s.verdicts(); got != "F" || o.count() != 1 {
		t.Errorf("measured %s, asked %d times", got, o.count())
	}
}

// TestRunnerCountsWhatPassesOnceTheBatchIsReady: a check during the batch fails it at any time, but what passes before the
// batch is ready is no proof.
func TestRunnerCountsWhatPassesOnceTheBatchIsReady(t *testing.T) {
	o := newOracle(t)
	c := asking(o)
	c.During = true
	s := newStage(t, c)
	ready := s.look.Progress.Ready
	s.look.Progress.Ready = time.Time{}
	s.attend(0, "asked")
	s.await("asked ten times", func() bool { return o.count() >= 10 && len(s.verdicts()) > 0 })
	if words := s.until(plan.CheckRunning); !strings.HasPrefix(words, "0 of 3 measurements passed") {
		t.Error(words)
	}
	s.look.Progress.Ready = ready
	s.attend(0, "asked")
	s.until(plan.CheckPassed)
	// Pods that get unready again take the proof with them.
	s.look.Progress.Ready = time.Time{}
	s.attend(0, "asked")
	if words := s.until(plan.CheckRunning); !strings.HasPrefix(words, "0 of 3 measurements passed") {
		t.Error(words)
	}
	s.look.Progress.Ready = ready.Add(time.Minute)
	s.attend(0, "asked")
	s.until(plan.CheckPassed)
	o.answer(500)
	s.until(plan.CheckFailed)
}

// TestRunnerDoesNotCountWhatWasAskedOfOtherPods: the answer to a question from before the batch was not ready any more.
func TestRunnerDoesNotCountWhatWasAskedOfOtherPods(t *testing.T) {
	o := newOracle(t)
	o.gate = make(chan struct{})
	c := asking(o)
	c.During, c.Count = true, 1
	s := newStage(t, c)
	s.attend(0, "asked")
	o.awaits(t, 1)
	ready := s.look.Progress.Ready
	for _, since := range []time.Time{{}, ready.Add(time.Minute)} {
		s.look.Progress.Ready = since
		s.attend(0, "asked")
	}
	o.gate <- struct{}{}
	s.await("one answer", func() bool { return len(s.verdicts()) > 0 })
	if words := s.until(plan.CheckRunning); !strings.HasPrefix(words, "0 of 1 measurements passed") {
		t.Error(words)
	}
	close(o.gate)
	s.until(plan.CheckPassed)
}

func TestRunnerForgetsAnotherBatch(t *testing.T) {
	o := newOracle(t)
	s := newStage(t, asking(o))
	s.attend(0, "asked")
	s.until(plan.CheckPassed)
	_, before := s.runner.Results()
	s.attend(1)
	if results, after := s.runner.Results(); len(results) > 0 || after == before {
		t.Errorf("of the batch before: %+v, version %d after %d", results, after, before)
	}
	s.attend(1, "asked")
	s.until(plan.CheckPassed)
	if results, _ := s.runner.Results(); results[0].Batch != 1 {
		t.Errorf("%+v", results)
	}
	s.look.Progress.Revision = "newer"
	s.attend(1)
	if results, _ := s.runner.Results(); len(results) > 0 {
		t.Errorf("of the release before: %+v", results)
	}
}

// TestRunnerMeasuresNothingWhileHeld: an answer that comes when nobody wants it any more does not count.
func TestRunnerMeasuresNothingWhileHeld(t *testing.T) {
	o := newOracle(t)
	o.gate = make(chan struct{})
	s := newStage(t, asking(o))
	s.attend(0, "asked")
	o.gate <- struct{}{}
	s.await("one answer", func() bool { return len(s.verdicts()) > 0 })
	o.awaits(t, 2)
	s.attend(0) // held while the second answer is awaited
	if results, _ := s.runner.Results(); len(results) != 1 || results[0].Verdict != plan.CheckRunning {
		t.Errorf("what is known is forgotten: %+v", results)
	}
	close(o.gate)
	s.attend(0, "asked")
	s.until(plan.CheckPassed)
	if got := s.verdicts(); got != "PP" {
		t.Errorf("measured %s after one before", got)
	}
}

// TestRunnerGivesUpBlind: a check that nobody answers fails in the end, and says why.
func TestRunnerGivesUpBlind(t *testing.T) {
	o := newOracle(t)
	c := asking(o)
	c.InconclusiveLimit = 2
	o.Close()
	s := newStage(t, c)
	s.attend(0, "asked")
	words := s.until(plan.CheckFailed)
	if !strings.HasPrefix(words, "3 measurements in a row were inconclusive, at most 2 may be: no answer:") {
		t.Error(words)
	}
	if got := s.verdicts(); got != "III" {
		t.Errorf("measured %s", got)
	}
}

// TestRunnerWarmsUp: the first measurement comes after the delay, counted from when the batch was ready, so a restart does
// not wait again.
func TestRunnerWarmsUp(t *testing.T) {
	o := newOracle(t)
	c := asking(o)
	c.InitialDelay = time.Hour
	s := newStage(t, c)
	s.attend(0, "asked")
	s.look.Progress.Ready = s.look.Progress.Ready.Add(-time.Hour)
	fresh := newStage(t, c)
	fresh.look = s.look
	fresh.attend(0, "asked")
	fresh.until(plan.CheckPassed)
	s.runner.Close()
	if got := s.verdicts(); got != "" {
		t.Errorf("measured %s before the delay was over", got)
	}
}

// TestNewNamesEverythingThatCannotBeMeasured before a release begins.
func TestNewNamesEverythingThatCannotBeMeasured(t *testing.T) {
	secret := &plan.SecretRef{Name: "shop", Key: "token"}
	_, err := check.New(check.Options{Now: time.Now, Secrets: t.TempDir(), Plan: plan.BatchPlan{Checks: []plan.Check{
		{Name: "one", HTTP: &plan.HTTP{URL: "http://shop", Access: plan.Access{BearerToken: secret}}},
		{Name: "two", HTTP: &plan.HTTP{URL: "http://shop", JSONPath: "{.a"}},
		{Name: "three", Pods: &plan.PodsCheck{}},
	}}})
	for _, want := range []string{
		"check one: ", "secret shop, key token: there is no file", "check two: ",
		"check three: a check of pods",
	} {
		if err == nil || !errors.Is(err, check.ErrWrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}
