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

// CheckCounts are the measurements of one check in one batch, added up.
type CheckCounts struct {
	Measured     int
	Passed       int // since the batch is ready
	Failed       int
	Inconclusive int // in a row, up to the last
	Longest      int // most inconclusive in a row
}

// Add counts one more measurement. ready tells whether the batch was ready when it was made: what passes before that
// says nothing about pods that do not serve yet.
func (n CheckCounts) Add(v CheckVerdict, ready bool) CheckCounts {
	n.Measured++
	switch v {
	case CheckPassed:
		n.Inconclusive = 0
		if ready {
			n.Passed++
		}
	case CheckFailed:
		n.Inconclusive = 0
		n.Failed++
	default:
		n.Inconclusive++
		n.Longest = max(n.Longest, n.Inconclusive)
	}
	return n
}

// Reopen forgets what passed, because the batch is not ready any more.
func (n CheckCounts) Reopen() CheckCounts {
	n.Passed = 0
	return n
}

// Judge says how the check stands. Failed is final. Passed is too, but for a check during a batch, which may still fail.
// As many measurements as have no answer in a row fail it like those with a wrong one: a release does not go on blind.
func (c Check) Judge(n CheckCounts) CheckVerdict {
	switch {
	case n.Failed > c.FailureLimit || n.Longest > c.InconclusiveLimit:
		return CheckFailed
	case n.Passed >= c.Count:
		return CheckPassed
	case n.Inconclusive > 0:
		return CheckInconclusive
	default:
		return CheckRunning
	}
}

// Explain puts the counts and their last measurement into words.
func (c Check) Explain(n CheckCounts, last Measurement) string {
	switch {
	case n.Longest > c.InconclusiveLimit:
		return fmt.Sprintf("%d measurements in a row were inconclusive, at most %d may be: %s", n.Longest, c.InconclusiveLimit,
			last.Message)
	case n.Failed > c.FailureLimit:
		return last.Message + c.allowed(n)
	}
	var parts []string
	parts = append(parts, fmt.Sprintf("%d of %d measurements passed", min(n.Passed, c.Count), c.Count))
	if n.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed of at most %d", n.Failed, c.FailureLimit))
	}
	if n.Inconclusive > 0 {
		parts = append(parts, fmt.Sprintf("%d inconclusive in a row of at most %d", n.Inconclusive, c.InconclusiveLimit))
	}
	words := strings.Join(parts, ", ")
	if last.Message != "" {
		words += "; last: " + last.Message
	}
	return words
}

// allowed says how many measurements have failed where more than one had to.
func (c Check) allowed(n CheckCounts) string {
	if c.FailureLimit == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d of %d measurements failed, at most %d may)", n.Failed, n.Measured, c.FailureLimit)
}
