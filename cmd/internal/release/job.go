// SPDX-License-Identifier: Apache-2.0

package release

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
	"github.com/slipway-dev/slipway/rollout/manifests"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// jobFlags say what is to run in the cluster.
type jobFlags struct {
	modeFlags
	plan      string
	namespace string
	image     string
	stay      bool
	policy    bool
	tool      string
	patch     string
}

func newRolloutJobCommand(s command.Streams) *cobra.Command {
	var f jobFlags
	cmd := &cobra.Command{
		Use:   "job [flags] TARGET.yaml [-- FLAG...]",
		Short: "Print the manifests of a Job that carries out a release",
		Long: `Print ServiceAccount, Role, RoleBinding, ConfigMap (where there is a plan) and Job of a release. The Job's name carries a
hash of pod template, partition, plan and flags: a new release is a new Job, and an unchanged one is not run again. The
Role holds the least rights that the mode needs. Flags after -- go to rollout run.

What your cluster requires of every pod is given with --patch: a fragment of the Job with tolerations, imagePullSecrets,
nodeSelector, labels, priorityClassName, resources, serviceAccountName (that account gets the Role, and none is made),
ttlSecondsAfterFinished and the like. Istio and Linkerd are told to leave the Job's pod alone. It has an activeDeadlineSeconds
where the plan has a progressDeadline and waits neither for approvals nor for windows: twice the sum of deadlines, pauses and
checks, and an hour.

A plan with several targets, all of them in TARGET.yaml, is one Indexed Job with an index for each target.

With --policy it prints instead what no Role can say, as a ValidatingAdmissionPolicy and its binding (Kubernetes 1.30) for whoever
may install them: the agent changes no other fields of the target than those by which it steps, and nobody else changes
the pod template while the controller would roll it out past the plan. A plan that rolls back lets the agent write the pod
template, too. Under the policy of one that stops, an undo in the middle of a release is denied; after it, undo works.`,
		Example: `  slipway rollout job --image example.com/slipway:v1 --plan plan.yaml cloneset.yaml | kubectl apply -f -
  # several targets in waves
  slipway rollout job --image example.com/slipway:v1 --plan fleet.yaml targets.yaml | kubectl apply -f -
  # the policy that goes with it, for an administrator
  slipway rollout job --policy -n shop --plan plan.yaml statefulset.yaml | kubectl apply -f -
  # an agent that stays, heals pods and carries out every later release
  slipway rollout job --image example.com/slipway:v1 --stay cloneset.yaml`,
		Args: usage.Takes(1, -1),
		RunE: func(_ *cobra.Command, args []string) error { return f.run(s, args[0], args[1:]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.plan, "plan", "", "`FILE` with the BatchPlan; without it, one in the CloneSet's file, or none")
	usage.NamespaceVar(flags, &f.namespace, "`NAMESPACE`, where the CloneSet names none")
	flags.StringVar(&f.image, "image", "", "`IMAGE` of slipway; required")
	flags.StringVar(&f.mode, "mode", "", "who replaces pods: direct (slipway), partition (a controller) or delete (a controller, "+
		"what slipway deletes); without it the plan's, or what suits the target")
	flags.BoolVar(&f.stay, "stay", false, "a Deployment that also heals pods between releases, in place of a Job")
	flags.BoolVar(&f.policy, "policy", false, "print the admission policy of a release in partition mode, in place of its Job")
	flags.StringVar(&f.tool, "for", "", "`TOOL` that applies the manifests: argocd, flux or none (default none); slipway rollout "+
		"gitops prints what argocd and flux need beside them")
	flags.StringVar(&f.patch, "patch", "", "`FILE` with a fragment of the Job (tolerations, imagePullSecrets, labels, ...), "+
		"merged into it as kubectl patch does")
	command.CompleteFlag(cmd, "patch", command.CompleteManifests)
	command.CompleteWords(cmd, "for", command.GitOpsWords()...)
	command.CompleteFlag(cmd, "plan", command.CompleteManifests)
	command.CompleteWords(cmd, "mode", modes()[1:]...)
	f.addDeletion(cmd)
	return cmd
}

func (f jobFlags) run(s command.Streams, file string, more []string) error {
	options, err := f.options(s, file)
	if err != nil {
		return err
	}
	options.Flags = more
	print := options.Manifests
	if f.policy {
		print = options.Policies
	}
	manifests, err := print()
	if err != nil {
		return &command.ExitError{Code: exitInvalid, Err: err}
	}
	var out bytes.Buffer
	for i, m := range manifests {
		text, err := yaml.Marshal(m)
		if err != nil {
			return fmt.Errorf("writing %s: %w", m["kind"], err)
		}
		if i > 0 {
			out.WriteString("---\n")
		}
		out.Write(text)
	}
	_, err = s.Out.Write(out.Bytes())
	return err
}

func (f jobFlags) options(s command.Streams, file string) (manifests.Job, error) {
	o := manifests.Job{Image: f.image, Stay: f.stay, DeleteMode: f.deletion}
	o.For = manifests.GitOps(f.tool)
	if err := f.check(); err != nil {
		return o, err
	}
	data, err := readInput(s, file)
	if err != nil {
		return o, err
	}
	if err := f.readPatch(s, &o); err != nil {
		return o, err
	}
	var planErr error
	planText, planFile := data, file
	if f.plan != "" {
		planFile = f.plan
		if planText, planErr = readInput(s, f.plan); planErr != nil {
			return o, planErr
		}
	}
	var parsed plan.BatchPlan
	if f.plan != "" || plan.HasPlan(data) {
		parsed, planErr = plan.ParsePlan(planFile, planText)
		o.Plan = planText
	}
	targets, err := f.targets(file, data, parsed, planErr == nil)
	if planErr == nil && err == nil {
		planErr = o.SetTargets(parsed, targets)
	}
	if err := errors.Join(plan.Locate(planFile, planText, err), plan.Locate(planFile, planText, planErr)); err != nil {
		return o, &command.ExitError{Code: exitInvalid, Err: err}
	}
	if o.Stay && o.Targets != nil {
		return o, command.Usagef("--stay and a plan with several targets exclude each other: an agent stays with one target")
	}
	return o, nil
}

func (f jobFlags) check() error {
	if f.tool != "" {
		if err := command.OneOf("--for", f.tool, command.GitOpsWords()...); err != nil {
			return err
		}
	}
	if f.image == "" && !f.policy {
		return command.Usagef("--image is missing: which image of slipway is to run?")
	}
	if f.mode != "" {
		if err := command.OneOf("--mode", f.mode, modes()[1:]...); err != nil {
			return err
		}
	}
	return f.checkDeletion()
}

// readPatch reads the file that --patch names.
func (f jobFlags) readPatch(s command.Streams, o *manifests.Job) error {
	if f.patch == "" {
		return nil
	}
	data, err := readInput(s, f.patch)
	if err != nil {
		return err
	}
	patch, findings := manifests.ReadPatch(f.patch, data, f.stay)
	var errs []error
	for _, f := range findings {
		errs = append(errs, errors.New(f.String()))
	}
	if len(errs) > 0 {
		return &command.ExitError{Code: exitInvalid, Err: errors.Join(errs...)}
	}
	o.Patch = patch
	return nil
}

// targets reads what a plan releases, all of it from one file, and checks it against the plan where that is sound.
func (f jobFlags) targets(file string, data []byte, p plan.BatchPlan, sound bool) ([]manifests.Target, error) {
	var targets []manifests.Target
	for _, single := range p.Single() {
		set, err := plan.ParseWorkload(file, data, single.Target)
		single.Mode = cmp.Or(plan.ParseMode(f.mode), single.Mode)
		if err == nil && f.direct() && !set.KindOf().Direct {
			err = fmt.Errorf("%s: --mode direct replaces the pods of a CloneSet; those of %s are replaced by %s: use --mode %s", file,
				set, set.KindOf().Controller, strings.ToLower(string(set.KindOf().Instead())))
		}
		if err == nil && sound {
			err = single.Validate(set)
		}
		if err != nil {
			return nil, err
		}
		set.Namespace = cmp.Or(set.Namespace, f.namespace)
		targets = append(targets, manifests.Target{CloneSet: set, Mode: single.ModeOf(set)})
	}
	return targets, nil
}
