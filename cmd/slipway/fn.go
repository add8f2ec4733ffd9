// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/fn"
)

func newFnCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "fn",
		Short: "Run as a KRM function: a ResourceList on stdin and stdout",
		Long: `Read a ResourceList from standard input, inject its SidecarSets, and those of its functionConfig, into its items,
and write it to standard output. kustomize and kpt start this command; see the README for how to declare it.`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			return fn.Run(untilDone(c.Context(), s.in), s.out, s.err)
		},
	}
}
