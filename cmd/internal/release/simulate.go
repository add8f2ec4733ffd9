// SPDX-License-Identifier: Apache-2.0

package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/process"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/sim"
)

type simulateOptions struct {
	releaseFlags
	crash  int
	kill   bool
	checks []string
	output string
}

func newRolloutSimulateCommand(s command.Streams) *cobra.Command {
	var opts simulateOptions
	cmd := &cobra.Command{
		Use:   "simulate [flags] TARGET.yaml",
		Short: "Simulate a release in memory and show every state of it",
		Long: `Simulate a release in memory, on a virtual clock, and show every state that the target goes through, with what is
done in it and why. Nothing is read but the files, and nothing is written but the output.`,
		Example: `  # the release that the file describes, from a revision with another image
  slipway rollout simulate cloneset.yaml
  # what changes if pods need 5 to 30 seconds and three of them crash meanwhile
  slipway rollout simulate --ready 5s..30s --crash 3 cloneset.yaml
  # what happens if the check error-rate fails in the second batch
  slipway rollout simulate --plan plan.yaml --check error-rate=fail@2 cloneset.yaml
  # a page to look at
  slipway rollout simulate --from old.yaml --plan plan.yaml -o html cloneset.yaml > release.html`,
		Args: usage.Takes(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return opts.run(cmd.Context(), s, args[0]) },
	}
	opts.add(cmd)
	cmd.Flags().IntVar(&opts.crash, "crash", 0, "let this many pods crash and recover at random moments")
	cmd.Flags().BoolVar(&opts.kill, "kill-every-write", false, "end the agent after each write and start it again")
	cmd.Flags().StringArrayVar(&opts.checks, "check", nil,
		"`NAME=fail` lets a check of the plan fail, NAME=fail@2 in the second batch; all others are assumed to pass")
	cmd.Flags().StringVarP(&opts.output, "output", "o", "table",
		"output: table, jsonl, audit (the log that rollout report and replay read) or html")
	command.CompleteFlag(cmd, "check", opts.completePlan(failing))
	command.CompleteWords(cmd, "output", "table", "jsonl", "audit", "html")
	return cmd
}

func (opts simulateOptions) run(ctx context.Context, s command.Streams, file string) error {
	if opts.crash < 0 {
		return command.Usagef("--crash %d: the number cannot be negative", opts.crash)
	}
	r, err := opts.load(s, file)
	if err != nil {
		return err
	}
	if k := r.set.KindOf(); !simulated(r.set) {
		return command.Usagef("%s: only the release of a CloneSet, a Deployment or what has OnDelete can be simulated: the pods of a "+
			"%s are replaced by %s in its own way; rollout plan shows the batches", file, k.Name, k.Controller)
	}
	if missing := sim.Missing(r.plan, r.set, r.nodes); missing != "" {
		return command.Usagef("%s: %s", file, missing)
	}
	var windows bool
	if r.plan, windows = r.plan.WithoutWindows(); windows {
		s.Say("note: time windows are taken to be open: a simulated release has no time of day")
	}
	show, err := opts.shower(s.Out, r)
	if err != nil {
		return err
	}
	options := r.simOptions()
	if options.Checks, err = opts.checking(r.plan); err != nil {
		return err
	}
	if opts.crash > 0 {
		// Crashes belong into the time that the release takes, and that is known only after playing it.
		calm := sim.New(r.set, r.olderTemplate(), options)
		if _, err := sim.Play(ctx, r.plan, calm, nil); err != nil {
			return &command.ExitError{Code: 1, Err: fmt.Errorf("simulating %s %s: %w", r.set.KindName(), r.set.Name, err)}
		}
		options.Crashes, options.Horizon = opts.crash, calm.Now()
	}
	options.KillEveryWrite = opts.kill
	cluster := sim.New(r.set, r.olderTemplate(), options)
	process.SaveMemoryPlaying(cluster.Room())
	line := progressLine{to: s, name: r.set.Name, shown: process.IsTerminal(s.Err) && !process.IsTerminal(s.Out)}
	decision, err := sim.Play(ctx, r.plan, cluster, func(o rollout.Observed, d rollout.Decision) {
		line.note(o, d, cluster.Now())
		show.record(o, d)
	})
	line.clear()
	if err == nil {
		err = show.end()
	}
	if err != nil {
		return &command.ExitError{Code: 1, Err: fmt.Errorf("simulating %s %s: %w", r.set.KindName(), r.set.Name, err)}
	}
	return verdict(decision)
}

// checking says which checks fail, and in which batch.
func (opts simulateOptions) checking(p plan.BatchPlan) (func(string, int) (bool, string), error) {
	fails := map[string]int{} // 1-based batch; 0: each
	for _, text := range opts.checks {
		name, what, _ := strings.Cut(text, "=")
		word, number, at := strings.Cut(what, "@")
		batch, err := strconv.Atoi(number)
		if word != "fail" || at && (err != nil || batch < 1) {
			return nil, command.Usagef("--check %s: write NAME=fail, or NAME=fail@2 for the second batch", text)
		}
		if !slices.ContainsFunc(p.Checks, func(c plan.Check) bool { return c.Name == name }) {
			return nil, command.Usagef("--check %s: the plan has no check %q", text, name)
		}
		fails[name] = batch
	}
	return func(name string, batch int) (bool, string) {
		if at, ok := fails[name]; ok && (at == 0 || at == batch+1) {
			return false, "assumed to fail"
		}
		return true, "assumed to pass"
	}, nil
}

// verdict turns a release's end into an exit code.
func verdict(d rollout.Decision) error {
	if code := d.Reason.ExitCode(); code != 0 {
		return &command.ExitError{Code: code, Err: errors.New(d.Message)}
	}
	return nil
}
