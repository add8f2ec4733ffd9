// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
	"github.com/slipway-dev/slipway/fn/doctor"
	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/render"
	"github.com/slipway-dev/slipway/render/report"
	"github.com/slipway-dev/slipway/rollout/kube"
)

// doctorFlags say which cluster is held against which manifests.
type doctorFlags struct {
	input       inputFlags
	access      kube.Access
	all         bool
	permissions bool
	output      string
}

func newDoctorCommand(s command.Streams) *cobra.Command {
	f := doctorFlags{access: kube.Access{QPS: 50, Burst: 100}}
	c := &cobra.Command{
		Use:   "doctor [PATH|-]...",
		Short: "Find sidecars in a cluster that do not come from Git, and sidecars of Git that a webhook replaces",
		Long: `Compare a cluster with the SidecarSets of Git, which PATH, -s and -c name, and print what to do about each of:

  - pods with sidecars that Kruise's webhook put in and Git does not have, and pods with sidecars from both
  - pod templates whose containers a live webhook replaces, or to whose pods it adds containers
  - SidecarSets that are only in Git or only in the cluster, that differ, or that are paused

Without PATH, -s and -c only the cluster is read. Nothing is written. Where the cluster refuses a request or does not
know a kind, a warning says what was not seen and what is missing, and the rest is reported. --permissions prints all
rights that are needed.

Exit codes: 0 no error (there may be warnings), 1 errors or no answer from the cluster, 2 wrong usage, or no cluster is named.`,
		Example: `  slipway doctor sidecars/ -A
  slipway doctor -s sidecars/ -n shop -o json
  slipway doctor --permissions | kubectl apply -f -`,
		RunE: func(c *cobra.Command, args []string) error { return f.run(c.Context(), s, args) },
	}
	f.register(c)
	return c
}

func (f *doctorFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringArrayVarP(&f.input.sidecarSets, "sidecarsets", "s", nil,
		"read SidecarSets from `PATH`, a file, a folder or -; can be repeated")
	command.CompleteFlag(c, "sidecarsets", command.CompleteManifests)
	f.input.registerConfig(c, "read the configuration from `FILE`, as for slipway render")
	command.AddAccess(c, &f.access)
	usage.NamespaceVar(flags, &f.input.namespace, "look at the workloads and pods of `NAMESPACE`; without it the kubeconfig's")
	flags.BoolVarP(&f.all, "all-namespaces", "A", false, "look at the workloads and pods of all namespaces")
	flags.BoolVar(&f.permissions, "permissions", false, "print the RBAC roles that the command needs, with -n those for one "+
		"namespace, and do nothing else")
	command.CompleteFlag(c, "namespace", cobra.NoFileCompletions)
	registerOutput(c, &f.output, "`FORMAT` of the findings on stdout: text, json, sarif or codequality")
}

func (f *doctorFlags) run(ctx context.Context, s command.Streams, args []string) error {
	format, err := command.ParseFormat("--output", f.output)
	if err != nil {
		return err
	}
	if f.all && f.input.namespace != "" {
		return command.Usagef("-A and -n exclude each other")
	}
	git, outcome, options, err := f.git(ctx, s, args)
	if err != nil {
		return err
	}
	if f.permissions {
		return doctor.WritePermissions(s.Out, f.input.namespace, options.Workloads)
	}
	if !outcome.Failed() {
		if err := f.examine(ctx, git, outcome, options); err != nil {
			return err
		}
	}
	if err := report.WriteDiagnosis(s.Out, outcome, format); err != nil {
		return err
	}
	if outcome.Failed() {
		return &command.ExitError{Code: command.ExitFailure}
	}
	return nil
}

// git reads what Git has, which may be nothing.
func (f *doctorFlags) git(ctx context.Context, s command.Streams,
	args []string,
) (inject.Context, *render.Outcome, inject.Options, error) {
	req, findings, err := f.input.requestOf(ctx, s, args)
	if err != nil {
		return inject.Context{}, nil, req.Options, err
	}
	known, outcome, err := render.ReadContext(ctx, &req)
	if err != nil {
		return known, nil, req.Options, err
	}
	outcome.Sets = len(known.Sets)
	outcome.Findings = append(findings, outcome.Findings...)
	return known, outcome, req.Options, nil
}

// examine reads the cluster and adds what is found to outcome.
func (f *doctorFlags) examine(ctx context.Context, git inject.Context, outcome *render.Outcome, options inject.Options) error {
	config, namespace, err := command.Reach(&f.access)
	if err != nil {
		return err
	}
	namespace = cmp.Or(f.input.namespace, namespace, "default")
	if f.all {
		namespace = ""
	}
	findings, err := doctor.Examine(ctx, config, namespace, git, options)
	outcome.Findings = append(outcome.Findings, findings...)
	return err
}
