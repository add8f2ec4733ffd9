// SPDX-License-Identifier: Apache-2.0

package command

import (
	"fmt"

	"github.com/spf13/cobra"
)

// CompleteManifests completes files that can hold manifests, and folders.
func CompleteManifests(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return []cobra.Completion{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt
}

// CompleteFolders completes folders.
func CompleteFolders(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// CompleteFormats completes a flag of c with the formats of a report, and with those that c has besides them.
func CompleteFormats(c *cobra.Command, flag string, besides ...cobra.Completion) {
	CompleteWords(c, flag, append([]cobra.Completion{
		cobra.CompletionWithDesc("text", "for people"),
		cobra.CompletionWithDesc("json", "for programs"),
		cobra.CompletionWithDesc("sarif", "for code review tools"),
		cobra.CompletionWithDesc("codequality", "for GitLab"),
	}, besides...)...)
}

// CompleteFlag says how a shell completes the value of a flag of c.
func CompleteFlag(c *cobra.Command, flag string, complete cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(fmt.Sprintf("slipway: %s: %v", c.Name(), err)) // a flag that was not defined before
	}
}
