// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// noIndex is the index of a process that releases its whole train itself.
const noIndex = -1

// checkTrain refuses flags that make no sense for several targets.
func (f *runFlags) checkTrain(plan plan.BatchPlan) error {
	switch n := len(plan.Waves.Targets); {
	case n == 0 && f.index != noIndex:
		return usagef("--index %d: the plan has one target, not targets", f.index)
	case f.index >= n && n > 0:
		return usagef("--index %d: the plan has %d targets, the last one is %d", f.index, n, n-1)
	case f.index != noIndex && f.job == "":
		return usagef("--index needs --job, the name of the Indexed Job whose other indexes it waits for")
	case n > 0 && f.stay:
		return usagef("--stay and a plan with several targets exclude each other: an agent stays with one target")
	case n > 0 && f.index == noIndex && f.metrics != "":
		return usagef("--metrics-address and a plan with several targets exclude each other: print an Indexed Job, which has a process for each target")
	}
	return nil
}

// choose takes the one target out of a train that an argument names. A plan that says what it is for is not used for
// anything else: its batches and checks were written for that.
func choose(p *plan.BatchPlan, args []string) error {
	if len(args) == 0 || len(p.Waves.Targets) == 0 && p.Target.Name == "" {
		return nil
	}
	word, name, slash := strings.Cut(args[0], "/")
	if !slash {
		word, name = "", args[0]
	}
	var found []plan.BatchPlan
	for _, single := range p.Single() {
		if single.Target.Name == name && (word == "" || isKind(word, single.Target)) {
			found = append(found, single)
		}
	}
	switch {
	case len(found) == 0 && len(p.Waves.Targets) == 0:
		return usagef("%s is not what the plan releases, which is %s: name that or nothing, or give another plan", args[0], targetNames(*p))
	case len(found) == 0:
		return usagef("%s is not among the plan's targets: name one of %s", args[0], targetNames(*p))
	case len(found) == 1:
		*p = found[0]
		return nil
	default:
		return usagef("%s is the name of %d of the plan's targets: write KIND/%s", args[0], len(found), name)
	}
}

// isKind tells whether a target is of the kind that a word such as sts names. A word that names none is refused elsewhere.
func isKind(word string, t plan.Target) bool {
	kind, err := plan.KindNamed(word)
	of, ok := plan.KindOf(t.APIVersion, cmp.Or(t.Kind, "CloneSet"))
	return err != nil || ok && kind.Name == of.Name && kind.Group() == of.Group()
}

// chooseOne takes the one target that an argument names, which may be left out where there is one only.
func chooseOne(plan *plan.BatchPlan, args []string) error {
	if len(args) == 0 && len(plan.Waves.Targets) > 0 {
		return usagef("the plan has %d targets: name one of %s", len(plan.Waves.Targets), targetNames(*plan))
	}
	return choose(plan, args)
}

// targetNames are the targets of a plan as an argument names them.
func targetNames(plan plan.BatchPlan) string {
	var names []string
	for _, single := range plan.Single() {
		names = append(names, targetArgument(single.Target))
	}
	return strings.Join(names, ", ")
}

// targetArgument is how an argument names a target: cloneset/demo.
func targetArgument(t plan.Target) string {
	kind, _ := plan.KindOf(t.APIVersion, t.Kind)
	words := kind.Words
	if len(words) == 0 {
		return t.Name
	}
	for _, w := range words {
		if named, err := plan.KindNamed(w); err == nil && named.Group() == kind.Group() && w == strings.ToLower(t.Kind) {
			return w + "/" + t.Name
		}
	}
	return words[len(words)-1] + "/" + t.Name
}

// alone is the plan of one target of a train, and makes options of the train's the target's own.
func (f *runFlags) alone(p plan.BatchPlan, target int, options *agent.Options) plan.BatchPlan {
	single := p.Single()[target]
	kind, _ := plan.KindOf(single.Target.APIVersion, single.Target.Kind)
	single.Mode = f.modeOf(p, kind)
	options.Kind, options.Name, options.Version = kind.Name, single.Target.Name, kind.APIVersion
	return single
}

// runIndex releases the one target of a train that is this process' part in an Indexed Job.
func (f *runFlags) runIndex(ctx context.Context, s streams, plan plan.BatchPlan, options agent.Options) error {
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

// runTrain releases every target of a plan and ends with the exit code of the first one that failed.
func (f *runFlags) runTrain(ctx context.Context, s streams, plan plan.BatchPlan, options agent.Options) error {
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
	return trainOutcome(plan.Waves, errs, first)
}

// auditLogOf is the audit log of one target: release.jsonl becomes release-cloneset-demo.jsonl.
func auditLogOf(file string, t plan.Target) string {
	extension := filepath.Ext(file)
	return strings.TrimSuffix(file, extension) + "-" + strings.ToLower(t.Kind) + "-" + t.Name + extension
}

// trainOutcome names every target that is not done. The exit code is that of the failure that stopped the train.
func trainOutcome(train plan.Waves, errs []error, first error) error {
	var lines []string
	for i, err := range errs {
		if err != nil {
			lines = append(lines, fmt.Sprintf("%s %s: %v", train.Targets[i].Kind, train.Targets[i].Name, err))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	code := exitSignal // nothing failed, so somebody ended the process
	var exit *exitError
	if first != nil {
		code = exitFailure
	}
	if errors.As(first, &exit) {
		code = exit.code
	}
	return &exitError{code: code, err: fmt.Errorf("%d of %d targets are not done:\n  %s", len(lines), len(errs), strings.Join(lines, "\n  "))}
}
