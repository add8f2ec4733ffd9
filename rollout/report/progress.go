// SPDX-License-Identifier: Apache-2.0

package report

import (
	"io"
	"log/slog"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// Progress writes one structured line for each change of a release, and for each answer to a check: for programs, and for the
// log of a pod.
type Progress struct {
	Recorder
	log *slog.Logger
}

// NewProgress writes to out.
func NewProgress(out io.Writer) *Progress {
	p := &Progress{log: slog.New(slog.NewJSONHandler(out, nil))}
	p.Emit = p.row
	return p
}

func (p *Progress) row(r Row) error {
	more := []any{
		"reason", r.Reason, "batch", r.Batch, "desired", r.Desired, "updated", r.Updated,
		"updatedReady", r.UpdatedReady, "ready", r.Ready, "available", r.Available, "total", r.Total,
	}
	if len(r.Waiting) > 0 {
		more = append(more, "waiting", r.Waiting)
	}
	p.log.Info(r.Action, more...)
	return nil
}

// Measure writes what a check has measured.
func (p *Progress) Measure(m plan.Measurement) {
	p.log.Info("measure", "reason", string(m.Verdict)+": "+m.Message, "check", m.Check, "batch", m.Batch+1, "number", m.Number,
		"value", m.Value, "dryRun", m.DryRun)
}
