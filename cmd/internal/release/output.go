// SPDX-License-Identifier: Apache-2.0

package release

import (
	"io"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/report"
)

// shower is an output format: what it does with a decision, and what with the end.
type shower struct {
	record func(rollout.Observed, rollout.Decision)
	end    func() error
}

func (opts simulateOptions) shower(out io.Writer, r release) (shower, error) {
	switch opts.output {
	case "table":
		return rowShower(report.Table(out)), nil
	case "jsonl":
		return rowShower(report.JSONLines(out)), nil
	case "audit":
		audit := report.NewAudit(out, r.plan)
		return shower{audit.Record, audit.Err}, nil
	case "html":
		h := report.NewHistory(r.plan)
		h.Simulated = true
		return shower{h.Record, func() error { return report.HTML(out, h) }}, nil
	default:
		return shower{}, command.OneOf("-o", opts.output, "table", "jsonl", "audit", "html")
	}
}

func rowShower(emit func(report.Row) error) shower {
	recorder := &report.Recorder{Emit: emit}
	return shower{recorder.Record, recorder.Err}
}
