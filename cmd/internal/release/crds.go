// SPDX-License-Identifier: Apache-2.0

package release

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/kube/crd"
)

// crdFlags say what is done with the definitions, and where.
type crdFlags struct {
	access  kube.Access
	check   bool
	install bool
}

func newRolloutCRDsCommand(s command.Streams) *cobra.Command {
	var f crdFlags
	cmd := &cobra.Command{
		Use:   "crds [flags]",
		Short: "Print or install the CloneSet and SidecarSet definitions for clusters without Kruise",
		Long: `Print slipway's own CustomResourceDefinitions of CloneSet and SidecarSet. They are for clusters in which Kruise is not
installed: where it is, its definitions must stay, because Kruise cannot work with others.

--check says whose definitions the cluster has: absent, ours or kruise, which stands for anybody else's. --install writes
those that are absent or ours, and nothing at all where one is of somebody else.

Exit codes: 0 done, 1 unexpected, 2 usage, 13 a definition is of somebody else.`,
		Example: `  slipway rollout crds --install
  # through Git, after --check has said that Kruise is not there
  slipway rollout crds > crds.yaml`,
		Args: usage.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), s) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.check, "check", false, "say whose definitions the cluster has, and write nothing")
	flags.BoolVar(&f.install, "install", false, "write the definitions into the cluster, unless they are Kruise's")
	command.AddAccess(cmd, &f.access)
	return cmd
}

func (f crdFlags) run(ctx context.Context, s command.Streams) error {
	if f.check && f.install {
		return command.Usagef("--check and --install exclude each other: --install looks first, and writes nothing over other " +
			"definitions")
	}
	if !f.check && !f.install {
		_, err := fmt.Fprintf(s.Out, "%s---\n%s", crd.CloneSet(), crd.SidecarSet())
		return err
	}
	f.access.QPS, f.access.Burst = 10, 10
	config, _, err := command.Reach(&f.access)
	if err != nil {
		return err
	}
	definitions, err := crd.Read(ctx, config)
	if err != nil {
		return err
	}
	say := func(name, what string) error {
		_, err := fmt.Fprintln(s.Out, name+"\t"+what)
		return err
	}
	if f.install {
		err := crd.Install(ctx, config, definitions, say)
		if foreign := new(crd.ForeignError); errors.As(err, &foreign) {
			return &command.ExitError{Code: exitForeign, Err: err}
		}
		return err
	}
	for _, d := range definitions {
		if err := say(d.Name, string(d.Origin)); err != nil {
			return err
		}
	}
	return nil
}
