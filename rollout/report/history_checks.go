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
	value   string // what was measured; "": nothing, or it is not told
}

// measurements are the answers of checks.
type measurements struct {
	checks []checked
	single bool // they are told one by one
}

// measure adds one answer to a check.
func (h *History) measure(m plan.Measurement) {
	message := m.Message
	if m.DryRun {
		message += " (dry run: it decides nothing)"
	}
	h.single = true
	h.checks = append(h.checks, checked{h.plausible(m.Time), m.Check, m.Batch, string(m.Verdict), message, m.Value})
}

// results adds the results of checks that are new. Where the measurements are told one by one, their sum says nothing more.
func (m *measurements) results(o rollout.Observed) {
	if m.single {
		return
	}
	for _, r := range o.Checks {
		m.add(checked{o.Now, r.Name, r.Batch, string(r.Verdict), r.Message, ""})
	}
}

// add adds an answer unless it repeats the last one of the same check and batch.
func (m *measurements) add(c checked) {
	for i := len(m.checks) - 1; i >= 0; i-- {
		last := m.checks[i]
		if last.name == c.name && last.batch == c.batch {
			if last.verdict == c.verdict && last.message == c.message {
				return
			}
			break
		}
	}
	m.checks = append(m.checks, c)
}

func number(n int) string { return strconv.Itoa(n) }
