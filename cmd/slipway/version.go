// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/process"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
)

func newVersionCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, the commit and the Go version that slipway was built with",
		Args:  usage.NoArgs,

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(*cobra.Command, []string) error { return s.printVersion() },
	}
}

func (s streams) printVersion() error {
	if _, err := fmt.Fprintln(s.out, process.VersionLine()); err != nil {
		return fmt.Errorf("writing the version: %w", cause(err))
	}
	return nil
}
