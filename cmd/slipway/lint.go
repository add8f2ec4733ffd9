// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render"
	"github.com/slipway-dev/slipway/render/report"
)

func newLintCommand(s command.Streams) *cobra.Command {
	var input inputFlags
	var output string
	c := &cobra.Command{
		Use:   "lint [PATH|-]...",
		Short: "Check SidecarSets and BatchPlans, offline",
		Long: `Check every SidecarSet of the input against the rules of Kruise's admission, against each other, and against the
policies of the configuration, without a cluster. Resource expressions are computed with quantities, so that a set that
passes here does not make the cluster refuse pods later.

Check every BatchPlan too: each field of it, and, where the input holds the target, whether its batches and bounds fit.

Policies, in the configuration:

  policies:
    imagesByDigest: true          # image@sha256:..., not a tag that can move
    registries: [registry.example.com, docker.io/library]
    noPrivileged: true            # no privileged container, SYS_ADMIN, ALL or allowPrivilegeEscalation
    resourcesSet: true            # requests and limits of cpu and memory

Exit codes: 0 no error (there may be warnings), 1 errors, 2 wrong usage.`,
		Example: `  slipway lint sidecars/
  slipway lint sidecars/ -c slipway.yaml -o sarif > lint.sarif`,
		RunE: func(c *cobra.Command, args []string) error {
			format, err := command.ParseFormat("--output", output)
			if err != nil {
				return err
			}
			req, findings, err := input.request(c.Context(), s, args)
			if err != nil {
				return err
			}
			outcome := &render.Outcome{Findings: findings}
			if !manifest.HasErrors(findings) {
				if outcome, err = render.Lint(c.Context(), req, input.policies); err != nil {
					return err
				}
			}
			if format == report.Text {
				err = report.WriteFindings(s.Out, outcome)
			} else {
				err = report.Write(s.Out, outcome, format)
			}
			if err == nil && outcome.Failed() {
				err = &command.ExitError{Code: command.ExitFailure}
			}
			return err
		},
	}
	input.register(c)
	registerOutput(c, &output, "`FORMAT` of the findings on stdout: text, json, sarif or codequality")
	return c
}
