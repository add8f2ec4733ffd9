// SPDX-License-Identifier: Apache-2.0

package release

import (
	"net"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/pages"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
)

func newRolloutServeCommand(s command.Streams) *cobra.Command {
	var address string
	log := &pages.Log{}
	cmd := &cobra.Command{
		Use:   "serve [flags] -f AUDIT.jsonl",
		Short: "Show the page of a release in a browser while it runs",
		Long: `Serve the page that rollout report makes of an audit log, read anew while the release runs, until ctrl-C. It is read only, and
listens on this machine alone unless --address says otherwise.

Exit codes: 0 ended by a signal, 1 the log cannot be read, 2 usage.`,
		Example: `  slipway rollout serve -f release.jsonl`,
		Args:    usage.Takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if log.File == "" {
				return command.Usagef("no audit log is named: give -f FILE")
			}
			if _, _, err := net.SplitHostPort(address); err != nil {
				return command.Usagef("--address %s: write HOST:PORT, such as 127.0.0.1:8080", address)
			}
			if _, err := log.Page(); err != nil {
				return err
			}
			return pages.Serve(cmd.Context(), address, log.Page, func(url string) { s.Say("the page is at %s, until ctrl-C", url) })
		},
	}
	cmd.Flags().StringVarP(&log.File, "filename", "f", "", "`FILE` with the audit log of rollout run --audit-log")
	cmd.Flags().StringVar(&address, "address", "127.0.0.1:8080", "`ADDRESS` to listen on")
	return cmd
}
