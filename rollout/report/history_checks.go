// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// checked is one answer of a check.
type checked struct {
	at      time.Time
	name    string
	batch   int // 0-based
	verdict string
	message string
}

// Measure adds one answer to a check.
func (h *History) Measure(m plan.Measurement) {
	message := m.Message
	if m.DryRun {
		message += " (dry run: it decides nothing)"
	}
	h.measurements = true
	h.checks = append(h.checks, checked{h.plausible(m.Time), m.Check, m.Batch, string(m.Verdict), message})
}

// check adds the results of checks that are new. Where the measurements are told one by one, their sum says nothing more.
func (h *History) check(o rollout.Observed) {
	if h.measurements {
		return
	}
	for _, r := range o.Checks {
		h.measured(checked{o.Now, r.Name, r.Batch, string(r.Verdict), r.Message})
	}
}

// measured adds an answer unless it repeats the last one of the same check and batch.
func (h *History) measured(c checked) {
	for i := len(h.checks) - 1; i >= 0; i-- {
		last := h.checks[i]
		if last.name == c.name && last.batch == c.batch {
			if last.verdict == c.verdict && last.message == c.message {
				return
			}
			break
		}
	}
	h.checks = append(h.checks, c)
}

func number(n int) string { return strconv.Itoa(n) }
