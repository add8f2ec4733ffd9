// SPDX-License-Identifier: Apache-2.0

package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/process"
	"github.com/slipway-dev/slipway/cmd/internal/usage"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/access"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/check"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// targetFlags say what is released, where it is and who holds it.
type targetFlags struct {
	access    kube.Access
	namespace string
	plan      string
	identity  string
	lease     time.Duration
}

// runFlags say what is released, where and how.
type runFlags struct {
	targetFlags
	progressFlags
	modeFlags
	release  string
	secrets  string
	parallel int
	job      string
	index    int
	beside   int // releases side by side in this process; 0 is 1
	stay     bool
	restart  bool
	await    bool
}

// targetTimeout is how long an agent waits for a target that is to be applied with its Job.
const targetTimeout = 10 * time.Minute

func newRolloutRunCommand(s command.Streams) *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run [flags] [NAME|KIND/NAME]",
		Short: "Release a CloneSet, StatefulSet, DaemonSet or Deployment in the cluster, batch by batch",
		Long: `Release a target in the cluster; the exit code says how it ended. NAME is a CloneSet's; statefulset/demo is
a StatefulSet of apps/v1, daemonset/demo a DaemonSet of apps/v1, deployment/demo a Deployment, and
statefulset.apps.kruise.io/demo and daemonset.apps.kruise.io/demo are Kruise's. Without a name the plan's target is released. Without a plan the target's own
strategy is the plan: one batch down to its partition.

In direct mode slipway replaces the pods of a CloneSet itself, in the formats of the Kruise controller, and needs no
controller. In partition mode it steps the partition of a target that a controller reconciles; a Deployment, which has
none, it opens for one step after the other with paused, minReadySeconds, maxSurge and maxUnavailable. In delete mode it deletes
the pods of a StatefulSet or DaemonSet with updateStrategy OnDelete, and their controller makes them anew. auto is the plan's
mode, or else delete for these, partition for others but CloneSets, and direct for CloneSets, unless a controller is alive: then
it ends and says how it knows.

Progress is stored in the ConfigMap slipway-NAME, in partition mode slipway-NAME.KIND. If a run is stopped or killed, the next
run continues the release where it stopped. One agent at a time works on a target.

Exit codes: 0 done, 1 unexpected (try again), 2 usage, 10 plan or spec invalid, 11 stopped by a check, a deadline, the
failure threshold or a pod that the API server refuses for good, 12 rolled back, 13 superseded or foreign change, 14 another
agent is at work, 143 stopped by a signal, progress is saved.`,
		Example: `  # carry out what the CloneSet's update strategy says
  slipway rollout run demo -n shop
  # in the batches of a plan, with a log that can be replayed
  slipway rollout run --plan plan.yaml --audit-log release.jsonl`,
		Args: usage.OneOfTheCluster,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), s, args) },
	}
	f.add(cmd)
	return cmd
}

// add adds the flags that say where the target is and how to reach it.
func (f *targetFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	command.AddAccess(cmd, &f.access)
	usage.NamespaceVar(flags, &f.namespace, "`NAMESPACE` of the target; without it the plan's, or the kubeconfig's")
	flags.StringVar(&f.plan, "plan", "", "`FILE` with the BatchPlan")
	flags.Float32Var(&f.access.QPS, "qps", 200, "requests a second to the API server, on average")
	flags.IntVar(&f.access.Burst, "burst", 400, "requests at once beyond that")
	flags.DurationVar(&f.lease, "lease", kube.DefaultLease, "how long the lock outlives an agent that was killed")
	flags.StringVar(&f.identity, "identity", "", "`NAME` under which to hold the lock; without it host name and process")
	command.CompleteFlag(cmd, "plan", command.CompleteManifests)
}

func (f *runFlags) add(cmd *cobra.Command) {
	f.targetFlags.add(cmd)
	f.modeFlags.add(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.await, "await-target", false, "begin when the target carries the release ID in its annotation "+
		plan.ReleaseAnnotation+": it may be applied after its Job")
	flags.StringVar(&f.release, "release-id", "", "`ID` of the release: a run with the same one goes on with it")
	flags.BoolVar(&f.restart, "restart", false, "begin a release again that has stopped")
	flags.BoolVar(&f.stay, "stay", false, "stay after a release, heal pods, and begin the next release when the CloneSet changes")
	flags.IntVar(&f.parallel, "parallel", agent.DefaultParallel, "writes at a time")
	flags.StringVar(&f.job, "job", "", "`NAME` of the Indexed Job that --index belongs to")
	flags.IntVar(&f.index, "index", noIndex, "release only this target of the plan (0-based), after those of the waves before: "+
		"an index of an Indexed Job")
	flags.StringVarP(&f.output, "output", "o", "auto", "progress: table, json (a line for each change), none, or auto: a table "+
		"on a terminal, else json")
	flags.StringVar(&f.auditLog, "audit-log", "", "`FILE` to append every observed state and decision to, for rollout report and "+
		"replay; - is standard output")
	flags.StringVar(&f.secrets, "secrets", string(access.DefaultSecrets),
		"`FOLDER` with the values of the Secrets that the plan names: FOLDER/NAME/KEY")
	flags.StringVar(&f.metrics, "metrics-address", "", "`ADDRESS` to serve Prometheus metrics on, such as :9090")
	command.CompleteWords(cmd, "output", "auto", "table", "json", "none")
}

func (f *runFlags) run(ctx context.Context, s command.Streams, args []string) error {
	plan, options, err := f.options(s, args)
	if err != nil {
		return err
	}
	switch {
	case f.index != noIndex:
		return f.runIndex(ctx, s, plan, options)
	case len(plan.Waves.Targets) > 0:
		return f.runTargets(ctx, s, plan, options)
	}
	return f.carryOut(ctx, s, plan, options)
}

// carryOut is the release of one target.
func (f *runFlags) carryOut(ctx context.Context, s command.Streams, plan plan.BatchPlan, options agent.Options) error {
	measuring, err := f.checks(plan, &options)
	if err != nil {
		return err
	}
	defer measuring.Close()
	s = f.onTerminal(s, f.access)
	listeners, finish, err := f.listeners(s, plan, &options, measuring)
	if err != nil {
		return err
	}
	told := f.notifications(s, plan)
	keep := process.SaveMemory(f.beside)
	listeners = append(listeners, told.Record, func(o rollout.Observed, _ rollout.Decision) { keep(len(o.Pods)) })
	options.Warn = func(err error) { s.Say("warning: %v", err) }
	d, err := agent.Run(ctx, plan, options, func(o rollout.Observed, d rollout.Decision) {
		for _, record := range listeners {
			record(o, d)
		}
	})
	err = f.outcome(ctx, d, errors.Join(err, finish()))
	lastWords(told, err)
	return err
}

// checks prepares to measure the plan's checks. Connections are made as the release's own are, but they do not wait behind
// its writes.
func (f *runFlags) checks(plan plan.BatchPlan, options *agent.Options) (*check.Runner, error) {
	measuring, err := check.New(check.Options{Plan: plan, Secrets: f.secrets, Config: options.Config, Now: time.Now})
	if err != nil {
		measuring.Close()
		return nil, &command.ExitError{Code: exitInvalid, Err: fmt.Errorf("%s: %w", f.plan, err)}
	}
	if len(plan.Checks) > 0 {
		options.Checks = measuring
	}
	return measuring, nil
}

// outcome turns the end of a run into an exit code.
func (f *runFlags) outcome(ctx context.Context, d rollout.Decision, err error) error {
	var held *kube.HeldError
	switch {
	case errors.As(err, &held):
		return &command.ExitError{Code: ExitHeld, Err: err}
	case errors.Is(err, agent.ErrControlled):
		return &command.ExitError{Code: exitForeign, Err: err}
	case errors.Is(err, agent.ErrNotStarted):
		return &command.ExitError{Code: ExitStopped, Err: err}
	case errors.Is(err, kube.ErrInvalid):
		return &command.ExitError{Code: exitInvalid, Err: err}
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return &command.ExitError{Code: ExitSignal, Err: errors.New("stopped by a signal: progress is saved, and the next run " +
			"continues from here")}
	case err != nil:
		return &command.ExitError{Code: command.ExitFailure, Err: err}
	}
	return verdict(d)
}

// options read the flags and the plan.
func (f *runFlags) options(s command.Streams, args []string) (plan.BatchPlan, agent.Options, error) {
	var p plan.BatchPlan
	if err := f.check(); err != nil {
		return p, agent.Options{}, err
	}
	if f.plan != "" {
		data, err := readInput(s, f.plan)
		if err != nil {
			return p, agent.Options{}, &command.ExitError{Code: exitInvalid, Err: err}
		}
		if p, err = plan.ParsePlan(f.plan, data); err != nil {
			return p, agent.Options{}, &command.ExitError{Code: exitInvalid, Err: err}
		}
	}
	if err := f.checkTargets(p); err != nil {
		return p, agent.Options{}, err
	}
	if err := choose(&p, args); err != nil {
		return p, agent.Options{}, err
	}
	kind, name, err := targetOf(p, args)
	if err != nil {
		return p, agent.Options{}, err
	}
	config, namespace, err := command.Reach(&f.access)
	if err != nil {
		return p, agent.Options{}, err
	}
	if len(p.Waves.Targets) == 0 {
		p.Mode = cmp.Or(plan.ParseMode(f.mode), p.ModeFor(kind))
	}
	options := agent.Options{
		Config: config, Namespace: cmp.Or(f.namespace, p.Namespace, namespace, "default"),
		Kind: kind.Name, Name: name, Version: kind.APIVersion,
		Release: f.release, Restart: f.restart, Identity: cmp.Or(f.identity, identity()), Evict: f.evict(),
		Force: f.direct(), Stay: f.stay, Parallel: f.parallel, Lease: f.lease, Now: time.Now,
	}
	if f.await {
		options.Await = targetTimeout
	}
	return p, options, nil
}

func (f *runFlags) check() error {
	if err := f.modeFlags.check(); err != nil {
		return err
	}
	if err := command.OneOf("--output", f.output, "auto", "table", "json", "none"); err != nil {
		return err
	}
	switch {
	case f.parallel < 1:
		return command.Usagef("--parallel %d: at least one write at a time is needed", f.parallel)
	case !(f.access.QPS > 0) || f.access.Burst < 1: // NaN compares with nothing
		return command.Usagef("--qps %g and --burst %d: both must be more than 0", f.access.QPS, f.access.Burst)
	case f.lease < time.Second:
		return command.Usagef("--lease %v: at least 1s is needed", f.lease)
	case f.await && f.release == "":
		return command.Usagef("--await-target waits for the release that --release-id names: give both")
	case f.stay && f.release != "":
		return command.Usagef("--stay and --release-id exclude each other: an agent that stays carries out one release after " +
			"the other")
	}
	return nil
}

// targetOf is the kind and the name of what is released, from the argument or the plan.
func targetOf(p plan.BatchPlan, args []string) (plan.Kind, string, error) {
	planned, _ := plan.KindOf(p.Target.APIVersion, cmp.Or(p.Target.Kind, "CloneSet"))
	if len(args) == 0 && len(p.Waves.Targets) > 0 {
		return planned, "", nil
	}
	if len(args) == 0 && p.Target.Name == "" {
		return planned, "", command.Usagef("nothing to release: name a CloneSet or KIND/NAME, or give a --plan with a target")
	}
	if len(args) == 0 {
		return planned, p.Target.Name, nil
	}
	word, name, slash := strings.Cut(args[0], "/")
	if !slash {
		return planned, args[0], nil
	}
	kind, err := plan.KindNamed(word)
	switch {
	case err != nil:
		return kind, name, &command.ExitError{Code: exitInvalid, Err: err}
	case p.Target.Name != "" && kind.Name == planned.Name && kind.Group() == planned.Group():
		return planned, name, nil // in the plan's API version
	}
	return kind, name, nil
}

// identity names this process, so that a message can say who holds a lock.
func identity() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s_%d_%x", host, os.Getpid(), time.Now().UnixNano()&0xffffff)
}
