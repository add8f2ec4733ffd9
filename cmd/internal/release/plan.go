// SPDX-License-Identifier: Apache-2.0

package release

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
	"github.com/slipway-dev/slipway/rollout/outline"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/sim"
	"github.com/slipway-dev/slipway/rollout/tables"
)

func newRolloutPlanCommand(s command.Streams) *cobra.Command {
	var flags releaseFlags
	cmd := &cobra.Command{
		Use:   "plan [flags] TARGET.yaml",
		Short: "Show what a release will do, before it does anything",
		Long: `Show a release before it runs: its batches in absolute numbers of pods, how many pods stay available and how many
there are at most, what is updated in place and what is recreated and why, which pods come first, the number of writes,
and how long it takes if pods become ready as given. A plan with several targets is shown target by target, in the order of
its waves; all of them are then in TARGET.yaml.`,
		Example: `  # batches and budget of the release that the file describes
  slipway rollout plan cloneset.yaml
  # what becomes of the pods that run now, and how long it takes
  slipway rollout plan --from running.yaml --plan plan.yaml --ready 5s..30s cloneset.yaml`,
		Args: usage.Takes(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return runRolloutPlan(cmd.Context(), s, flags, args[0]) },
	}
	flags.add(cmd)
	return cmd
}

func runRolloutPlan(ctx context.Context, s command.Streams, flags releaseFlags, file string) error {
	all, p, err := flags.loadAll(s, file)
	if err != nil {
		return err
	}
	if len(p.Waves.Targets) > 0 {
		return planTargets(ctx, s, flags, file, p, all)
	}
	return planOf(ctx, s.Out, flags, file, all[0])
}

// simulated tells whether the release of an object can be: where slipway writes pods, or there is a model of its controller.
func simulated(set plan.Workload) bool {
	k := set.KindOf()
	return k.Direct || k.BySurge || set.Spec.OnDelete
}

// planOf shows what the release of one target will do.
func planOf(ctx context.Context, w io.Writer, flags releaseFlags, file string, r release) error {
	counted := len(r.nodes) > 0 || !r.set.KindOf().Nodes
	if missing := sim.Missing(r.plan, r.set, r.nodes); missing != "" && counted {
		return command.Usagef("%s: %s", file, missing)
	}
	planned, err := outline.New(r.plan, r.set, r.older, r.nodes)
	if err != nil {
		return &command.ExitError{Code: exitInvalid, Err: fmt.Errorf("%s: %w", file, err)}
	}
	if r.onlyDefaults && r.plan.ModeFor(r.set.KindOf()) == plan.Direct {
		planned.Warnings = append(planned.Warnings, "one template writes out defaults that the other leaves out: each pod gets the "+
			"label of the new revision, and nothing else changes")
	}
	if !counted || !simulated(r.set) {
		return tables.Plan(w, planned, tables.Cost{})
	}
	estimate, err := sim.NewEstimate(ctx, r.withoutLimits(), r.set, r.olderTemplate(), r.simOptions())
	if err != nil {
		return &command.ExitError{Code: 1, Err: fmt.Errorf("estimating the release of %s %s: %w", r.set.KindName(), r.set.Name, err)}
	}
	if estimate.Ended.Reason.ExitCode() != 0 {
		return tables.Plan(w, planned, tables.Cost{Ends: estimate.Ended.Message})
	}
	n := estimate.Writes
	return tables.Plan(w, planned, tables.Cost{
		Batches: estimate.Batches, Total: estimate.Total, LeastAvailable: estimate.LeastAvailable, MostPods: estimate.MostPods,
		Creates: n.Create, Deletes: n.Delete, InPlace: n.Update, Drains: n.Drain, Resizes: n.Resize, Readmits: n.Readmit,
		Labels: n.Keep + n.Lifecycle, Ready: flags.ready,
	})
}
