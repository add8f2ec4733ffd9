// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"os"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
	"github.com/slipway-dev/slipway/render/argocd"
	"github.com/slipway-dev/slipway/rollout/manifests"
)

func newArgoCDCommand(s command.Streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "argocd",
		Short: "Run as a config management plugin of Argo CD",
		Long: `The commands of a config management plugin of Argo CD. Its server starts them in the folder of an application;
the example in testdata/examples/argocd has the plugin.yaml that names them.

Parameters come, in this order, from the application's plugin parameters (ARGOCD_APP_PARAMETERS), from its plugin
variables (SLIPWAY_SOURCE and so on, which arrive as ARGOCD_ENV_SLIPWAY_SOURCE), and from variables of the plugin's
container (SLIPWAY_SOURCE). Lists are separated by commas there, and so are the key=value pairs of mappings. Only the
container's own variables may name paths outside the repository.`,
	}
	c.AddCommand(newArgoCDGenerateCommand(s), newArgoCDParametersCommand(s))
	return c
}

func newArgoCDGenerateCommand(s command.Streams) *cobra.Command {
	return &cobra.Command{
		Use:   "generate",
		Short: "Render the application in the working folder and inject its SidecarSets",
		Long: `Render the application in the working folder, a Helm chart, a kustomization or a folder of manifests, inject the
SidecarSets, and print the manifests. slipway.yaml, where there is one, is the configuration. Objects that name no
namespace are taken to be in ARGOCD_APP_NAMESPACE. It is an error if nothing is printed, because Argo CD would then prune
the application, and if there is no SidecarSet, because it was probably forgotten. Give the parameter sidecarsets if an
application is meant to have none.

A chart is rendered by the helm on PATH; what it depends on has to be in its charts folder.`,
		Args:              usage.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			app, err := argocd.Open(os.Environ())
			if err != nil {
				return err
			}
			s.Err = app.Messages(s.Err)
			return told(s, generate(c.Context(), s, app))
		},
	}
}

// told says an error on the streams at hand, which need not be those of the caller.
func told(s command.Streams, err error) error {
	if err == nil {
		return nil
	}
	return &command.ExitError{Code: s.ExitCode(err)}
}

func newArgoCDParametersCommand(s command.Streams) *cobra.Command {
	return &cobra.Command{
		Use:   "parameters",
		Short: "Announce the parameters of the application in the working folder, as JSON",
		Args:  usage.NoArgs,

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			app, err := argocd.Open(os.Environ())
			if err != nil {
				return err
			}
			announced, err := app.Announce()
			if err != nil {
				return err
			}
			e := json.NewEncoder(s.Out)
			e.SetEscapeHTML(false)
			return e.Encode(announced)
		},
	}
}

// generate prints the manifests of the application.
func generate(ctx context.Context, s command.Streams, app *argocd.App) error {
	in, err := app.Input(ctx)
	if err != nil {
		return err
	}
	if in.Manifests != nil {
		s.In = in.Manifests
	}
	input := inputFlags{sidecarSets: in.SetPaths, config: in.Config, tool: string(manifests.ArgoCD)}
	req, findings, err := input.request(ctx, s, in.Paths)
	if err != nil {
		return err
	}
	if err := s.Tell(findings); err != nil {
		return err
	}
	outcome, err := app.Render(ctx, in, req, s.Out)
	if err != nil {
		return err
	}
	return s.Tell(outcome.Findings)
}
