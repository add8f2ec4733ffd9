// SPDX-License-Identifier: Apache-2.0

package release

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
	"github.com/slipway-dev/slipway/rollout/report"
)

func newRolloutReplayCommand(s command.Streams) *cobra.Command {
	return &cobra.Command{
		Use:   "replay AUDIT.jsonl",
		Short: "Make the decisions of an audit log again and compare",
		Long: `Make every decision of an audit log again, from the observed state that the log has, and compare. The log comes from
rollout run --audit-log. Nothing is read but the file.

Exit codes: 0 all decisions are the same, 1 a decision differs or the log cannot be read, 2 usage.`,
		Example: `  slipway rollout replay release.jsonl`,
		Args:    usage.Takes(1, 1),
		RunE:    func(_ *cobra.Command, args []string) error { return runReplay(s, args[0]) },
	}
}

func runReplay(s command.Streams, file string) error {
	in, err := openLog(s, file)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // it was only read
	n, err := report.Replay(in)
	switch {
	case errors.Is(err, report.ErrDiffers):
		return fmt.Errorf("%s: %w", file, err)
	case err != nil:
		return fmt.Errorf("reading %s: %w", file, err)
	}
	_, err = io.WriteString(s.Out, fmt.Sprintf("%d decisions made again, none differs\n", n))
	return err
}
