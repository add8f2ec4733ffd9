// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/process"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
	"github.com/slipway-dev/slipway/fn"
)

func newFnCommand(s command.Streams) *cobra.Command {
	return &cobra.Command{
		Use:   "fn",
		Short: "Run as a KRM function: a ResourceList on stdin and stdout",
		Long: `Read a ResourceList from standard input, inject its SidecarSets, and those of its functionConfig, into its items,
and write it to standard output. With release: {image: ...} in the functionConfig make the releases of its BatchPlans, as
slipway render does. kustomize and kpt start this command; render/README.md shows how to declare it.`,
		Args:              usage.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			return runFunction(s, process.UntilDone(c.Context(), s.In))
		},
	}
}

// runFunction is slipway as a KRM function.
func runFunction(s command.Streams, in io.Reader) error {
	if process.IsTerminal(s.In) {
		s.Say("waiting for a ResourceList on standard input, which kustomize and kpt send: slipway render reads manifests (end the " +
			"input with ctrl-D)")
	}
	defer process.CollectRarely()()
	return fn.Run(in, s.Out, s.Err)
}
