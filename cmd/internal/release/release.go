// SPDX-License-Identifier: Apache-2.0

package release

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/render"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/ondelete"
	"github.com/slipway-dev/slipway/rollout/outline"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/sim"
)

// Exit codes of a release that cannot begin as it is written, or that did not end by a decision.
const (
	exitInvalid = 10
	ExitStopped = 11
	exitForeign = 13
	ExitHeld    = 14
	ExitSignal  = 143
)

// NewCommand returns slipway rollout and all that stands below it.
func NewCommand(s command.Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollout",
		Short: "Plan, simulate, run and control a release",
		Long: `Plan, simulate, run and control the release of a CloneSet, a StatefulSet, a DaemonSet or a Deployment, batch by batch.

Exit codes: 0 done, 1 unexpected, 2 usage, 10 plan or spec invalid, 11 stopped by a check, a deadline or the failure
threshold or a person, 12 rolled back, 13 superseded or foreign change, 14 another agent is at work, or (status, watch) the
release has not ended, 143 stopped by a signal.`,
	}
	cmd.AddCommand(newRolloutPlanCommand(s), newRolloutSimulateCommand(s), newRolloutRunCommand(s), newRolloutArmCommand(s),
		newRolloutJobCommand(s),
		newRolloutVerifyCommand(s), newRolloutReplayCommand(s), newRolloutReportCommand(s), newRolloutServeCommand(s),
		newRolloutStatusCommand(s), newRolloutWatchCommand(s),
		newRolloutCRDsCommand(s), newRolloutGitOpsCommand(s))
	cmd.AddCommand(newRolloutAskCommands(s)...)
	return cmd
}

// releaseFlags are the flags that say what is released and onto what.
type releaseFlags struct {
	from   string
	plan   string
	target string
	ready  string
	seed   uint64
	nodes  []ondelete.Node
}

func (f *releaseFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.from, "from", "", "CloneSet as it runs now; without it, pods of a revision with another image")
	cmd.Flags().StringVar(&f.plan, "plan", "", "file with the BatchPlan; without it, one in the CloneSet's file, or none")
	cmd.Flags().StringVar(&f.target, "target", "", "`NAME` or KIND/NAME of one target, where the plan has several")
	command.CompleteFlag(cmd, "from", command.CompleteManifests)
	command.CompleteFlag(cmd, "plan", command.CompleteManifests)
	command.CompleteFlag(cmd, "target", f.completePlan(targets))
	cmd.Flags().StringVar(&f.ready, "ready", "10s", "how long a pod takes to become ready: 5s, or 5s..30s")
	cmd.Flags().Func("nodes", "the `NODES` of a DaemonSet, which only its cluster knows: 10, or with labels "+sim.NodesExample,
		func(s string) (err error) {
			f.nodes, err = sim.ParseNodes(s)
			return err
		})
	cmd.Flags().Uint64Var(&f.seed, "seed", 1, "seed of everything random; the same seed plays the same release")
}

// release is a release as its files describe it.
type release struct {
	set   plan.Workload
	older *plan.Workload // nil without --from
	plan  plan.BatchPlan
	ready sim.Ready
	nodes []ondelete.Node
	seed  uint64

	onlyDefaults bool // the templates differ in nothing but defaults that one of them writes out
}

// load reads the files of the release of one target. Its errors carry exit code 10 where a file is wrong, 2 where a flag
// is, and 1 where a file cannot be read.
func (f *releaseFlags) load(s command.Streams, file string) (release, error) {
	all, plan, err := f.loadAll(s, file)
	if err != nil {
		return release{}, err
	}
	if n := len(plan.Waves.Targets); n > 0 {
		return release{}, command.Usagef("the plan has %d targets: name one of them with --target: %s", n, plan.TargetNames())
	}
	return all[0], nil
}

// loadAll reads the files of the release of every target of the plan, which is returned too.
func (f *releaseFlags) loadAll(s command.Streams, file string) ([]release, plan.BatchPlan, error) {
	ready, err := sim.ParseReady(f.ready)
	if err != nil {
		return nil, plan.BatchPlan{}, command.Usagef("--ready: %w", err)
	}
	in, err := f.read(s, file)
	if err != nil {
		return nil, plan.BatchPlan{}, err
	}
	var p plan.BatchPlan
	var planErr error
	if in.plan != nil {
		p, planErr = plan.ParsePlan(in.planFile, in.plan)
	}
	if planErr == nil && f.target != "" {
		if err := choose(&p, []string{f.target}); err != nil {
			return nil, p, err
		}
	}
	var all []release
	var wrong []error
	for _, single := range p.Single() {
		r := release{seed: f.seed, ready: ready, nodes: f.nodes, plan: single}
		wrong = append(wrong, in.parse(&r, planErr))
		all, planErr = append(all, r), nil
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, p, &command.ExitError{Code: exitInvalid, Err: err}
	}
	if len(f.nodes) > 0 && !slices.ContainsFunc(all, func(r release) bool { return r.set.KindOf().Nodes }) {
		return nil, p, command.Usagef("--nodes is for a DaemonSet, and %s has replicas", all[0].set)
	}
	return all, p, nil
}

// inputs are the files of a release and what they hold. A nil older or plan was not given.
type inputs struct {
	file, planFile, olderFile string
	set, plan, older          []byte
}

func (f *releaseFlags) read(s command.Streams, file string) (inputs, error) {
	in := inputs{file: file, planFile: f.plan, olderFile: f.from}
	var err error
	if in.set, err = readInput(s, file); err != nil {
		return in, err
	}
	if f.from != "" {
		if in.older, err = readInput(s, f.from); err != nil {
			return in, err
		}
	}
	switch {
	case f.plan != "":
		in.plan, err = readInput(s, f.plan)
	case plan.HasPlan(in.set):
		in.plan, in.planFile = in.set, file
	}
	return in, err
}

// parse reads the objects of a release whose plan has been read, with planErr, so that one run names everything that is
// wrong.
func (in inputs) parse(r *release, planErr error) error {
	var setErr, olderErr error
	r.set, setErr = plan.ParseWorkload(in.file, in.set, r.plan.Target)
	if in.older != nil {
		var older plan.Workload
		if older, olderErr = plan.ParseWorkload(in.olderFile, in.older, r.plan.Target); olderErr == nil && setErr == nil &&
			older.Name != r.set.Name {
			olderErr = fmt.Errorf("%s: holds %s, but %s is released", in.olderFile, older, r.set.Name)
		}
		r.older = &older
	}
	if err := errors.Join(setErr, planErr, olderErr); err != nil {
		return err
	}
	if err := r.complete(); err != nil {
		return err
	}
	if r.set.KindOf().Nodes {
		r.set.Spec.Replicas = len(r.nodes)
	}
	if err := r.plan.Validate(r.set); err != nil {
		return plan.Locate(in.planFile, in.plan, err)
	}
	r.plan, r.set = r.plan.InMode(r.set), r.plan.Within(outline.Armed(r.plan, r.set, r.older))
	return nil
}

// complete fills in the defaults that the API server, or Kruise's webhook, gives a pod template, as a release does before it
// compares two: what runs has them where it was read from a cluster, and a manifest in Git has not.
func (r *release) complete() error {
	written := r.set.Spec.Template
	template, err := completed(r.set, written)
	if err != nil {
		return err
	}
	r.set.Spec.Template = template
	if r.older == nil {
		return nil
	}
	older := r.older.Spec.Template
	if r.older.Spec.Template, err = completed(*r.older, older); err != nil {
		return err
	}
	r.onlyDefaults = !reflect.DeepEqual(written, older) && reflect.DeepEqual(template, r.older.Spec.Template)
	return nil
}

// completed is a template with defaults, in the types that an API server's JSON has.
func completed(set plan.Workload, template map[string]any) (map[string]any, error) {
	var asRead map[string]any
	data, err := json.Marshal(template)
	if err == nil {
		err = json.Unmarshal(data, &asRead)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the pod template of %s: %w", set, err)
	}
	return kube.Defaulted(asRead), nil
}

// olderTemplate is the template that runs now, or nil where it is not known.
func (r release) olderTemplate() map[string]any {
	if r.older == nil {
		return nil
	}
	return r.older.Spec.Template
}

// withoutLimits is the plan with deadlines that an estimate cannot run into, so that it can say by how much they are
// missed. It pays no attention to paused, which an estimate cannot outwait.
func (r *release) withoutLimits() plan.BatchPlan {
	r.set.Spec.Paused = false
	p, _ := r.plan.WithoutWindows()
	p.Mode = p.ModeOf(r.set)
	p.ProgressDeadline = 10 * 365 * 24 * time.Hour
	return p
}

// simOptions are the simulator's options without any fault. A check takes as long as all its measurements need to pass, and
// in partition mode there is a controller.
func (r release) simOptions() sim.Options {
	o := sim.Options{Seed: r.seed, Ready: r.ready, Terminating: time.Second, Measuring: map[string]time.Duration{}}
	if r.plan.NodeLabels() != nil {
		o.Nodes = r.nodes
	}
	for _, c := range r.plan.Checks {
		o.Measuring[c.Name] = c.Least()
	}
	if r.plan.ModeOf(r.set).Controlled() {
		o.Controller = &sim.Controller{Delay: time.Second}
		if r.set.KindOf().BySurge { // its steps are many, and its controller is quick
			o.Controller.Delay = 100 * time.Millisecond
		}
	}
	return o
}

// maxInput is far above what the files of a release hold.
const maxInput = 128 << 20

func readInput(s command.Streams, file string) ([]byte, error) {
	in, name := s.In, "standard input"
	if file != "-" {
		if err := render.NotOneFile(file); err != nil {
			return nil, err
		}
		opened, err := render.Open(file)
		if err != nil {
			return nil, err
		}
		defer opened.Close()
		in, name = opened, file
	}
	data, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err == nil && len(data) > maxInput {
		err = fmt.Errorf("it has more than %d MiB", maxInput>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, render.Cause(err))
	}
	return data, nil
}
