// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"slices"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// gateLook is a look at a batch of five pods in a batch of two, of which ready are ready.
func gateLook(ready int, since time.Duration, results ...plan.CheckResult) Observed {
	o := Observed{
		Now: testEpoch().Add(time.Hour), UpdateRevision: "new", StableRevision: "old", Revisions: testTemplates(), Checks: results,
		Workload: plan.Workload{Name: "demo", UID: "u", Spec: plan.WorkloadSpec{
			Replicas: 5, MaxUnavailable: plan.Pods(5),
			UpdateType: plan.ReCreate,
		}},
		Progress: Progress{Revision: "new", Stable: "old", Started: testEpoch().Add(time.Hour)},
	}
	if since > 0 {
		o.Progress.Ready = o.Now.Add(-since)
		o.Progress.Started = o.Progress.Ready
	}
	for i := range 5 {
		k := oldUp
		if i < 2 {
			k = newDown
		}
		if i < ready {
			k = newUp
		}
		o.Pods = append(o.Pods, k.pod(string(rune('a'+i))))
	}
	return o
}

// TestEveryStandingOfTwoChecks goes through every pair of verdicts of two checks of every sort, in a batch that is updated,
// pauses, is ready, and waits for approval, and holds what a check may do: a failed one that is not in dry run stops the
// release, none lets it go on before its end, and what has to be measured is.
func TestEveryStandingOfTwoChecks(t *testing.T) {
	verdicts := []plan.CheckVerdict{plan.CheckRunning, plan.CheckInconclusive, plan.CheckPassed, plan.CheckFailed}
	moments := []struct {
		name  string
		ready int
		since time.Duration
		pause plan.Pause
	}{
		{"updating", 1, 0, plan.Pause{}},
		{"pausing", 2, time.Minute, plan.Pause{Duration: time.Hour}},
		{"ready", 2, time.Minute, plan.Pause{}},
		{"waiting for approval", 2, time.Minute, plan.Pause{UntilApproved: true}},
	}
	worlds := 0
	for sorts := range 16 {
		checks := []plan.Check{
			{Name: "one", Count: 1, During: sorts&1 != 0, DryRun: sorts&2 != 0},
			{Name: "two", Count: 1, During: sorts&4 != 0, DryRun: sorts&8 != 0},
		}
		for _, moment := range moments {
			p := plan.BatchPlan{Checks: checks, Batches: []plan.Batch{
				{Replicas: plan.Pods(2), Checks: []string{"one", "two"}, Pause: moment.pause}, {Replicas: plan.Percent(100)},
			}}
			for _, one := range verdicts {
				for _, two := range verdicts {
					worlds++
					stands := []plan.CheckVerdict{one, two}
					// of another batch
					o := gateLook(moment.ready, moment.since, plan.CheckResult{Name: "one", Batch: 1, Verdict: plan.CheckFailed},
						plan.CheckResult{Name: "one", Verdict: one}, plan.CheckResult{Name: "two", Verdict: two})
					d := Decide(p, o)
					holdsChecks(t, checks, stands, moment.ready == 2, moment.pause, d, moment.name)
				}
			}
		}
	}
	t.Logf("%d worlds", worlds)
}

func holdsChecks(t *testing.T, checks []plan.Check, stands []plan.CheckVerdict, ready bool, pause plan.Pause, d Decision,
	moment string,
) {
	t.Helper()
	fails, open := false, false
	var measured []string
	for i, c := range checks {
		counts := c.During || ready // before that a check after the batch has not begun
		fails = fails || stands[i] == plan.CheckFailed && !c.DryRun && counts
		ended := stands[i] == plan.CheckPassed || stands[i] == plan.CheckFailed
		open = open || !ended
		atGate := ready && pause.Duration == 0
		if c.During && stands[i] != plan.CheckFailed || !c.During && atGate && !ended {
			measured = append(measured, c.Name)
		}
	}
	slices.Sort(d.Checks)
	state := func() string { return moment + " " + string(stands[0]) + " " + string(stands[1]) }
	switch {
	case fails:
		if d.Reason != plan.ChecksFailed || d.Verdict != Stopped || len(d.Checks) > 0 {
			t.Errorf("%+v %s: %s %s, measuring %v: a failed check must stop the release", checks, state(), d.Verdict, d.Reason, d.Checks)
		}
	case d.Ended():
		t.Errorf("%+v %s: ended with %s", checks, state(), d.Reason)
	case d.Batch == 1:
		if !ready || open || pause != (plan.Pause{}) || len(d.Checks) > 0 {
			t.Errorf("%+v %s: went on, measuring %v", checks, state(), d.Checks)
		}
	case ready && !open && pause == (plan.Pause{}):
		t.Errorf("%+v %s: did not go on: %s", checks, state(), d.Message)
	case !slices.Equal(d.Checks, measured):
		t.Errorf("%+v %s: %s measures %v, want %v", checks, state(), d.Reason, d.Checks, measured)
	}
}

// TestAHeldReleaseMeasuresNothing: a person who holds a release decides, not a check.
func TestAHeldReleaseMeasuresNothing(t *testing.T) {
	p := plan.BatchPlan{
		Checks:  []plan.Check{{Name: "one", Count: 1, During: true}},
		Batches: []plan.Batch{{Replicas: plan.Pods(2), Checks: []string{"one"}}},
	}
	o := gateLook(1, 0, plan.CheckResult{Name: "one", Verdict: plan.CheckFailed})
	o.Progress.Pause = true
	if d := Decide(p, o); d.Reason != plan.HeldByPerson || len(d.Checks) > 0 {
		t.Errorf("%s measures %v", d.Reason, d.Checks)
	}
}
