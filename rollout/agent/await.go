// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// entry is what an agent waits for and makes sure of before it writes.
type entry struct{ shared }

// awaitTarget waits until the target in the cluster is the one that the release is of. A tool may apply the Job first:
// Argo CD and Flux sort by kind, and put those that they do not know last. An agent that did not wait would find the
// release before this one done, and end.
func (e *entry) awaitTarget(ctx context.Context) error {
	if e.options.Await == 0 {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, e.options.Await)
	defer cancel()
	for {
		set, _ := e.workloads.Get(e.options.Name)
		is := set.Annotations[plan.ReleaseAnnotation]
		switch {
		case is == e.options.Release:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case limited.Err() != nil:
			return fmt.Errorf("%s: its annotation %s is %q and not %q after %v: apply the target that was rendered with this Job",
				e.target, plan.ReleaseAnnotation, is, e.options.Release, e.options.Await)
		}
		kube.Pause(limited, e.options.Await/1000)
	}
}

// awaitController waits in partition mode until the controller has seen the present template: only it knows the name of
// the revision.
func (e *entry) awaitController(ctx context.Context) error {
	if !e.controlled() {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, e.options.Reaction)
	defer cancel()
	for {
		set, ok := e.workloads.Get(e.options.Name)
		switch {
		case ok && !set.Behind(e.target.Kind), !ok: // one that is gone is told by the next observation
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case limited.Err() != nil:
			return e.unreconciled(set)
		}
		kube.Pause(limited, e.options.Reaction/100)
	}
}

// unreconciled says that nobody reconciles the target.
func (e *entry) unreconciled(set kube.Workload) error {
	without := "start it"
	if e.target.Kind.Direct {
		without = "without it use --mode direct"
	}
	return fmt.Errorf("%s: no controller has seen generation %d within %v (the status is of generation %d): %s reconciles %ss: %s",
		e.target, set.Generation, e.options.Reaction, set.Status.ObservedGeneration, e.target.Kind.Controller, e.target.Kind.Name,
		without)
}
