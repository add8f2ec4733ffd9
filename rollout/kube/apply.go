// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Apply makes the writes side by side, as far as the lock is held. A write that has begun is finished also where ctx
// ends; no other is begun.
func (c *Cluster) Apply(ctx context.Context, actions []rollout.Action) error {
	if c.last.observed.Workload.Deleting {
		return nil // memory and lock go with the CloneSet, and its pods are the garbage collector's
	}
	if err := c.lock.check(ctx); err != nil {
		return err
	}
	if c.options.Mode != plan.Partition {
		if err := c.ensureRevision(ctx); err != nil {
			return err
		}
	}
	err := c.parallel(ctx, actions)
	c.last.failure = err
	if err == nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// parallel makes the writes, so many at a time as the options say. The gravest error prevails.
func (c *Cluster) parallel(ctx context.Context, actions []rollout.Action) error {
	var (
		wait    sync.WaitGroup
		mu      sync.Mutex
		failure error
	)
	next := make(chan rollout.Action)
	for range min(c.options.Parallel, len(actions)) {
		wait.Go(func() {
			for a := range next {
				err := c.write(context.WithoutCancel(ctx), a)
				if err == nil {
					continue
				}
				mu.Lock()
				if gravity(err) > gravity(failure) {
					failure, c.last.scaling = err, scales(a)
				}
				mu.Unlock()
			}
		})
	}
	for _, a := range actions {
		if ctx.Err() != nil {
			break
		}
		next <- a
	}
	close(next)
	wait.Wait()
	return failure
}

// gravity puts the errors of writes in order: those that a new look settles, those that time may settle, the others.
func gravity(err error) int {
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
func (c *Cluster) write(ctx context.Context, a rollout.Action) error {
	switch a.Kind {
	case rollout.CreatePod:
		return c.createWithinQuota(ctx, a)
	case rollout.DeletePod:
		return c.deletePod(ctx, a)
	case rollout.DrainPod:
		return c.patchStatus(ctx, a, drainedPatch(*stamp(c.options.Now())))
	case rollout.ReadmitPod:
		return c.patchStatus(ctx, a, admittedPatch(*stamp(c.options.Now())))
	case rollout.UpdatePodInPlace:
		return c.updatePod(ctx, a)
	case rollout.SetLifecycle:
		return c.setLifecycle(ctx, a)
	case rollout.KeepGuest:
		return c.patchPod(ctx, a.Pod.Name, "keeping", keepPatch(a))
	case rollout.SetPartition:
		return c.setPartition(ctx, a)
	case rollout.RestoreTemplate:
		return c.restoreTemplate(ctx, a)
	case rollout.RecordProgress:
		return c.record(ctx, *a.Progress)
	default:
		return fmt.Errorf("%s: this agent does not know the action %s", c.target.Name, a.Kind)
	}
}

func (c *Cluster) podWords(doing, name string) string {
	return fmt.Sprintf("%s Pod %s/%s", doing, c.target.Namespace, name)
}

// podError is what a failed write on a pod means. Where nobody knows whether it happened, the pods are listed anew.
func (c *Cluster) podError(doing, name string, err error) error {
	if !conflicting(err) && !refused(err) {
		c.pods.doubt()
	}
	return conflict(c.podWords(doing, name), err)
}

// createWithinQuota creates a pod, unless a ResourceQuota was full a moment ago.
func (c *Cluster) createWithinQuota(ctx context.Context, a rollout.Action) error {
	if held := c.quota.now(c.options.Now()); held != nil {
		return held
	}
	err := c.createPod(ctx, a)
	if err == nil {
		c.quota.admitted(c.options.Now())
		return nil
	}
	if full := overQuota(err, a); full != nil {
		c.quota.refused(full, c.options.Now())
		return full
	}
	return err
}

// createPod creates the claims of a pod and then the pod. All names follow from the instance id.
func (c *Cluster) createPod(ctx context.Context, a rollout.Action) error {
	r, ok := c.history.find(a.Revision)
	if !ok {
		c.forgetHistory()
		return fmt.Errorf("%s: revision %s is not known: %w", c.podWords("creating", a.Pod.Name), a.Revision, rollout.ErrConflict)
	}
	body, err := newPod(c.set, r, a, c.options.Now())
	if err != nil {
		return err
	}
	for _, claim := range newClaims(c.set, a) {
		if err := c.createClaim(ctx, claim); err != nil {
			return err
		}
	}
	var created pod
	err = c.client.create(ctx, pods(c.target.Namespace).path, body, &created)
	if apierrors.IsAlreadyExists(err) {
		c.meet(ctx, a)
	}
	if err != nil {
		return c.podError("creating", a.Pod.Name, err)
	}
	c.pods.put(created)
	return nil
}

func (c *Cluster) createClaim(ctx context.Context, claim map[string]any) error {
	var created named
	err := c.client.create(ctx, claims(c.target.Namespace).path, claim, &created)
	if apierrors.IsAlreadyExists(err) {
		return nil // of a create that did not come to its pod, or to be used again
	}
	if err != nil {
		return conflict(fmt.Sprintf("creating PersistentVolumeClaim %s/%s", c.target.Namespace, text(claim, "metadata", "name")), err)
	}
	if c.claims != nil {
		c.claims.put(created)
	}
	return nil
}

// meet looks at a pod that is there although no look showed it. If it is ours the watch has been slow; if not, its
// name is taken for good.
func (c *Cluster) meet(ctx context.Context, a rollout.Action) {
	var there pod
	if c.client.get(ctx, pods(c.target.Namespace).object(a.Pod.Name), &there) != nil {
		c.pods.doubt()
		return
	}
	if there.Metadata.controlledBy(c.target.UID) && c.selects(there.Metadata.Labels) {
		c.pods.put(there)
		return
	}
	c.occupy(a.Instance)
}

// deletePod hands the pod's claims to the pod, so that they go with it whoever deletes it, and deletes the pod.
func (c *Cluster) deletePod(ctx context.Context, a rollout.Action) error {
	there, ok := c.pods.named(a.Pod.Name)
	if ok && c.claims != nil {
		if err := c.handClaims(ctx, there.Metadata); err != nil {
			return err
		}
	}
	at := pods(c.target.Namespace)
	options := deleteExactly(a.Pod.UID, a.Pod.ResourceVersion)
	var err error
	if c.options.Evict && there.Status.Phase != rollout.PodFailed && there.Status.Phase != rollout.PodSucceeded {
		err = c.client.evict(ctx, at.object(a.Pod.Name, "eviction"), map[string]any{
			"apiVersion": "policy/v1", "kind": "Eviction",
			"metadata": map[string]any{"name": a.Pod.Name, "namespace": c.target.Namespace}, "deleteOptions": options,
		})
		if apierrors.IsTooManyRequests(err) {
			return fmt.Errorf("%s: a PodDisruptionBudget does not allow it now: %w (%w)", c.podWords("evicting", a.Pod.Name), rollout.ErrConflict, err)
		}
	} else {
		err = c.client.delete(ctx, at.object(a.Pod.Name), options, nil)
	}
	if err != nil {
		return c.podError("deleting", a.Pod.Name, err)
	}
	now := c.options.Now()
	c.pods.amend(a.Pod.Name, a.Pod.UID, func(p pod) pod {
		p.Metadata.DeletionTimestamp = &now
		return p
	})
	return nil
}

// handClaims makes a pod the only owner of its claims.
func (c *Cluster) handClaims(ctx context.Context, of metadata) error {
	var own []metadata
	c.claims.each(func(claim named) {
		m := claim.Metadata
		if m.Labels[labelInstance] == of.Labels[labelInstance] && m.controlledBy(c.target.UID) {
			own = append(own, m)
		}
	})
	for _, m := range own {
		patch := map[string]any{"metadata": map[string]any{"uid": m.UID, "resourceVersion": m.ResourceVersion, "ownerReferences": []ownerReference{
			{APIVersion: "v1", Kind: "Pod", Name: of.Name, UID: of.UID},
		}}}
		var handed named
		if err := c.client.merge(ctx, claims(c.target.Namespace).object(m.Name), patch, &handed); err != nil {
			c.claims.doubt()
			return conflict(fmt.Sprintf("handing PersistentVolumeClaim %s/%s to its pod", m.Namespace, m.Name), err)
		}
		c.claims.put(handed)
	}
	return nil
}

// patchStatus writes readiness conditions of a pod.
func (c *Cluster) patchStatus(ctx context.Context, a rollout.Action, conditions []condition) error {
	doing := "draining"
	if a.Kind == rollout.ReadmitPod {
		doing = "readmitting"
	}
	patch := map[string]any{"metadata": fence(a.Pod), "status": map[string]any{"conditions": conditions}}
	return c.patchPod(ctx, a.Pod.Name, doing, patch, "status")
}

// updatePod writes images and metadata of another revision into a pod.
func (c *Cluster) updatePod(ctx context.Context, a rollout.Action) error {
	there, ok := c.pods.named(a.Pod.Name)
	from, fromOK := c.history.find(c.history.names[hashOf(there.Metadata.Labels[labelRevision])])
	to, toOK := c.history.find(a.Revision)
	if !ok || !fromOK || !toOK {
		c.forgetHistory()
		return fmt.Errorf("%s: its revisions are not known: %w", c.podWords("updating", a.Pod.Name), rollout.ErrConflict)
	}
	patch, err := inPlacePatch(there, from, to, a, c.options.Now())
	if err != nil {
		return err
	}
	return c.patchPod(ctx, a.Pod.Name, "updating", patch)
}

// setLifecycle writes a pod's lifecycle state, after taking it out of service where the hook asks for that.
func (c *Cluster) setLifecycle(ctx context.Context, a rollout.Action) error {
	if a.NotReady {
		drain := map[string]any{"metadata": fence(a.Pod), "status": map[string]any{"conditions": drainedPatch(*stamp(c.options.Now()))}}
		if err := c.patchPod(ctx, a.Pod.Name, "draining", drain, "status"); err != nil {
			return err
		}
		if there, ok := c.pods.named(a.Pod.Name); ok && there.Metadata.UID == a.Pod.UID {
			a.Pod.ResourceVersion = there.Metadata.ResourceVersion
		}
	}
	return c.patchPod(ctx, a.Pod.Name, "setting the lifecycle of", lifecyclePatch(a, c.options.Now()))
}

// patchPod sends a strategic merge patch and puts the pod that comes back into the mirror.
func (c *Cluster) patchPod(ctx context.Context, name, doing string, patch map[string]any, subresource ...string) error {
	var patched pod
	err := c.client.strategic(ctx, pods(c.target.Namespace).object(name, subresource...), patch, &patched)
	if err != nil {
		return c.podError(doing, name, err)
	}
	c.pods.put(patched)
	return nil
}

// setPartition steps the partition of a target that a controller reconciles.
func (c *Cluster) setPartition(ctx context.Context, a rollout.Action) error {
	patch := partitionPatch(c.kind, c.options, a.ResourceVersion, &a.Partition)
	err := c.writeSet(func(out any) error { return c.client.apply(ctx, c.at(), patch, out) })
	if err == nil {
		c.wrote = &a.Partition
	}
	return err
}

// restoreTemplate writes the pod template of a revision into the target. A patch that carries a resourceVersion fails
// with a conflict where the object has changed.
func (c *Cluster) restoreTemplate(ctx context.Context, a rollout.Action) error {
	r, ok := c.history.find(a.Revision)
	if !ok {
		return fmt.Errorf("restoring revision %s of %s: there is no such ControllerRevision: the history limit may be too low",
			a.Revision, c.what())
	}
	template, err := r.template()
	if err != nil {
		return err
	}
	return c.writeSet(func(out any) error {
		return c.client.jsonPatch(ctx, c.at(), []map[string]any{
			{"op": "replace", "path": "/metadata/resourceVersion", "value": a.ResourceVersion},
			{"op": "replace", "path": "/spec/template", "value": template},
		}, out)
	})
}

func (c *Cluster) writeSet(write func(out any) error) error {
	var written cloneSet
	if err := write(&written); err != nil {
		c.sets.doubt()
		return conflict("writing "+c.what(), err)
	}
	c.sets.put(written)
	return nil
}
