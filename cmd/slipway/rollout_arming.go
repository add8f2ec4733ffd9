// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
)

func newRolloutArmCommand(s streams) *cobra.Command {
	f := runFlags{mode: "partition", deletion: kube.DeleteModeDelete, output: "none", parallel: kube.DefaultParallel}
	var remove bool
	cmd := &cobra.Command{
		Use:   "arm [flags] [KIND/NAME]",
		Short: "Hold a target's pods back before its pod template changes",
		Long: `Set the partition of a target so high that a change of its pod template moves no pod. Then slipway rollout run can step
it down, batch by batch. It is for what runs before the template is applied, such as a PreSync hook, where Git leaves the
partition out. A target that does not exist yet is no error, and one that is being released is left alone.

The partition is written by server-side apply as field manager slipway. A release puts it back at its end, so arming once
is enough, unless the object is made anew.`,
		Example: `  slipway rollout arm statefulset/demo -n shop
  # give the partition up again
  slipway rollout arm --remove statefulset/demo -n shop`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.arm(cmd.Context(), s, args, remove) },
	}
	f.addAccess(cmd)
	cmd.Flags().BoolVar(&remove, "remove", false, "give up a partition that was armed, once every pod is updated")
	return cmd
}

func (f *runFlags) arm(ctx context.Context, s streams, args []string, remove bool) error {
	_, options, err := f.options(s, args)
	if err != nil {
		return err
	}
	act := kube.Arm
	if remove {
		act = kube.Disarm
	}
	said, err := act(ctx, options)
	if err != nil {
		return f.outcome(ctx, rollout.Decision{}, err)
	}
	s.say("%s", said)
	return nil
}
