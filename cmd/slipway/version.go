// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/process"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
	"github.com/slipway-dev/slipway/render"
)

func newVersionCommand(s command.Streams) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, the commit and the Go version that slipway was built with",
		Args:  usage.NoArgs,

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(*cobra.Command, []string) error { return printVersion(s) },
	}
}

func printVersion(s command.Streams) error {
	if _, err := fmt.Fprintln(s.Out, process.VersionLine()); err != nil {
		return fmt.Errorf("writing the version: %w", render.Cause(err))
	}
	return nil
}
