// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/starter"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
)

func newInitCommand(s command.Streams) *cobra.Command {
	const dash = "(a folder of that name is ./-)"
	var dir string
	c := &cobra.Command{
		Use:   "init [flags] [FOLDER]",
		Short: "Write a first configuration, SidecarSet and BatchPlan for the manifests of a folder",
		Long: `Look for workloads in a folder (the working directory), and write a SidecarInjector, a SidecarSet that selects the pods of
the first one, and a BatchPlan for the first one that can be released, into FOLDER/slipway. Files that are there already are
not changed. The commands to try next are printed.`,
		Example:           `  slipway init base/`,
		Args:              usage.Takes(0, 1),
		ValidArgsFunction: command.CompleteFolders,
		RunE: func(_ *cobra.Command, args []string) error {
			folder := append(args, ".")[0]
			if folder == "-" {
				return command.Usagef("- is no folder, and init takes one: name the folder that the manifests are in " + dash)
			}
			if dir == "-" {
				return command.Usagef("--output-dir is the folder to write into, and - is none: name one " + dash)
			}
			wrote, next, err := starter.Start(folder, cmp.Or(dir, filepath.Join(folder, "slipway")))
			if err != nil {
				return err
			}
			s.Say("wrote %s; next:", strings.Join(wrote, ", "))
			_, err = s.Out.Write([]byte(next))
			return err
		},
	}
	c.Flags().StringVar(&dir, "output-dir", "", "`FOLDER` to write into (default FOLDER/slipway)")
	command.CompleteFlag(c, "output-dir", command.CompleteFolders)
	return c
}
