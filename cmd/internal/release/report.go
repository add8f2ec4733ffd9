// SPDX-License-Identifier: Apache-2.0

package release

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
	"github.com/slipway-dev/slipway/render"
	"github.com/slipway-dev/slipway/rollout/report"
)

// historyFlags say which release of a log is shown and where.
type historyFlags struct {
	output  string
	release int
}

func newRolloutReportCommand(s command.Streams) *cobra.Command {
	var f historyFlags
	cmd := &cobra.Command{
		Use:   "report [flags] AUDIT.jsonl...",
		Short: "Make a page about a release from its audit log",
		Long: `Make one self-contained HTML page about a release from its audit log: how it ended, the numbers, a timeline against the
budget, a lane for each pod, batches, pauses, checks, and every decision with its reason. The log comes from
rollout run --audit-log; - is standard input. Nothing is read but the log.

The page loads nothing from anywhere, so it can be sent, stored and printed. A log in which several agents went on with a
release is shown as that release, with the gaps between them. A log that is cut short is shown as far as it goes. Of a log
with several releases the last one is shown. Several logs, such as those of a plan with several targets, become one page.

Exit codes: 0 the page is written, 1 the log cannot be read, 2 usage.`,
		Example: `  slipway rollout report release.jsonl -o release.html
  # the targets of a plan on one page
  slipway rollout report release-*.jsonl -o releases.html
  # the one before the last, from another program
  kubectl exec agent -- cat /audit/release.jsonl | slipway rollout report - --release -2 > release.html`,
		Args: usage.Takes(1, -1),
		RunE: func(_ *cobra.Command, args []string) error { return f.run(s, args) },
	}
	cmd.Flags().StringVarP(&f.output, "output", "o", "-", "`FILE` to write the page to; - is standard output")
	cmd.Flags().IntVar(&f.release, "release", -1, "which release of the log: 1 is the first, -1 the last")
	return cmd
}

func (f historyFlags) run(s command.Streams, files []string) error {
	if out, err := os.Stat(f.output); err == nil && out.Mode().IsRegular() {
		for _, file := range files {
			if in, err := os.Stat(file); err == nil && os.SameFile(in, out) {
				return command.Usagef("--output %s: that is the audit log itself, which the page would take the place of: "+
					"name another file", f.output)
			}
		}
	}
	var all []*report.History
	for _, file := range files {
		h, err := f.read(s, file)
		if err != nil {
			return err
		}
		all = append(all, h)
	}
	if f.output == "-" || f.output == "" {
		return report.HTML(s.Out, all...)
	}
	var page bytes.Buffer
	err := report.HTML(&page, all...)
	if err == nil {
		err = command.WriteFile(f.output, page.Bytes())
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", f.output, err)
	}
	return nil
}

// openLog opens an audit log to read it; - is standard input.
func openLog(s command.Streams, file string) (io.ReadCloser, error) {
	if file == "-" {
		return io.NopCloser(s.In), nil
	}
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return nil, fmt.Errorf("reading %s: this is a folder, and an audit log is one file: name it, as rollout run --audit-log "+
			"FILE has it", file)
	}
	return render.Open(file)
}

// read is the release of a log that is meant.
func (f historyFlags) read(s command.Streams, file string) (*report.History, error) {
	in, err := openLog(s, file)
	if err != nil {
		return nil, err
	}
	defer in.Close() //nolint:errcheck // it was only read
	all, err := report.ReadHistory(in)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	h, err := report.Pick(all, f.release)
	if err != nil {
		return nil, command.Usagef("--release %d: %w", f.release, err)
	}
	if file != "-" {
		h.Source = filepath.Base(file)
	}
	return h, nil
}
