// SPDX-License-Identifier: Apache-2.0

package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// noIndex is the index of a process that releases its targets itself.
const noIndex = -1

// checkTargets refuses flags that make no sense for several targets.
func (f *runFlags) checkTargets(plan plan.BatchPlan) error {
	switch n := len(plan.Waves.Targets); {
	case n == 0 && f.index != noIndex:
		return command.Usagef("--index %d: the plan has one target, not targets", f.index)
	case f.index >= n && n > 0:
		return command.Usagef("--index %d: the plan has %d targets, the last one is %d", f.index, n, n-1)
	case f.index == noIndex && f.job != "":
		return command.Usagef("--job %s names the Indexed Job of an --index: give both, or none to release every target from here",
			f.job)
	case f.index != noIndex && f.job == "":
		return command.Usagef("--index needs --job, the name of the Indexed Job whose other indexes it waits for")
	case n > 0 && f.stay:
		return command.Usagef("--stay and a plan with several targets exclude each other: an agent stays with one target")
	case n > 0 && f.index == noIndex && f.metrics != "":
		return command.Usagef("--metrics-address and a plan with several targets exclude each other: print an Indexed Job, which " +
			"has a process for each target")
	}
	return nil
}

// choose takes the one target out of several that an argument names. A plan that says what it is for is not used for
// anything else: its batches and checks were written for that.
func choose(p *plan.BatchPlan, args []string) error {
	if len(args) == 0 {
		return nil
	}
	one, err := p.Pick(args[0])
	if err != nil {
		return &command.ExitError{Code: command.ExitUsage, Err: err}
	}
	*p = one
	return nil
}

// chooseOne takes the one target that an argument names, which may be left out where there is one only.
func chooseOne(plan *plan.BatchPlan, args []string) error {
	if len(args) == 0 && len(plan.Waves.Targets) > 0 {
		return command.Usagef("the plan has %d targets: name one of %s", len(plan.Waves.Targets), plan.TargetNames())
	}
	return choose(plan, args)
}

// alone is the plan of one target of several, and makes options of the whole plan the target's own.
func (f *runFlags) alone(p plan.BatchPlan, target int, options *agent.Options) plan.BatchPlan {
	single := p.Single()[target]
	kind, _ := plan.KindOf(single.Target.APIVersion, single.Target.Kind)
	single.Mode = cmp.Or(plan.ParseMode(f.mode), p.ModeFor(kind))
	options.Kind, options.Name, options.Version = kind.Name, single.Target.Name, kind.APIVersion
	return single
}

// runIndex releases the one target of several that is this process' part in an Indexed Job.
func (f *runFlags) runIndex(ctx context.Context, s command.Streams, plan plan.BatchPlan, options agent.Options) error {
	turn := agent.Turn{Config: options.Config, Namespace: options.Namespace, Job: f.job, Waves: plan.Waves, Index: f.index}
	following, end := context.WithCancel(ctx)
	defer end()
	stop, err := turn.Await(following)
	if err != nil {
		return f.outcome(ctx, rollout.Decision{}, err)
	}
	options.Stop = stop
	return f.carryOut(ctx, s, f.alone(plan, f.index, &options), options)
}

// runTargets releases every target of a plan and ends with the exit code of the first one that failed.
func (f *runFlags) runTargets(ctx context.Context, s command.Streams, plan plan.BatchPlan, options agent.Options) error {
	errs, first := agent.RunWaves(ctx, plan.Waves, func(ctx context.Context, target int, stop <-chan string) error {
		of, its := *f, options
		of.beside = plan.Waves.Parallel
		single := of.alone(plan, target, &its)
		if f.auditLog != "" {
			of.auditLog = auditLogOf(f.auditLog, single.Target)
		}
		if f.output == "auto" && plan.Waves.Parallel > 1 {
			of.output = "json" // two live tables cannot share a terminal
		}
		its.Stop = stop
		return of.carryOut(ctx, s, single, its)
	})
	return targetsOutcome(plan.Waves, errs, first)
}

// auditLogOf is the audit log of one target: release.jsonl becomes release-cloneset-demo.jsonl.
func auditLogOf(file string, t plan.Target) string {
	extension := filepath.Ext(file)
	return strings.TrimSuffix(file, extension) + "-" + strings.ToLower(t.Kind) + "-" + t.Name + extension
}

// targetsOutcome names every target that is not done. The exit code is that of the failure that stopped the others.
func targetsOutcome(waves plan.Waves, errs []error, first error) error {
	var lines []string
	for i, err := range errs {
		if err != nil {
			lines = append(lines, fmt.Sprintf("%s %s: %v", waves.Targets[i].Kind, waves.Targets[i].Name, err))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	code := ExitSignal // nothing failed, so somebody ended the process
	var exit *command.ExitError
	if first != nil {
		code = command.ExitFailure
	}
	if errors.As(first, &exit) {
		code = exit.Code
	}
	return &command.ExitError{Code: code, Err: fmt.Errorf("%d of %d targets are not done:\n  %s", len(lines), len(errs),
		strings.Join(lines, "\n  "))}
}
