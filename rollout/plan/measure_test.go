// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// judged adds up verdicts in one letter each: p passed, f failed, i inconclusive. A capital is measured once the batch is
// ready, | is the moment at which it is not any more.
func judged(c Check, letters string) CheckVerdict {
	var t CheckCounts
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
