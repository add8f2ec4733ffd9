// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// awaitTarget waits until the target in the cluster is the one that the release is of. A tool may apply the Job first:
// Argo CD and Flux sort by kind, and put those that they do not know last. An agent that did not wait would find the
// release before this one done, and end.
func (r *reader) awaitTarget(ctx context.Context) error {
	if r.options.Await == 0 {
		return nil
	}
	patient, cancel := context.WithTimeout(ctx, r.options.Await)
	defer cancel()
	for {
		set, _ := r.workloads.Get(r.options.Name)
		is := set.Annotations[plan.ReleaseAnnotation]
		switch {
		case is == r.options.Release:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case patient.Err() != nil:
			return fmt.Errorf("%s: its annotation %s is %q and not %q after %v: apply the target that was rendered with this Job",
				r.target, plan.ReleaseAnnotation, is, r.options.Release, r.options.Await)
		}
		kube.Pause(patient, r.options.Await/1000)
	}
}

// awaitController waits in partition mode until the controller has seen the present template: only it knows the name of
// the revision.
func (r *reader) awaitController(ctx context.Context) error {
	if !r.controlled() {
		return nil
	}
	patient, cancel := context.WithTimeout(ctx, r.options.Reaction)
	defer cancel()
	for {
		set, ok := r.workloads.Get(r.options.Name)
		switch {
		case ok && !set.Behind(r.target.Kind), !ok: // one that is gone is told by the next observation
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case patient.Err() != nil:
			return r.unreconciled(set)
		}
		kube.Pause(patient, r.options.Reaction/100)
	}
}

// unreconciled says that nobody reconciles the target.
func (r *reader) unreconciled(set kube.Workload) error {
	without := "start it"
	if r.target.Kind.Direct {
		without = "without it use --mode direct"
	}
	return fmt.Errorf("%s: no controller has seen generation %d within %v (the status is of generation %d): %s reconciles %ss: %s",
		r.target, set.Generation, r.options.Reaction, set.Status.ObservedGeneration, r.target.Kind.Controller, r.target.Kind.Name,
		without)
}
