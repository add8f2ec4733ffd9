// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
	"github.com/slipway-dev/slipway/fn/schema"
)

func newSchemaCommand(s command.Streams) *cobra.Command {
	return &cobra.Command{
		Use:   "schema KIND",
		Short: "Print the JSON Schema of a kind, for editors and kubeconform",
		Long: `Print the JSON Schema (2020-12) of a kind: sidecarinjector, batchplan, sidecarset or cloneset. It knows fields, types and
words; slipway lint says what is wrong beyond these. An editor with the YAML language server takes it from a manifest's first line:

  # yaml-language-server: $schema=` + schema.Base + `batchplan.json`,
		Example: `  slipway schema batchplan > batchplan.json
  kubeconform -schema-location default -schema-location '` + schema.Base + `{{ .ResourceKind }}.json' manifests/`,
		Args:              usage.Takes(1, 1),
		ValidArgsFunction: cobra.FixedCompletions(schema.Kinds(), cobra.ShellCompDirectiveNoFileComp),
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := schema.Of(args[0])
			if err != nil {
				return &command.ExitError{Code: command.ExitUsage, Err: err}
			}
			_, err = s.Out.Write(text)
			return err
		},
	}
}
