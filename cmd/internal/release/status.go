// SPDX-License-Identifier: Apache-2.0

package release

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/screen"
	"github.com/slipway-dev/slipway/rollout/steer"
	"github.com/slipway-dev/slipway/rollout/tables"
)

// statusFlags are those of the commands that look at a release.
type statusFlags struct {
	findFlags
	output  string
	wait    bool
	timeout time.Duration
}

const statusCodes = `Exit codes: 0 the release is done, and nothing else is 0; 1 unexpected, 2 usage, 10 plan or spec invalid, 11 stopped by a check, a
deadline, the failure threshold, a refused pod or a person, 12 rolled back, 13 superseded or foreign change, 14 it has not ended.

Where no release is recorded, the CloneSet's own status is what counts: 0 when it is of the present generation and every pod
down to the partition is updated and available, else 14. A partition that keeps every pod is what a target has between releases:
all of its pods have to be updated then.

` + peopleRole

func newRolloutStatusCommand(s command.Streams) *cobra.Command {
	var f statusFlags
	cmd := &cobra.Command{
		Use:   "status [flags] [NAME|KIND/NAME]",
		Short: "Show the state of a release, also by the exit code",
		Long: `Show the state of a release: its batch, what it waits for, who has asked what of it, and whether an agent is at work. It
looks once, unless --wait is given. A plan with several targets is shown with a line for each, or name one of them; the exit
code is then that of the first one which has failed, or else 14 until all are done.

` + statusCodes,
		Example: `  slipway rollout status demo -n shop
  # in a script: wait for the end, and fail unless it is a good one
  slipway rollout status demo --wait --timeout 30m`,
		Args: usage.OneOfTheCluster,
		RunE: func(cmd *cobra.Command, args []string) error { return f.status(cmd.Context(), s, args) },
	}
	f.add(cmd)
	cmd.Flags().StringVarP(&f.output, "output", "o", "table", "table or json")
	cmd.Flags().BoolVar(&f.wait, "wait", false, "wait until the release has ended")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 0, "how long to wait; 0 is until the end")
	command.CompleteWords(cmd, "output", "table", "json")
	return cmd
}

func newRolloutWatchCommand(s command.Streams) *cobra.Command {
	var f statusFlags
	cmd := &cobra.Command{
		Use:   "watch [flags] [NAME|KIND/NAME]",
		Short: "Follow a release to its end",
		Long: `Follow a release to its end, and end with its exit code: JSON lines or, on a terminal, a table and below it the release as it
stands, drawn over again: batch, budget, what it waits for and the command that goes on, and the pods of each revision. It shows
what the agent stores and the CloneSet's status; where no agent is at work it says so and goes on, until --timeout.

` + statusCodes,
		Example: `  slipway rollout watch demo -n shop --timeout 30m`,
		Args:    usage.OneOfTheCluster,
		RunE:    func(cmd *cobra.Command, args []string) error { return f.watch(cmd.Context(), s, args) },
	}
	f.add(cmd)
	cmd.Flags().StringVarP(&f.output, "output", "o", "auto",
		"table, json (a line for each change), or auto: a table on a terminal, else json")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 0, "how long to follow it; 0 is until the end")
	command.CompleteWords(cmd, "output", "auto", "table", "json")
	return cmd
}

func (f *statusFlags) status(ctx context.Context, s command.Streams, args []string) error {
	if err := f.check("table", "json"); err != nil {
		return err
	}
	plan, err := f.readPlan(s)
	if err != nil {
		return err
	}
	if plan != nil && len(args) == 0 && len(plan.Waves.Targets) > 0 && !f.wait {
		return f.targetsStatus(ctx, s, *plan)
	}
	release, err := f.open(plan, args)
	if err != nil {
		return err
	}
	var standing steer.Status
	if f.wait {
		standing, err = f.follow(ctx, release, func(steer.Status) {})
	} else {
		standing, err = release.Status(ctx)
	}
	if err != nil && !errors.Is(err, errTimeout) {
		return readError(ctx, err)
	}
	status := describe(release, standing)
	if f.output == "json" {
		err = errors.Join(err, status.JSON(s.Out))
	} else {
		err = errors.Join(err, status.Table(s.Out))
	}
	return f.outcome(standing, err)
}

func (f *statusFlags) watch(ctx context.Context, s command.Streams, args []string) error {
	if err := f.check("auto", "table", "json"); err != nil {
		return err
	}
	shown := &progressFlags{output: f.output}
	s = shown.onTerminal(s, f.access)
	f.pods = shown.live != nil
	release, err := f.find(s, args)
	if err != nil {
		return err
	}
	record, _, end := shown.progress(s)
	told := ""
	standing, err := f.follow(ctx, release, func(standing steer.Status) {
		absent := standing.Agent.Absent(time.Now())
		if standing.Decision.Ended() {
			absent = ""
		}
		switch {
		case shown.live != nil:
			shown.live.Show(screen.View{
				Observed: standing.Observed, Decision: standing.Decision, Note: absent, Pods: standing.Pods,
				Seen: standing.Seen,
			})
			return
		case absent != "" && absent != told:
			s.Say("note: %s", absent)
		}
		told = absent
		record(standing.Observed, standing.Decision)
	})
	if failed := end(); failed != nil {
		return fmt.Errorf("writing progress: %w", failed)
	}
	if err != nil && !errors.Is(err, errTimeout) {
		return readError(ctx, err)
	}
	return f.outcome(standing, err)
}

// errTimeout says that a release has not ended in the time that was given.
var errTimeout = errors.New("the release has not ended in time")

// follow looks until the release has ended or the time is up.
func (f *statusFlags) follow(ctx context.Context, release *steer.Release, see func(steer.Status)) (steer.Status, error) {
	limited := ctx
	if f.timeout > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, f.timeout)
		defer cancel()
	}
	var last steer.Status
	_, err := release.Follow(limited, func(s steer.Status) {
		last = s
		see(s)
	})
	if err != nil && ctx.Err() == nil && limited.Err() != nil && last.Decision.Verdict != "" {
		err = errTimeout
	}
	return last, err
}

func (f *statusFlags) check(formats ...string) error {
	if f.timeout < 0 {
		return command.Usagef("--timeout %v: it cannot be negative", f.timeout)
	}
	return command.OneOf("--output", f.output, formats...)
}

// readError gives an error of reading a release its exit code.
func readError(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return &command.ExitError{Code: ExitSignal, Err: errors.New("stopped by a signal: the release goes on")}
	case errors.Is(err, kube.ErrInvalid):
		return &command.ExitError{Code: exitInvalid, Err: err}
	default:
		return err
	}
}

// outcome turns the last observation into an exit code. What is shown already is not told twice.
func (f *statusFlags) outcome(s steer.Status, err error) error {
	switch {
	case err != nil && !errors.Is(err, errTimeout):
		return err
	case errors.Is(err, errTimeout):
		return &command.ExitError{Code: ExitHeld, Err: fmt.Errorf("%w: %v: %s", err, f.timeout, s.Decision.Message)}
	}
	if code := standingCode(s.Decision); code != 0 {
		return &command.ExitError{Code: code}
	}
	return nil
}

// standingCode is the exit code for how a release stands: 0 for one that is done and for nothing else.
func standingCode(d rollout.Decision) int {
	if !d.Ended() {
		return ExitHeld
	}
	return d.Reason.ExitCode()
}

// describe is a look at a release as it is shown.
func describe(release *steer.Release, s steer.Status) tables.Status {
	status := tables.NewStatus(s.Plan, s.Observed, s.Decision)
	status.Target, status.Release, status.ExitCode = release.Target(), s.ID, standingCode(s.Decision)
	if s.Unread == nil {
		counts := s.Observed.Counts()
		status.Counts, status.AsOf = &counts, s.AsOf
	} else {
		status.Notes = append(status.Notes, s.Unread.Error())
	}
	if s.Unseen != nil {
		status.Notes = append(status.Notes, "why pods are not ready is not known: "+s.Unseen.Error())
	}
	if !s.Recorded() {
		return status
	}
	status.Agent = s.Agent
	switch absent := s.Agent.Absent(time.Now()); {
	case s.Agent.Unknown != "":
		status.AgentWords = "not known: " + s.Agent.Unknown
	case absent != "":
		status.AgentWords = absent
	default:
		status.AgentWords = s.Agent.Holder
	}
	return status
}
