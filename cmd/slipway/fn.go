// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/slipway-dev/slipway/fn"
	"github.com/spf13/cobra"
)

func newFnCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "fn",
		Short: "Run as a KRM function: a ResourceList on stdin and stdout",
		Long: `Read a ResourceList from standard input, inject its SidecarSets, and those of its functionConfig, into its items,
and write it to standard output. kustomize and kpt start this command; see the README for how to declare it.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return interruptible(c.Context(), func() error { return fn.Run(s.in, s.out, s.err) })
		},
	}
}
