// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/render"
)

func newEjectCommand(s command.Streams) *cobra.Command {
	var f renderFlags
	c := &cobra.Command{
		Use:   "eject [PATH|-]...",
		Short: "Take out what slipway put in",
		Long: `Take injected containers, volumes, pull secrets and annotations out of manifests again, and put back what they
displaced. Where the manifests have not been changed since, the result is the original, byte for byte. What others have
changed stays as it is.`,
		Example: `  slipway eject app.yaml
  slipway eject --in-place manifests/`,
		RunE: func(c *cobra.Command, args []string) error {
			req, findings, err := f.input.request(c.Context(), s, args)
			if err != nil {
				return f.report.failed(s, err)
			}
			req.Action, req.KeepSidecarSets = render.Eject, true
			return f.run(c.Context(), s, req, findings)
		},
	}
	f.input.registerConfig(c, "read the workloads that were added from `FILE`, a SidecarInjector")
	f.register(c)
	return c
}
