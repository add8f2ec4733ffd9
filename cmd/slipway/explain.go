// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/fn/matrix"
	"github.com/slipway-dev/slipway/render"
	"github.com/slipway-dev/slipway/render/report"
)

func newExplainCommand(s command.Streams) *cobra.Command {
	var input inputFlags
	var output string
	c := &cobra.Command{
		Use:   "explain [PATH|-]...",
		Short: "Say which SidecarSet matches which workload and why, and where each injected field comes from",
		Long: `Compare every SidecarSet with every workload of the input, and print for each pair whether it matches or the first
reason why not. For each field that would be injected, print the set and the rule that it comes from, and which value
is taken where there are two. Nothing is written.`,
		Example: `  slipway explain app.yaml -s sidecars/
  kustomize build . | slipway explain -s sidecars/ -o json
  # a page with all sets and workloads, for a browser
  slipway explain base -s sidecars/ -o html > matrix.html`,
		RunE: func(c *cobra.Command, args []string) error {
			format, err := command.ParseFormat("--output", output, "html")
			if err != nil {
				return err
			}
			req, findings, err := input.request(c.Context(), s, args)
			if err != nil {
				return err
			}
			if err := s.Tell(findings); err != nil {
				return err
			}
			req.Action, req.Detailed = render.Explain, true
			outcome, err := render.Run(c.Context(), req, render.Discard{})
			if err != nil {
				return err
			}
			if output == "html" {
				err = matrix.HTML(s.Out, outcome.Templates)
			} else {
				err = report.Write(s.Out, outcome, format)
			}
			if err != nil {
				return err
			}
			return s.Tell(outcome.Findings)
		},
	}
	input.register(c)
	registerOutput(c, &output, "print in `FORMAT` text, json, html, sarif or codequality",
		cobra.CompletionWithDesc("html", "for a browser"))
	return c
}
