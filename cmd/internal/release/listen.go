// SPDX-License-Identifier: Apache-2.0

package release

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/process"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/check"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/report"
	"github.com/slipway-dev/slipway/rollout/screen"
)

// progressFlags say to whom a release is shown.
type progressFlags struct {
	output   string
	auditLog string
	metrics  string
	live     *report.Live // the table on a terminal; nil: none
}

// listener hears every decision of a release.
type listener = func(rollout.Observed, rollout.Decision)

// listeners are those that the flags ask for: progress, the audit log, metrics. finish ends them. Measurements come before
// the decision that is made on them.
func (f *runFlags) listeners(s command.Streams, p plan.BatchPlan, options *agent.Options,
	measuring *check.Runner,
) (all []listener, finish func() error, err error) {
	var ends []func() error
	var measured []func(plan.Measurement)
	take := func() {
		for _, m := range measuring.Take() {
			for _, record := range measured {
				record(m)
			}
		}
	}
	all = append(all, func(rollout.Observed, rollout.Decision) { take() })
	ends = append(ends, func() error {
		measuring.Close()
		take()
		return nil
	})
	finish = func() error {
		var errs []error
		for _, end := range ends {
			errs = append(errs, end())
		}
		return errors.Join(errs...)
	}
	if record, measure, end := f.progress(s); record != nil {
		all, ends, measured = append(all, record), append(ends, end), append(measured, measure)
	}
	if f.auditLog != "" {
		file, done, err := f.openAuditLog(s)
		if err != nil {
			return nil, nil, err
		}
		audit := report.NewAudit(file, p)
		audit.Cluster(f.access.Cluster(options.Config))
		all, measured = append(all, audit.Record), append(measured, audit.Measure)
		ends = append(ends, func() error { return errors.Join(audit.Err(), done()) })
	}
	if f.metrics != "" {
		metrics := agent.NewMetrics(time.Now)
		end, err := process.Serve(f.metrics, metrics)
		if err != nil {
			return nil, nil, errors.Join(command.Usagef("--metrics-address %w", err), finish())
		}
		options.Metrics = metrics
		all, ends, measured = append(all, metrics.Record), append(ends, end), append(measured, metrics.Measure)
	}
	return all, finish, nil
}

// openAuditLog opens the log for what is to be appended; - is standard output, where a pod's log keeps it.
func (f *progressFlags) openAuditLog(s command.Streams) (log io.Writer, done func() error, err error) {
	if f.auditLog == "-" {
		return s.Out, func() error { return nil }, nil
	}
	file, err := command.Create(f.auditLog, os.O_APPEND, 0o644)
	if err != nil {
		return nil, nil, command.Usagef("--audit-log %s: %w", f.auditLog, err)
	}
	return file, file.Close, nil
}

// progress shows a release to people on a terminal, and to programs elsewhere. A terminal shows of measurements only what
// they amount to.
func (f *progressFlags) progress(s command.Streams) (listener, func(plan.Measurement), func() error) {
	switch {
	case f.live != nil:
		return f.live.Record, func(plan.Measurement) {}, f.live.End
	case f.output == "none":
		return nil, nil, nil
	default:
		lines := report.NewProgress(s.Out)
		return lines.Record, lines.Measure, lines.Err
	}
}

// onTerminal makes the table of a release, where there is to be one, and lets messages to people make room for it. reach is how
// the cluster is reached, for commands that people may copy.
func (f *progressFlags) onTerminal(s command.Streams, reach kube.Access) command.Streams {
	if f.live == nil && (f.output == "table" || f.output == "auto" && process.IsTerminal(s.Out)) {
		f.live = report.NewLive(s.Out, func() screen.Size {
			columns, lines := process.Size(s.Out)
			return screen.Size{Columns: columns, Lines: lines, Colours: process.Coloured(s.Out)}
		}, reach.Flags())
		s.Err = f.live.Beside(s.Err)
	}
	return s
}
