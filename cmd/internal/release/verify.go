// SPDX-License-Identifier: Apache-2.0

package release

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render"
	"github.com/slipway-dev/slipway/render/report"
	"github.com/slipway-dev/slipway/rollout/access"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/verify"
)

// verifyFlags say which release is held against which cluster.
type verifyFlags struct {
	modeFlags
	access    kube.Access
	namespace string
	plan      string
	manifest  string
	account   string
	secrets   string
	output    string
}

func newRolloutVerifyCommand(s command.Streams) *cobra.Command {
	f := verifyFlags{access: kube.Access{QPS: 100, Burst: 200}}
	cmd := &cobra.Command{
		Use:   "verify [flags] [NAME|KIND/NAME]",
		Short: "Check a release against the live cluster before it begins",
		Long: `Check a release against the live cluster and say what it would meet there: disruption budgets, quotas and limits,
autoscalers, room on nodes, what changes in place and what does not, images that run already, objects that the pods need,
rights, locks, controllers, and whoever else writes the partition. Each finding says what it would do to the release and
what to change; errors come first.

NAME is the target's; without it the plan's target is checked, or the manifest's. With -f the CloneSet is checked as that
manifest would make it, before it is applied; without -f as it is in the cluster. Of a plan with several targets each one is
checked, unless one is named.

The plan's checks are asked once each: a wrong query is an error, no answer a warning. A Job is only shown to the API server,
with a dry run.

Nothing is written. One new pod is shown to the API server with a dry run, where whoever verifies may create pods: so what policies,
webhooks and Pod Security refuse is known before the release. What may not be read or tried is a finding, and the rest is checked. Rights are asked for with
SelfSubjectAccessReviews, for whoever verifies or, with --as-service-account, for the one that is to run the release.

Exit codes: 0 no error (there may be warnings), 10 errors: the plan is wrong, or something would stop the release,
1 unexpected, such as no answer from the cluster, 2 usage.`,
		Example: `  slipway rollout verify --plan plan.yaml
  # in a pull request: the manifest that is not applied yet, as the agent that will release it
  slipway rollout verify --plan plan.yaml -f cloneset.yaml --as-service-account demo-rollout -o sarif`,
		Args: usage.OneOfTheCluster,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), s, args) },
	}
	f.add(cmd)
	return cmd
}

func (f *verifyFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	command.AddAccess(cmd, &f.access)
	f.modeFlags.add(cmd)
	usage.NamespaceVar(flags, &f.namespace, "`NAMESPACE` of the CloneSet; without it the manifest's, the plan's, or the "+
		"kubeconfig's")
	flags.StringVar(&f.plan, "plan", "", "`FILE` with the BatchPlan; without it, one in the manifest, or the CloneSet's own "+
		"strategy")
	flags.StringVarP(&f.manifest, "filename", "f", "", "`FILE` with the CloneSet that is about to be applied, or -")
	flags.StringVar(&f.account, "as-service-account", "", "check the rights of the service account `NAME` or NAMESPACE/NAME, in "+
		"place of one's own")
	flags.StringVar(&f.secrets, "secrets", string(access.DefaultSecrets),
		"`FOLDER` with the values of the Secrets that the plan's checks name: FOLDER/NAME/KEY")
	flags.StringVarP(&f.output, "output", "o", string(report.Text),
		"`FORMAT` of the findings on stdout: text, json, sarif or codequality")
	command.CompleteFormats(cmd, "output")
	command.CompleteFlag(cmd, "plan", command.CompleteManifests)
	command.CompleteFlag(cmd, "filename", command.CompleteManifests)
}

func (f *verifyFlags) run(ctx context.Context, s command.Streams, args []string) error {
	format, err := command.ParseFormat("--output", f.output)
	if err != nil {
		return err
	}
	all, err := f.options(s, args)
	if err != nil {
		return err
	}
	var verified []verify.Report
	wrong := false
	for _, options := range all {
		v, err := verify.Verify(ctx, options)
		if err != nil {
			return &command.ExitError{
				Code: command.ExitFailure,
				Err:  fmt.Errorf("nothing can be said of the release of %s %s/%s: %w", options.Kind, options.Namespace, options.Name, err),
			}
		}
		wrong = wrong || v.Count(manifest.SeverityError) > 0
		verified = append(verified, v)
	}
	if err := writeVerifications(s.Out, verified, format); err != nil {
		return err
	}
	if wrong {
		return &command.ExitError{Code: exitInvalid}
	}
	return nil
}

// options read the flags and the files. There are several for a plan with several targets, of which none is named.
func (f *verifyFlags) options(s command.Streams, args []string) ([]verify.Options, error) {
	o := verify.Options{Evict: f.evict(), Force: f.direct(), Now: time.Now, File: f.manifest}
	if err := f.check(); err != nil {
		return nil, err
	}
	if err := f.read(s, &o); err != nil {
		return nil, err
	}
	if err := choose(&o.Plan, args); err != nil {
		return nil, err
	}
	var all []verify.Options
	for _, single := range o.Plan.Single() {
		of := o
		of.Plan = single
		if err := f.aim(&of, args); err != nil {
			return nil, err
		}
		all = append(all, of)
	}
	return all, nil
}

// aim completes the options for the one target of their plan.
func (f *verifyFlags) aim(o *verify.Options, args []string) error {
	if err := f.readTarget(o); err != nil {
		return err
	}
	kind, name, err := targetOf(plan.BatchPlan{Target: o.Plan.Target}, args)
	if len(args) == 0 && o.Plan.Target.Name == "" && o.Name != "" {
		kind, _ = plan.KindOf(o.Version, o.Kind)
		name, err = o.Name, nil
	}
	if err != nil {
		return err
	}
	if o.Name != "" && o.Name != name {
		return &command.ExitError{Code: exitInvalid, Err: fmt.Errorf("%s: holds %s %s, but %s is released", f.manifest, o.Kind, o.Name,
			name)}
	}
	config, namespace, err := command.Reach(&f.access)
	if err != nil {
		return err
	}
	o.Config, o.Kind, o.Name, o.Version = config, kind.Name, name, cmp.Or(o.Plan.Target.APIVersion, o.Version, kind.APIVersion)
	o.Namespace = cmp.Or(f.namespace, o.Namespace, o.Plan.Namespace, namespace, "default")
	o.Plan.Mode = cmp.Or(plan.ParseMode(f.mode), o.Plan.ModeFor(kind))
	if len(o.Plan.Checks) > 0 {
		o.Checks = tryChecks(*o, f.secrets)
	}
	if o.Account = f.account; o.Account != "" && !strings.Contains(o.Account, "/") {
		o.Account = o.Namespace + "/" + o.Account
	}
	return nil
}

// read reads the plan and the manifest.
func (f *verifyFlags) read(s command.Streams, o *verify.Options) error {
	var err error
	if f.manifest != "" {
		if o.Manifest, err = readInput(s, f.manifest); err != nil {
			return &command.ExitError{Code: exitInvalid, Err: err}
		}
	}
	if err := f.readPlan(s, o); err != nil {
		return &command.ExitError{Code: exitInvalid, Err: err}
	}
	return nil
}

// readTarget finds the target in the manifest. A mistake there is left to Verify, which tells it as a finding.
func (f *verifyFlags) readTarget(o *verify.Options) error {
	if f.manifest == "" {
		return nil
	}
	set, err := plan.ParseWorkload(f.manifest, o.Manifest, o.Plan.Target)
	if set.Name == "" && o.Plan.Target.Name == "" {
		return &command.ExitError{Code: exitInvalid, Err: err}
	}
	o.Kind, o.Name, o.Namespace, o.Version = set.Kind, set.Name, set.Namespace, set.APIVersion
	return nil
}

// readPlan reads the plan from its own file, or from the manifest's where that holds one.
func (f *verifyFlags) readPlan(s command.Streams, o *verify.Options) error {
	var err error
	switch {
	case f.plan != "":
		o.PlanFile = f.plan
		if o.PlanText, err = readInput(s, f.plan); err != nil {
			return err
		}
	case plan.HasPlan(o.Manifest):
		o.PlanFile, o.PlanText = f.manifest, o.Manifest
	default:
		return nil
	}
	o.Plan, err = plan.ParsePlan(o.PlanFile, o.PlanText)
	return err
}

func (f *verifyFlags) check() error {
	if err := f.modeFlags.check(); err != nil {
		return err
	}
	if f.manifest == "-" && f.plan == "-" {
		return command.Usagef("-f and --plan cannot both be read from standard input")
	}
	return nil
}

// writeVerifications writes the findings in the form that was asked for: those of one target, or of each one of several.
func writeVerifications(w io.Writer, all []verify.Report, format report.Format) error {
	var text strings.Builder
	var outcome render.Outcome
	for _, v := range all {
		text.WriteString(v.Text())
		outcome.Findings = append(outcome.Findings, v.Findings...)
	}
	var err error
	switch format {
	case report.SARIF, report.CodeQuality:
		return report.Write(w, &outcome, format)
	case report.JSON:
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if len(all) == 1 {
			err = e.Encode(all[0])
		} else {
			err = e.Encode(map[string]any{"targets": all})
		}
	default:
		_, err = io.WriteString(w, text.String())
	}
	if err != nil {
		return fmt.Errorf("writing the findings: %w", err)
	}
	return nil
}
