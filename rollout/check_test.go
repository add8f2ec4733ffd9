// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// judged adds up verdicts in one letter each: p passed, f failed, i inconclusive. A capital is measured once the batch is
// ready, | is the moment at which it is not any more.
func judged(c Check, letters string) CheckVerdict {
	var t Tally
	for _, l := range letters {
		if l == '|' {
			t = t.Reopen()
			continue
		}
		v := map[string]CheckVerdict{"p": CheckPassed, "f": CheckFailed, "i": CheckInconclusive}[strings.ToLower(string(l))]
		t = t.Add(v, strings.ToUpper(string(l)) == string(l))
	}
	return c.Judge(t)
}

func TestJudge(t *testing.T) {
	strict, lenient := Check{Count: 2}, Check{Count: 3, FailureLimit: 1, InconclusiveLimit: 2}
	for _, c := range []struct {
		reason, letters string
		check           Check
		want            CheckVerdict
	}{
		{"nothing is known yet", "", strict, CheckRunning},
		{"one of two has passed", "P", strict, CheckRunning},
		{"all have passed", "PP", strict, CheckPassed},
		{"none may fail", "PF", strict, CheckFailed},
		{"a failure after all have passed still counts during a batch", "PPF", strict, CheckFailed},
		{"no answer may be missing", "I", strict, CheckFailed},
		{"one may fail", "PFP", lenient, CheckRunning},
		{"one has failed and all the others pass", "PFPP", lenient, CheckPassed},
		{"the second failure is too many", "FPF", lenient, CheckFailed},
		{"a missing answer is not a failure", "II", lenient, CheckInconclusive},
		{"an answer ends a row of missing ones", "IIPIIP", lenient, CheckRunning},
		{"a wrong answer ends it too", "IIFII", lenient, CheckInconclusive},
		{"a row that is too long", "PIII", lenient, CheckFailed},
		{"what fails stays failed", "IIIPPP", lenient, CheckFailed},
		{"what passes before the batch is ready does not count", "ppppp", strict, CheckRunning},
		{"what fails before it is ready does", "f", strict, CheckFailed},
		{"what passed before it was not ready any more does not count", "P|P", strict, CheckRunning},
		{"a failure is not forgotten", "FP|FP", lenient, CheckFailed},
	} {
		if got := judged(c.check, c.letters); got != c.want {
			t.Errorf("%s: %q is %s, want %s", c.reason, c.letters, got, c.want)
		}
	}
}

// naiveJudge reads a whole history again: does it hold one failure too many, a row without answers, enough passes at its
// end?
func naiveJudge(c Check, letters string) CheckVerdict {
	plain := strings.ReplaceAll(strings.ToLower(letters), "|", "")
	since := letters[strings.LastIndex(letters, "|")+1:]
	switch {
	case strings.Count(plain, "f") > c.FailureLimit, strings.Contains(plain, strings.Repeat("i", c.InconclusiveLimit+1)):
		return CheckFailed
	case strings.Count(since, "P") >= c.Count:
		return CheckPassed
	case strings.HasSuffix(plain, "i"):
		return CheckInconclusive
	default:
		return CheckRunning
	}
}

func FuzzJudge(f *testing.F) {
	f.Add("PPF", 2, 0, 0)
	f.Add("pi|IIP|FP", 1, 1, 2)
	f.Fuzz(func(t *testing.T, letters string, count, failures, inconclusive int) {
		letters = strings.Map(func(r rune) rune {
			if strings.ContainsRune("pfiPFI|", r) {
				return r
			}
			return -1
		}, letters)
		c := Check{Count: 1 + abs(count)%9, FailureLimit: abs(failures) % 5, InconclusiveLimit: abs(inconclusive) % 5}
		for n := range len(letters) + 1 {
			if got, want := judged(c, letters[:n]), naiveJudge(c, letters[:n]); got != want {
				t.Fatalf("%+v: %q is %s, want %s", c, letters[:n], got, want)
			}
		}
	})
}

func abs(n int) int { return max(n, -(n + 1)) }

func TestJudgeAgreesWithNaiveJudge(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	seen := map[CheckVerdict]int{}
	for range 20_000 {
		letters := make([]byte, r.IntN(16))
		for i := range letters {
			letters[i] = "ppfiPPPPPFI|"[r.IntN(12)]
		}
		c := Check{Count: 1 + r.IntN(4), FailureLimit: r.IntN(4), InconclusiveLimit: r.IntN(4)}
		got, want := judged(c, string(letters)), naiveJudge(c, string(letters))
		if seen[got]++; got != want {
			t.Fatalf("%+v: %q is %s, want %s", c, letters, got, want)
		}
	}
	if len(seen) != 4 {
		t.Errorf("only %v came up", seen)
	}
}

// gateLook is a look at a batch of five pods in a batch of two, of which ready are ready.
func gateLook(ready int, since time.Duration, results ...CheckResult) Observed {
	o := Observed{
		Now: testEpoch().Add(time.Hour), UpdateRevision: "new", StableRevision: "old", Revisions: testTemplates(), Checks: results,
		CloneSet: CloneSet{Name: "demo", UID: "u", Spec: CloneSetSpec{Replicas: 5, MaxUnavailable: Pods(5), UpdateType: ReCreate}},
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
	verdicts := []CheckVerdict{CheckRunning, CheckInconclusive, CheckPassed, CheckFailed}
	moments := []struct {
		name  string
		ready int
		since time.Duration
		pause Pause
	}{
		{"updating", 1, 0, Pause{}},
		{"pausing", 2, time.Minute, Pause{Duration: time.Hour}},
		{"ready", 2, time.Minute, Pause{}},
		{"waiting for approval", 2, time.Minute, Pause{UntilApproved: true}},
	}
	worlds := 0
	for sorts := range 16 {
		checks := []Check{
			{Name: "one", Count: 1, During: sorts&1 != 0, DryRun: sorts&2 != 0},
			{Name: "two", Count: 1, During: sorts&4 != 0, DryRun: sorts&8 != 0},
		}
		for _, moment := range moments {
			plan := Plan{Checks: checks, Batches: []Batch{{Replicas: Pods(2), Checks: []string{"one", "two"}, Pause: moment.pause}, {Replicas: Percent(100)}}}
			for _, one := range verdicts {
				for _, two := range verdicts {
					worlds++
					stands := []CheckVerdict{one, two}
					o := gateLook(moment.ready, moment.since, CheckResult{Name: "one", Batch: 1, Verdict: CheckFailed}, // of another batch
						CheckResult{Name: "one", Verdict: one}, CheckResult{Name: "two", Verdict: two})
					d := Decide(plan, o)
					holdsChecks(t, checks, stands, moment.ready == 2, moment.pause, d, moment.name)
				}
			}
		}
	}
	t.Logf("%d worlds", worlds)
}

func holdsChecks(t *testing.T, checks []Check, stands []CheckVerdict, ready bool, pause Pause, d Decision, moment string) {
	t.Helper()
	fails, open := false, false
	var measured []string
	for i, c := range checks {
		counts := c.During || ready // before that a check after the batch has not begun
		fails = fails || stands[i] == CheckFailed && !c.DryRun && counts
		ended := stands[i] == CheckPassed || stands[i] == CheckFailed
		open = open || !ended
		atGate := ready && pause.Duration == 0
		if c.During && stands[i] != CheckFailed || !c.During && atGate && !ended {
			measured = append(measured, c.Name)
		}
	}
	slices.Sort(d.Checks)
	state := func() string { return moment + " " + string(stands[0]) + " " + string(stands[1]) }
	switch {
	case fails:
		if d.Reason != ChecksFailed || d.Verdict != Stopped || len(d.Checks) > 0 {
			t.Errorf("%+v %s: %s %s, measuring %v: a failed check must stop the release", checks, state(), d.Verdict, d.Reason, d.Checks)
		}
	case d.Ended():
		t.Errorf("%+v %s: ended with %s", checks, state(), d.Reason)
	case d.Batch == 1:
		if !ready || open || pause != (Pause{}) || len(d.Checks) > 0 {
			t.Errorf("%+v %s: went on, measuring %v", checks, state(), d.Checks)
		}
	case ready && !open && pause == (Pause{}):
		t.Errorf("%+v %s: did not go on: %s", checks, state(), d.Message)
	case !slices.Equal(d.Checks, measured):
		t.Errorf("%+v %s: %s measures %v, want %v", checks, state(), d.Reason, d.Checks, measured)
	}
}

// TestAHeldReleaseMeasuresNothing: a person who holds a release decides, not a check.
func TestAHeldReleaseMeasuresNothing(t *testing.T) {
	plan := Plan{Checks: []Check{{Name: "one", Count: 1, During: true}}, Batches: []Batch{{Replicas: Pods(2), Checks: []string{"one"}}}}
	o := gateLook(1, 0, CheckResult{Name: "one", Verdict: CheckFailed})
	o.Progress.Hold = true
	if d := Decide(plan, o); d.Reason != HeldByPerson || len(d.Checks) > 0 {
		t.Errorf("%s measures %v", d.Reason, d.Checks)
	}
}
