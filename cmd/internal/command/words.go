// SPDX-License-Identifier: Apache-2.0

package command

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// OneOf refuses a value of a flag that is none of its words.
func OneOf(flag, value string, words ...string) error {
	if slices.Contains(words, value) {
		return nil
	}
	return Usagef("%s %q is not one of %s", flag, value, strings.Join(words, ", "))
}

// CompleteWords completes a flag of c with its words.
func CompleteWords(c *cobra.Command, flag string, words ...string) {
	CompleteFlag(c, flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}
