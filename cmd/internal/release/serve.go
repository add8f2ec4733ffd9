// SPDX-License-Identifier: Apache-2.0

package release

import (
	"context"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/pages"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
)

// serveFlags say which release is shown, and where.
type serveFlags struct {
	findFlags
	log     string
	address string
}

func newRolloutServeCommand(s command.Streams) *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve [flags] [NAME|KIND/NAME]",
		Short: "Show the page of a release in a browser while it runs",
		Long: `Serve the page of a release while it runs, until ctrl-C: of the release in the cluster, as rollout watch sees it, or with -f of
an audit log, read again as it grows. A page from the cluster begins when it is opened; a log has every decision and write. It is
read-only, and listens on this machine alone unless --address says otherwise: whoever reaches that address can read it.

Exit codes: 0 ended by a signal, 1 release or log cannot be read, 2 usage, 10 plan invalid.

` + peopleRole,
		Example: `  slipway rollout serve statefulset/db -n shop
  slipway rollout serve -f release.jsonl`,
		Args: usage.OneOfTheCluster,
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, _, err := net.SplitHostPort(f.address); err != nil {
				return command.Usagef("--address %s: write HOST:PORT, such as 127.0.0.1:8080", f.address)
			}
			page, err := f.page(cmd.Context(), s, args)
			if err != nil {
				return err
			}
			return pages.Serve(cmd.Context(), f.address, page, func(url string) { s.Say("the page is at %s, until ctrl-C", url) })
		},
	}
	f.add(cmd)
	cmd.Flags().StringVarP(&f.log, "filename", "f", "", "`FILE` with the audit log of rollout run --audit-log, instead of a "+
		"release in the cluster")
	cmd.Flags().StringVar(&f.address, "address", "127.0.0.1:8080", "`ADDRESS` to listen on")
	return cmd
}

// page is the page of the log or of the release in the cluster, which could be read once.
func (f *serveFlags) page(ctx context.Context, s command.Streams, args []string) (func() (pages.Page, error), error) {
	switch {
	case f.log == "" && f.plan == "" && len(args) == 0:
		return nil, command.Usagef("nothing to show is named: name a CloneSet or KIND/NAME, or give -f FILE with an audit log")
	case f.log != "" && (f.plan != "" || len(args) > 0):
		return nil, command.Usagef("-f is an audit log, so no release in the cluster can be named beside it")
	case f.log != "":
		opened, err := openLog(s, f.log)
		if err != nil {
			return nil, err
		}
		defer opened.Close() //nolint:errcheck // nothing was written
		log := &pages.Log{File: f.log}
		_, err = log.Page()
		return log.Page, err
	}
	f.pods = true
	release, err := f.find(s, args)
	if err != nil {
		return nil, err
	}
	config, _, err := command.Reach(&f.access)
	if err != nil {
		return nil, err
	}
	page := &pages.Release{Cluster: f.access.Cluster(config), Now: time.Now}
	if err := page.Follow(ctx, release); err != nil {
		return nil, readError(ctx, err)
	}
	return page.Page, nil
}
