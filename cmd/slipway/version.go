// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersionCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, the commit and the Go version that slipway was built with",
		Args:  noArgs,

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			if _, err := fmt.Fprintln(s.out, versionLine()); err != nil {
				return fmt.Errorf("writing the version: %w", cause(err))
			}
			return nil
		},
	}
}

// versionLine is the version, the commit and the Go version.
func versionLine() string {
	version, commit, goVersion := "(unknown)", "", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		version, goVersion = info.Main.Version, info.GoVersion
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				commit = " commit " + setting.Value
			}
		}
	}
	return fmt.Sprintf("slipway %s%s %s", version, commit, goVersion)
}

// buildVersion is the version alone, as servers see it.
func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
