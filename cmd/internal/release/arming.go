// SPDX-License-Identifier: Apache-2.0

package release

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/manifests"
	"github.com/slipway-dev/slipway/rollout/steer"
)

func newRolloutArmCommand(s command.Streams) *cobra.Command {
	f := runFlags{
		parallel: agent.DefaultParallel, index: noIndex, progressFlags: progressFlags{output: "none"},
		modeFlags: modeFlags{mode: "partition", deletion: manifests.DeleteModeDelete},
	}
	var remove bool
	cmd := &cobra.Command{
		Use:   "arm [flags] [NAME|KIND/NAME]",
		Short: "Keep a target's pods as they are before its pod template changes",
		Long: `Set the partition of a target so high that a change of its pod template moves no pod. Then slipway rollout run can step
it down, batch by batch. It is for what runs before the template is applied, such as a PreSync hook, where Git leaves the
partition out. A target that does not exist yet is no error, and one that is being released is not changed.

A Deployment has no partition: it is paused, and gets a progressDeadlineSeconds that stands for none.

The partition is written by server-side apply as field manager slipway. A release puts it back at its end, so arming once
is enough, unless the object is made anew.`,
		Example: `  slipway rollout arm statefulset/demo -n shop
  # give the partition up again
  slipway rollout arm --remove statefulset/demo -n shop`,
		Args: usage.OneOfTheCluster,
		RunE: func(cmd *cobra.Command, args []string) error { return f.arm(cmd.Context(), s, args, remove) },
	}
	f.targetFlags.add(cmd)
	cmd.Flags().BoolVar(&remove, "remove", false, "give up a partition that was armed, once every pod is updated")
	return cmd
}

func (f *runFlags) arm(ctx context.Context, s command.Streams, args []string, remove bool) error {
	p, options, err := f.options(s, args)
	if err != nil {
		return err
	}
	if err := chooseOne(&p, args); err != nil {
		return err
	}
	act := steer.Arm
	if remove {
		act = steer.Disarm
	}
	said, err := act(ctx, steer.Options{
		Config: options.Config, Namespace: options.Namespace, Kind: options.Kind, Name: options.Name, Version: options.Version,
		Identity: options.Identity, Lease: options.Lease, Now: options.Now,
	})
	if err != nil {
		return f.outcome(ctx, rollout.Decision{}, err)
	}
	s.Say("%s", said)
	return nil
}
