// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
)

// writer makes the writes that were decided on, side by side, as long as the lock is held.
type writer struct {
	podWriter

	failure error  // of the last writes
	scaling bool   // the failure is of a write that only changes the number of pods
	warned  string // what a server that fails at the record has said
}

// apply makes the writes side by side, as far as the lock is held. A write that has begun is finished also where ctx
// ends; no other is begun.
func (w *writer) apply(ctx context.Context, actions []rollout.Action) error {
	if w.last.observed.Workload.Deleting {
		return nil // record and lock go with the CloneSet, and its pods are the garbage collector's
	}
	if err := w.lock.Check(ctx); err != nil {
		return err
	}
	if !w.controlled() {
		if err := w.ensureRevision(ctx); err != nil {
			return w.hindered(rollout.Action{Kind: rollout.RecordProgress}, err)
		}
	}
	err := w.parallel(ctx, actions)
	w.failure = err
	if err == nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// parallel makes the writes, so many at a time as the options say. The gravest error prevails.
func (w *writer) parallel(ctx context.Context, actions []rollout.Action) error {
	var (
		wait    sync.WaitGroup
		mu      sync.Mutex
		failure error
	)
	next, counted := make(chan rollout.Action), w.countOn(actions)
	for range min(w.options.Parallel, len(actions)) {
		wait.Go(func() {
			for a := range next {
				err := w.writeStanding(context.WithoutCancel(ctx), a, counted)
				if err == nil {
					continue
				}
				mu.Lock()
				if severity(err) > severity(failure) {
					failure, w.scaling = err, scales(a)
				}
				mu.Unlock()
			}
		})
	}
	for _, a := range actions {
		if ctx.Err() != nil || counted.over() {
			break
		}
		next <- a
	}
	close(next)
	wait.Wait()
	return failure
}

// writeStanding makes one write of a list that stands, while nobody else can hold the lock.
func (w *writer) writeStanding(ctx context.Context, a rollout.Action, on *counted) error {
	if err := on.lost(); err != nil {
		return err
	}
	if err := w.lock.Sure(ctx); err != nil {
		return err
	}
	return w.write(ctx, a)
}

// severity puts the errors of writes in order: those that a new observation settles, those that time may settle, the others.
func severity(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, rollout.ErrConflict):
		return 1
	case errors.Is(err, rollout.ErrNotNow):
		return 2
	default:
		return 3
	}
}

// scales tells whether an action changes the number of pods, and not what they run.
func scales(a rollout.Action) bool {
	return !a.Guest && (a.Kind == rollout.CreatePod && a.Reason != "new" || a.Kind == rollout.DeletePod && a.Reason != "old")
}

// write makes one write.
func (w *writer) write(ctx context.Context, a rollout.Action) error {
	return w.hindered(a, w.tried(ctx, a))
}

// tried is how one write went.
func (w *writer) tried(ctx context.Context, a rollout.Action) error {
	switch a.Kind {
	case rollout.CreatePod:
		return w.answered(a, w.withinQuota(a, func() error { return w.createPod(ctx, a) }))
	case rollout.DeletePod:
		return w.deletePod(ctx, a)
	case rollout.DrainPod:
		return w.patchStatus(ctx, a, kube.DrainedConditions(*kube.Stamp(w.options.Now())))
	case rollout.HoldPod:
		return w.patchPod(ctx, a.Pod.Name, "holding", kube.HoldPatch(a.Pod, a.Revision))
	case rollout.ReadmitPod:
		return w.readmit(ctx, a)
	case rollout.UpdatePodInPlace:
		return w.answered(a, w.updatePod(ctx, a))
	case rollout.SetLifecycle:
		return w.setLifecycle(ctx, a)
	case rollout.KeepGuest:
		return w.patchPod(ctx, a.Pod.Name, "keeping", kube.KeepPatch(a))
	case rollout.SetFields:
		return w.setFields(ctx, a, nil)
	case rollout.GiveUpFields:
		return w.giveUpFields(ctx, a)
	case rollout.SetPartition:
		return w.setPartition(ctx, a)
	case rollout.RestoreTemplate:
		return w.restoreTemplate(ctx, a)
	case rollout.RecordProgress:
		return w.record(ctx, *a.Progress)
	default:
		return fmt.Errorf("%s: this agent does not know the action %s", w.target.Name, a.Kind)
	}
}

// setPartition steps the partition of a target that a controller reconciles.
func (w *writer) setPartition(ctx context.Context, a rollout.Action) error {
	patch := w.target.PartitionPatch(a.ResourceVersion, &a.Partition)
	err := w.writeTarget(func(out any) error { return w.client.Apply(ctx, w.target.Path(), patch, out) })
	if err == nil {
		w.wrote = &a.Partition
	}
	return err
}

// restoreTemplate writes the pod template of a revision into the target. A patch that carries a resourceVersion fails
// with a conflict where the object has changed.
func (w *writer) restoreTemplate(ctx context.Context, a rollout.Action) error {
	r, ok := w.last.history.Find(a.Revision)
	if !ok {
		return fmt.Errorf("restoring revision %s of %s: there is no such ControllerRevision: the history limit may be too low",
			a.Revision, w.target.String())
	}
	template, err := r.Template()
	if err != nil {
		return err
	}
	if a.Fields != nil {
		return w.setFields(ctx, a, template)
	}
	return w.writeTarget(func(out any) error {
		return w.client.JSONPatch(ctx, w.target.Path(), []map[string]any{
			{"op": "replace", "path": "/metadata/resourceVersion", "value": a.ResourceVersion},
			{"op": "replace", "path": "/spec/template", "value": template},
		}, out)
	})
}

func (w *writer) writeTarget(write func(out any) error) error {
	var written kube.Workload
	if err := write(&written); err != nil {
		w.workloads.Invalidate()
		return kube.Conflict("writing "+w.target.String(), err)
	}
	w.workloads.Put(written)
	return nil
}
