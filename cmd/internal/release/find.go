// SPDX-License-Identifier: Apache-2.0

package release

import (
	"cmp"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/steer"
)

// findFlags say which release a person means.
type findFlags struct {
	access    kube.Access
	namespace string
	plan      string
	mode      string
	release   string
	pods      bool // every pod is to be seen, and not only those that are waited for
}

// peopleRole is what people need, in the help of their commands.
const peopleRole = `Rights: a Role in the CloneSet's namespace, here for the CloneSet demo. Commands that only read need no patch and no
events; an undo after the release also needs to patch the CloneSet and to list controllerrevisions (group apps).

  rules:
  - {apiGroups: [""], resources: [configmaps], resourceNames: [slipway-demo], verbs: [get, list, watch, patch]}
  - {apiGroups: [apps.kruise.io], resources: [clonesets], resourceNames: [demo], verbs: [get, list, watch]}
  - {apiGroups: [coordination.k8s.io], resources: [leases], resourceNames: [slipway-demo], verbs: [get]}
  - {apiGroups: [""], resources: [pods], verbs: [list]}
  - {apiGroups: [""], resources: [events], verbs: [create]}

In partition mode ConfigMap and Lease are slipway-demo.KIND, such as slipway-demo.cloneset. For the StatefulSet demo they
are slipway-demo.statefulset, and the target {apiGroups: [apps], resources: [statefulsets], resourceNames: [demo], verbs: [get, list, watch]}.`

func (f *findFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	command.AddAccess(cmd, &f.access)
	flags.StringVar(&f.access.As, "as", "", "`USER` to act as, where the cluster permits that (impersonation)")
	flags.StringSliceVar(&f.access.AsGroups, "as-group", nil, "`GROUP` to act as, with --as")
	usage.NamespaceVar(flags, &f.namespace, "`NAMESPACE` of the CloneSet; without it the plan's, or the kubeconfig's")
	flags.StringVar(&f.plan, "plan", "", "`FILE` with the BatchPlan whose target is meant; NAME says which, where it has several")
	flags.StringVar(&f.mode, "mode", "auto", "mode of the release that is meant: direct, partition, delete, or auto: the plan's, "+
		"or the one that is at work")
	flags.StringVar(&f.release, "release-id", "", "`ID` of the release that is meant; without it the one that is recorded")
	command.CompleteFlag(cmd, "plan", command.CompleteManifests)
	command.CompleteWords(cmd, "mode", modes()...)
	cmd.ValidArgsFunction = f.completeNames
}

// find opens the release that the flags and the argument name.
func (f *findFlags) find(s command.Streams, args []string) (*steer.Release, error) {
	plan, err := f.readPlan(s)
	if err != nil {
		return nil, err
	}
	return f.open(plan, args)
}

// readPlan is the plan, or nil where there is none.
func (f *findFlags) readPlan(s command.Streams) (*plan.BatchPlan, error) {
	if f.plan == "" {
		return nil, nil
	}
	data, err := readInput(s, f.plan)
	if err != nil {
		return nil, &command.ExitError{Code: exitInvalid, Err: err}
	}
	plan, err := plan.ParsePlan(f.plan, data)
	if err != nil {
		return nil, &command.ExitError{Code: exitInvalid, Err: err}
	}
	return &plan, nil
}

// open opens the release of a plan, where there is one, and of the target that the argument names.
func (f *findFlags) open(plan *plan.BatchPlan, args []string) (*steer.Release, error) {
	if plan != nil {
		if err := chooseOne(plan, args); err != nil {
			return nil, err
		}
	}
	options, err := f.target(plan, args)
	if err != nil {
		return nil, err
	}
	f.access.QPS, f.access.Burst = 20, 40
	config, namespace, err := command.Reach(&f.access)
	if err != nil {
		return nil, err
	}
	options.Config, options.Namespace = config, cmp.Or(f.namespace, options.Namespace, namespace, "default")
	options.Release, options.Pods, options.Now = f.release, f.pods, time.Now
	if options.Mode, err = f.modeOf(plan); err != nil {
		return nil, err
	}
	if me, err := user.Current(); err == nil {
		options.Identity = me.Username
	}
	return steer.Open(options, plan)
}

// modeOf is the mode that is asked for, or else the plan's; "" where neither says it.
func (f *findFlags) modeOf(p *plan.BatchPlan) (plan.Mode, error) {
	if f.mode == "auto" && p != nil {
		return p.Mode, nil
	}
	return plan.ParseMode(f.mode), command.OneOf("--mode", f.mode, modes()...)
}

// target is what is released, from the argument (NAME or KIND/NAME) or the plan.
func (f *findFlags) target(p *plan.BatchPlan, args []string) (steer.Options, error) {
	var o steer.Options
	if p != nil {
		o.Namespace, o.Kind, o.Name, o.Version = p.Namespace, p.Target.Kind, p.Target.Name, p.Target.APIVersion
	}
	if len(args) > 0 {
		word, name, slash := strings.Cut(args[0], "/")
		if !slash {
			name = args[0]
		}
		o.Name = name
		if slash {
			kind, err := plan.KindNamed(word)
			if err != nil {
				return o, command.Usagef("%s is not what slipway releases: %w", args[0], err)
			}
			if o.Kind != kind.Name || !strings.HasPrefix(o.Version, kind.Group()+"/") {
				o.Kind, o.Version = kind.Name, kind.APIVersion
			}
		}
	}
	if o.Name == "" {
		return o, command.Usagef("no release is named: name a CloneSet or KIND/NAME, or give a --plan with a target")
	}
	return o, nil
}

// completeNames completes the names of the CloneSets whose releases are recorded.
func (f *findFlags) completeNames(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	f.access.QPS, f.access.Burst = 20, 40
	config, namespace, err := command.Reach(&f.access)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	config.Timeout = 2 * time.Second // a shell waits for it
	names, _ := steer.Names(cmd.Context(), config, cmp.Or(f.namespace, namespace, "default"))
	return names, cobra.ShellCompDirectiveNoFileComp
}
