// SPDX-License-Identifier: Apache-2.0

package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/request"
	"github.com/slipway-dev/slipway/rollout/steer"
)

// askFlags are those of a command that asks something of a release.
type askFlags struct {
	findFlags
	kind  rollout.RequestKind
	why   string
	batch int
	all   bool
}

// longestWhy bounds what one person writes into a record that has to fit into a ConfigMap, and into every message.
const longestWhy = 500

const askOutcome = `The request is stored in the ConfigMap slipway-CLONESET, with your name as the API server knows it, and the agent of
the release acts on it. status shows it later. If you have the right to create Events, an Event on the CloneSet shows it at once.

Exit codes: 0 stored; 1 refused, or there was nothing to change: nothing was stored; 2 usage; 10 plan invalid.

` + peopleRole

func newRolloutAskCommands(s command.Streams) []*cobra.Command {
	approve := askCommand(s, rollout.Approve, &cobra.Command{
		Use:   "approve [flags] [NAME|KIND/NAME]",
		Short: "Approve the batch that waits for approval",
		Long: `Approve the batch that waits for approval, and no other: only --batch and --all approve batches that do not wait yet.
An approval replaces no check, pause or time window: those of the batch still have to pass. promote ends a pause.`,
		Example: `  slipway rollout approve demo -n shop -m "latency looks fine"
  # ahead of time
  slipway rollout approve demo --batch 2`,
	})
	return []*cobra.Command{
		approve,
		askCommand(s, rollout.Promote, &cobra.Command{
			Use:   "promote [flags] [NAME|KIND/NAME]",
			Short: "End the pause of the batch that is ready",
			Long: `End the timed pause of the batch that is ready, and of no other: what comes after it, checks, an approval and the time window
of the next batch, still has to pass. With --full the release waits for no pause and no approval any more until it
ends; it still waits for checks and time windows.`,
			Example: `  slipway rollout promote demo -n shop -m "seen enough"
  # nothing but checks and time windows from here on
  slipway rollout promote demo -n shop --full`,
		}),
		askCommand(s, rollout.Pause, &cobra.Command{
			Use:   "pause [flags] [NAME|KIND/NAME]",
			Short: "Pause a release where it is",
			Long: `Pause a release where it is: the agent stays, and writes nothing until somebody resumes it. This time does not count
against the batch's deadline or pause.`,
			Example: `  slipway rollout pause demo -m "incident 42"`,
		}),
		askCommand(s, rollout.Resume, &cobra.Command{
			Use:     "resume [flags] [NAME|KIND/NAME]",
			Short:   "Resume a paused release",
			Long:    `Let a release continue that rollout pause has stopped.`,
			Example: `  slipway rollout resume demo`,
		}),
		askCommand(s, rollout.Abort, &cobra.Command{
			Use:   "abort [flags] [NAME|KIND/NAME]",
			Short: "Make a release fail, as its plan says",
			Long: `Make a release fail: it stops (exit code 11) or rolls back (12), as onFailure says. A paused release is resumed for
that.`,
			Example: `  slipway rollout abort demo -m "wrong image"`,
		}),
		askCommand(s, rollout.Undo, &cobra.Command{
			Use:   "undo [flags] [NAME|KIND/NAME]",
			Short: "Return to the revision before a release",
			Long: `Return to the revision before a release. While it runs it turns back now, within its budget, whatever onFailure says, and
its agent ends with exit code 12. After it has ended the template of the revision before is written into the CloneSet, as
kubectl rollout undo does with a Deployment; whoever replaces its pods acts on that: a controller, an agent that stays, or
the next slipway rollout run.

The cluster goes back, Git does not: revert the change there too.`,
			Example: `  slipway rollout undo demo -m "errors doubled"`,
		}),
	}
}

func askCommand(s command.Streams, kind rollout.RequestKind, cmd *cobra.Command) *cobra.Command {
	f := &askFlags{kind: kind}
	cmd.Long += "\n\n" + askOutcome
	cmd.Args = usage.OneOfTheCluster
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return f.run(cmd.Context(), s, args, cmd.Flags().Changed("batch"))
	}
	f.add(cmd)
	cmd.Flags().StringVarP(&f.why, "message", "m", "", "`TEXT` to record: why")
	if kind == rollout.Approve {
		cmd.Flags().IntVar(&f.batch, "batch", 0, "`NUMBER` of the batch, from 1, to approve that one and also ahead of time; "+
			"without it the one that waits")
		cmd.Flags().BoolVar(&f.all, "all", false, "approve every batch to come")
	}
	if kind == rollout.Promote {
		cmd.Flags().BoolVar(&f.all, "full", false, "end every pause and give every approval to come, up to the end of the release")
	}
	return cmd
}

func (f *askFlags) run(ctx context.Context, s command.Streams, args []string, batch bool) error {
	switch {
	case batch && f.all:
		return command.Usagef("--batch and --all exclude each other")
	case batch && f.batch < 1:
		return command.Usagef("--batch %d: batches are counted from 1", f.batch)
	case len(f.why) > longestWhy || strings.ContainsFunc(f.why, unicode.IsControl):
		return command.Usagef("--message: write one line of at most %d bytes", longestWhy)
	}
	release, err := f.find(s, args)
	if err != nil {
		return err
	}
	r := rollout.Request{Kind: f.kind, All: f.all, Why: f.why}
	if f.kind == rollout.Approve {
		r.Batch = f.batch - 1 // without --batch it is negative: the one that waits
	}
	answer, err := release.Request(ctx, r)
	var refusal *request.RefusedError
	switch {
	case errors.As(err, &refusal):
		return &command.ExitError{Code: command.ExitFailure, Err: fmt.Errorf("%s: %w: nothing was stored", release.Target(), refusal)}
	case errors.Is(err, kube.ErrInvalid):
		return &command.ExitError{Code: exitInvalid, Err: err}
	case err != nil:
		return err
	}
	if !answer.Changed {
		return &command.ExitError{Code: command.ExitFailure, Err: fmt.Errorf("%s: %s: nothing was stored", release.Target(),
			answer.Message)}
	}
	if _, err := io.WriteString(s.Out, manifest.Printable(release.Target()+": "+answer.Message)+"\n"); err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	f.advise(ctx, s, release, answer)
	return nil
}

// advise says what the person has to know beyond the answer.
func (f *askFlags) advise(ctx context.Context, s command.Streams, release *steer.Release, answer request.Answer) {
	if f.kind == rollout.Undo {
		s.Say("note: Git still has the template that is undone: revert the change there, or the next sync brings it back")
	}
	standing, err := release.Status(ctx)
	if err != nil {
		return // the request is stored, and this is by the way
	}
	absent := standing.Agent.Absent(time.Now())
	switch {
	case absent == "":
	case answer.Restore != "":
		s.Say("note: %s: a controller, or slipway rollout run, has to act on the template", absent)
	default:
		s.Say("note: %s: the next slipway rollout run acts on what is stored", absent)
	}
}
