// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"strings"
	"time"
)

// CheckVerdict is how a check stands.
type CheckVerdict string

// The verdicts. A check that cannot be asked is Inconclusive and never passes by itself.
const (
	CheckRunning      CheckVerdict = "Running"
	CheckPassed       CheckVerdict = "Passed"
	CheckFailed       CheckVerdict = "Failed"
	CheckInconclusive CheckVerdict = "Inconclusive"
)

// CheckResult is the standing of one check in one batch (0-based).
type CheckResult struct {
	Name    string       `json:"name,omitempty"`
	Batch   int          `json:"batch,omitempty"`
	Verdict CheckVerdict `json:"verdict,omitempty"`
	Message string       `json:"message,omitempty"` // the measurement in words, such as "error rate 0.04, at most 0.01"
}

// Measurement is one answer to a check.
type Measurement struct {
	Check   string       `json:"check,omitempty"`
	Batch   int          `json:"batch,omitempty"`  // 0-based
	Number  int          `json:"number,omitempty"` // 1 is the first of the batch
	Time    time.Time    `json:"time,omitzero"`    // when it was asked
	Verdict CheckVerdict `json:"verdict,omitempty"`
	Value   string       `json:"value,omitempty"`   // what was measured, as the source has it; "" where nothing was
	Message string       `json:"message,omitempty"` // the value against its limits, or why there is none
	DryRun  bool         `json:"dryRun,omitempty"`
}

// Tally is how the measurements of one check in one batch add up. The zero Tally has none.
type Tally struct {
	Measured     int
	Passed       int // since the batch is ready
	Failed       int
	Inconclusive int // in a row, up to the last
	Longest      int // most inconclusive in a row
}

// Add counts one more measurement. ready tells whether the batch was ready when it was made: what passes before that
// says nothing about pods that do not serve yet.
func (t Tally) Add(v CheckVerdict, ready bool) Tally {
	t.Measured++
	switch v {
	case CheckPassed:
		t.Inconclusive = 0
		if ready {
			t.Passed++
		}
	case CheckFailed:
		t.Inconclusive = 0
		t.Failed++
	default:
		t.Inconclusive++
		t.Longest = max(t.Longest, t.Inconclusive)
	}
	return t
}

// Reopen forgets what passed, because the batch is not ready any more.
func (t Tally) Reopen() Tally {
	t.Passed = 0
	return t
}

// Judge says how the check stands. Failed is final. Passed is too, but for a check during a batch, which may still fail.
// As many measurements as have no answer in a row fail it like those with a wrong one: a release does not go on blind.
func (c Check) Judge(t Tally) CheckVerdict {
	switch {
	case t.Failed > c.FailureLimit || t.Longest > c.InconclusiveLimit:
		return CheckFailed
	case t.Passed >= c.Count:
		return CheckPassed
	case t.Inconclusive > 0:
		return CheckInconclusive
	default:
		return CheckRunning
	}
}

// Explain puts a tally and its last measurement into words.
func (c Check) Explain(t Tally, last Measurement) string {
	switch {
	case t.Longest > c.InconclusiveLimit:
		return fmt.Sprintf("%d measurements in a row were inconclusive, at most %d may be: %s", t.Longest, c.InconclusiveLimit,
			last.Message)
	case t.Failed > c.FailureLimit:
		return last.Message + c.allowed(t)
	}
	var parts []string
	parts = append(parts, fmt.Sprintf("%d of %d measurements passed", min(t.Passed, c.Count), c.Count))
	if t.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed of at most %d", t.Failed, c.FailureLimit))
	}
	if t.Inconclusive > 0 {
		parts = append(parts, fmt.Sprintf("%d inconclusive in a row of at most %d", t.Inconclusive, c.InconclusiveLimit))
	}
	words := strings.Join(parts, ", ")
	if last.Message != "" {
		words += "; last: " + last.Message
	}
	return words
}

// allowed says how many measurements have failed where more than one had to.
func (c Check) allowed(t Tally) string {
	if c.FailureLimit == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d of %d measurements failed, at most %d may)", t.Failed, t.Measured, c.FailureLimit)
}
