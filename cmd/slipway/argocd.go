// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/render"
	"github.com/slipway-dev/slipway/rollout/manifests"
)

func newArgoCDCommand(s streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "argocd",
		Short: "Be a config management plugin of Argo CD",
		Long: `The commands of a config management plugin of Argo CD. Its server starts them in the folder of an application; the
README shows the plugin.yaml that names them.

Parameters come, in this order, from the application's plugin parameters (ARGOCD_APP_PARAMETERS), from its plugin
variables (SLIPWAY_SOURCE and so on, which arrive as ARGOCD_ENV_SLIPWAY_SOURCE), and from variables of the plugin's
container (SLIPWAY_SOURCE). Lists are separated by commas there, and so are the key=value pairs of mappings. Only the
container's own variables may name paths outside the repository.`,
	}
	c.AddCommand(newArgoCDGenerateCommand(s), newArgoCDParametersCommand(s))
	return c
}

func newArgoCDGenerateCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "generate",
		Short: "Render the application in the working folder and inject its SidecarSets",
		Long: `Render the application in the working folder, a Helm chart, a kustomization or a folder of manifests, inject the
SidecarSets, and print the manifests. slipway.yaml, where there is one, is the configuration. Objects that name no
namespace are taken to be in ARGOCD_APP_NAMESPACE. Printing nothing is an error: Argo CD would prune the application. So is an application without any SidecarSet, unless the
parameter sidecarsets is given: it is more likely forgotten.

A chart is rendered by the helm on PATH; what it depends on has to be in its charts folder.`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			app, err := newArgoApp(os.Environ())
			if err != nil {
				return err
			}
			s.err = app.messages(s.err)
			return (&exitError{exitFailure, app.generate(c.Context(), s)}).told(s)
		},
	}
}

// told says an error on the streams at hand, which need not be those of the caller.
func (e *exitError) told(s streams) error {
	if e.err == nil {
		return nil
	}
	return &exitError{code: s.exitCode(e.err)}
}

func newArgoCDParametersCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "parameters",
		Short: "Announce the parameters of the application in the working folder, as JSON",
		Args:  noArgs,

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			app, err := newArgoApp(os.Environ())
			if err != nil {
				return err
			}
			announced, err := app.announce()
			if err != nil {
				return err
			}
			e := json.NewEncoder(s.out)
			e.SetEscapeHTML(false)
			return e.Encode(announced)
		},
	}
}

// argoSource is a way to get an application's manifests.
type argoSource string

const (
	argoHelm      argoSource = "helm"
	argoKustomize argoSource = "kustomize"
	argoDirectory argoSource = "directory"
)

// argoConfig is the configuration that is used where no parameter names another.
const argoConfig = "slipway.yaml"

// nameArgoSets says how an application names its SidecarSets.
const nameArgoSets = `name the file or folder of the SidecarSets in the plugin's parameter "sidecarsets"`

// generate prints the manifests of the application.
func (a *argoApp) generate(ctx context.Context, s streams) error {
	source, err := a.source()
	if err != nil {
		return err
	}
	input, err := a.input()
	if err != nil {
		return err
	}
	paths := []string{"."}
	if source == argoHelm {
		manifests, err := a.helmTemplate(ctx)
		if err != nil {
			return err
		}
		s.in, paths = bytes.NewReader(manifests), []string{"-"}
	}
	input.tool = string(manifests.ArgoCD)
	req, findings, err := input.request(ctx, s, paths)
	if err != nil {
		return err
	}
	if source == argoHelm {
		req.StdinName = "helm template"
	}
	req.AsFiles = source == argoDirectory
	req.NameSets = nameArgoSets
	if req.Options.Namespace == "" {
		req.Options.Namespace = a.env["ARGOCD_APP_NAMESPACE"]
	}
	if err := s.tell(findings); err != nil {
		return err
	}
	sink := &argoSink{Stream: render.NewStream(s.out)}
	_, given := a.settings["sidecarsets"]
	req.Report = func(o *render.Outcome) error {
		if given || o.Failed() || sink.objects == 0 || o.Sets+o.Released > 0 {
			return nil
		}
		return errors.New("no SidecarSet is known, so that nothing is injected (" + nameArgoSets + ", an empty list to have none)")
	}
	outcome, err := render.Run(ctx, req, sink)
	if err != nil {
		return err
	}
	return s.tell(outcome.Findings)
}

// argoSink is a stream that must not end up empty and that holds nothing for slipway itself.
type argoSink struct {
	*render.Stream
	objects int
}

// Document passes on what is not configuration.
func (k *argoSink) Document(d *render.Document) error {
	if isConfiguration(d.Object) {
		left := *d
		left.Leaves = true
		return k.Stream.Document(&left)
	}
	if d.Object.Kind != "" && !d.Leaves {
		k.objects++
	}
	return k.Stream.Document(d)
}

// Commit refuses to print nothing.
func (k *argoSink) Commit() error {
	if k.objects == 0 {
		return errors.New("no object is left to deploy, and Argo CD would prune the application; delete the application itself to get rid of it" +
			" (to deploy SidecarSets set keepSidecarSets: true in " + argoConfig + ")")
	}
	if err := k.Stream.Commit(); err != nil {
		return fmt.Errorf("printing the application: %w", err)
	}
	return nil
}
