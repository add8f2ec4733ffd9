// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
)

// podWriter makes the writes on pods and their claims.
type podWriter struct{ shared }

// withinQuota makes a write that takes room in quotas, unless one was refused for now a moment ago.
func (w *podWriter) withinQuota(a rollout.Action, write func() error) error {
	if held := w.admission.now(w.options.Now()); held != nil {
		return held
	}
	err := write()
	if err == nil {
		w.admission.admitted(w.options.Now())
		return nil
	}
	if full := overQuota(err, a); full != nil {
		w.admission.refused(full, w.options.Now())
		return full
	}
	return err
}

// createPod creates the claims of a pod and then the pod. All names follow from the instance id.
func (w *podWriter) createPod(ctx context.Context, a rollout.Action) error {
	r, ok := w.last.history.Find(a.Revision)
	if !ok {
		w.forgetHistory()
		return fmt.Errorf("%s: revision %s is not known: %w", podWords(w.target.Namespace, "creating", a.Pod.Name), a.Revision,
			rollout.ErrConflict)
	}
	body, err := kube.NewPod(w.last.workload, r, a, w.options.Now())
	if err != nil {
		return err
	}
	for _, claim := range kube.NewClaims(w.last.workload, r, a) {
		if err := w.createClaim(ctx, claim); err != nil {
			return err
		}
	}
	var created kube.Pod
	err = w.client.Create(ctx, kube.Pods(w.target.Namespace).Path, body, &created)
	if apierrors.IsAlreadyExists(err) {
		w.takeIn(ctx, a)
	}
	if err != nil {
		return w.podError("creating", a.Pod.Name, err)
	}
	w.pods.Put(created)
	return nil
}

func (w *podWriter) createClaim(ctx context.Context, claim map[string]any) error {
	var created kube.Meta
	err := w.client.Create(ctx, kube.Claims(w.target.Namespace).Path, claim, &created)
	if apierrors.IsAlreadyExists(err) {
		return nil // of a create that did not come to its pod, or to be used again
	}
	if err != nil {
		return kube.Conflict(fmt.Sprintf("creating PersistentVolumeClaim %s/%s", w.target.Namespace,
			kube.Text(claim, "metadata", "name")), err)
	}
	if w.claims != nil {
		w.claims.Put(created)
	}
	return nil
}

// takeIn looks at a pod that is there although no observation showed it. If it is ours the watch has been slow; if not, its
// name is taken for good.
func (w *podWriter) takeIn(ctx context.Context, a rollout.Action) {
	var there kube.Pod
	if w.client.Get(ctx, kube.Pods(w.target.Namespace).Object(a.Pod.Name), &there) != nil {
		w.pods.Invalidate()
		return
	}
	if kube.ControlledBy(there.ObjectMeta, w.uid) && w.last.observed.Workload.Spec.Selector.Matches(there.Labels) {
		w.pods.Put(there)
		return
	}
	w.take(a.Instance)
}

// deletePod hands the pod's claims to the pod, so that they go with it whoever deletes it, and deletes the pod.
func (w *podWriter) deletePod(ctx context.Context, a rollout.Action) error {
	there, ok := w.pods.Get(a.Pod.Name)
	if ok && w.claims != nil {
		if err := w.handClaims(ctx, there.ObjectMeta); err != nil {
			return err
		}
	}
	options := kube.Exactly(types.UID(a.Pod.UID), a.Pod.ResourceVersion)
	var err error
	if w.options.Evict && !there.Ended() {
		err = w.evict(ctx, a, options)
	} else {
		err = w.client.Delete(ctx, kube.Pods(w.target.Namespace).Object(a.Pod.Name), options, nil)
	}
	switch {
	case errors.Is(err, rollout.ErrNotNow):
		return err
	case err != nil:
		return w.podError("deleting", a.Pod.Name, err)
	}
	now := metav1.NewTime(w.options.Now())
	w.pods.Update(a.Pod.Name, types.UID(a.Pod.UID), func(p kube.Pod) kube.Pod {
		p.DeletionTimestamp = &now
		return p
	})
	return nil
}

// handClaims makes a pod the only owner of its claims.
func (w *podWriter) handClaims(ctx context.Context, of metav1.ObjectMeta) error {
	var own []metav1.ObjectMeta
	w.claims.Each(func(claim kube.Meta) {
		m := claim.ObjectMeta
		if m.Labels[kube.LabelInstance] == of.Labels[kube.LabelInstance] && kube.ControlledBy(m, w.uid) {
			own = append(own, m)
		}
	})
	for _, m := range own {
		patch := map[string]any{"metadata": map[string]any{
			"uid": m.UID, "resourceVersion": m.ResourceVersion,
			"ownerReferences": []metav1.OwnerReference{
				{APIVersion: "v1", Kind: "Pod", Name: of.Name, UID: of.UID},
			},
		}}
		var handed kube.Meta
		if err := w.client.MergePatch(ctx, kube.Claims(w.target.Namespace).Object(m.Name), patch, &handed); err != nil {
			w.claims.Invalidate()
			return kube.Conflict(fmt.Sprintf("handing PersistentVolumeClaim %s/%s to its pod", m.Namespace, m.Name), err)
		}
		w.claims.Put(handed)
	}
	return nil
}

// patchStatus writes readiness conditions of a pod.
func (w *podWriter) patchStatus(ctx context.Context, a rollout.Action, conditions any) error {
	doing := "draining"
	if a.Kind == rollout.ReadmitPod {
		doing = "readmitting"
	}
	patch := map[string]any{"metadata": kube.Fence(a.Pod), "status": map[string]any{"conditions": conditions}}
	return w.patchPod(ctx, a.Pod.Name, doing, patch, "status")
}

// updatePod writes images and metadata of another revision into a pod.
func (w *podWriter) updatePod(ctx context.Context, a rollout.Action) error {
	there, ok := w.pods.Get(a.Pod.Name)
	name, _ := w.last.history.NameOf(there.Labels[kube.LabelRevision])
	from, fromOK := w.last.history.Find(name)
	to, toOK := w.last.history.Find(a.Revision)
	if !ok || !fromOK || !toOK {
		w.forgetHistory()
		return fmt.Errorf("%s: its revisions are not known: %w", podWords(w.target.Namespace, "updating", a.Pod.Name),
			rollout.ErrConflict)
	}
	if err := w.resizePod(ctx, &a, from, to); err != nil {
		return err
	}
	there, _ = w.pods.Get(a.Pod.Name)
	patch, err := kube.InPlacePatch(there, from, to, a, w.options.Now())
	if err != nil {
		return err
	}
	return w.patchPod(ctx, a.Pod.Name, "updating", patch)
}

// resizePod gives a pod that goes from one revision to another its cpu and memory. Before the first such write the pod carries
// the mark of a held one, so that whoever comes after an agent that was killed knows that they may be those of either. A pod
// that stays in its endpoints has it already, because it was decided to hold it; one that restarts was decided to be drained.
// One that was held for a third revision, whose release ended there, may have the amounts of that one: then all of them are
// written.
func (w *podWriter) resizePod(ctx context.Context, a *rollout.Action, from, to kube.Revision) error {
	there, _ := w.pods.Get(a.Pod.Name)
	if third := there.HeldFor(); third != "" && third != to.Name {
		from = to
	}
	patch, err := kube.ResizePatch(a.Pod, from, to)
	if err != nil || patch == nil {
		return err
	}
	if !there.Held() {
		if err := w.patchOn(ctx, a, "holding", kube.HoldPatch(a.Pod, to.Name)); err != nil {
			return err
		}
		if patch, err = kube.ResizePatch(a.Pod, from, to); err != nil {
			return err
		}
	}
	return w.withinQuota(*a, func() error { return w.patchOn(ctx, a, "resizing", patch, "resize") })
}

// readmit gives a pod back to its endpoints, and a held one the resources of its own revision.
func (w *podWriter) readmit(ctx context.Context, a rollout.Action) error {
	there, _ := w.pods.Get(a.Pod.Name)
	if there.Held() {
		if err := w.giveBack(ctx, &a, there.Labels[kube.LabelRevision]); err != nil {
			return err
		}
		if err := w.patchOn(ctx, &a, "readmitting", kube.HoldPatch(a.Pod, "")); err != nil {
			return err
		}
		if !there.Drained() {
			return nil
		}
	}
	return w.patchStatus(ctx, a, kube.AdmittedConditions(*kube.Stamp(w.options.Now())))
}

// giveBack gives a held pod the cpu and memory of its own revision. Where nobody knows that any more, it keeps what it has.
func (w *podWriter) giveBack(ctx context.Context, a *rollout.Action, revision string) error {
	name, _ := w.last.history.NameOf(revision)
	own, ok := w.last.history.Find(name)
	if !ok {
		w.warn(fmt.Errorf("%s: a release that ended has left it with cpu and memory that may not be its own, and its revision %s, "+
			"which says what is, is gone: delete the pod, and it comes back with what the template says",
			podWords(w.target.Namespace, "readmitting", a.Pod.Name), revision))
		return nil
	}
	return w.resizePod(ctx, a, own, own)
}

// setLifecycle writes a pod's lifecycle state, after taking it out of service where the hook asks for that.
func (w *podWriter) setLifecycle(ctx context.Context, a rollout.Action) error {
	if a.NotReady {
		drain := map[string]any{
			"metadata": kube.Fence(a.Pod),
			"status":   map[string]any{"conditions": kube.DrainedConditions(*kube.Stamp(w.options.Now()))},
		}
		if err := w.patchOn(ctx, &a, "draining", drain, "status"); err != nil {
			return err
		}
	}
	return w.patchPod(ctx, a.Pod.Name, "setting the lifecycle of", kube.LifecyclePatch(a, w.options.Now()))
}

// patchOn is patchPod in the middle of an action. What comes next is a write on the pod as this one has left it, and on nothing
// that somebody else has written since.
func (w *podWriter) patchOn(ctx context.Context, a *rollout.Action, doing string, patch map[string]any,
	subresource ...string,
) error {
	patched, err := w.patched(ctx, a.Pod.Name, doing, patch, subresource...)
	if err == nil {
		a.Pod.ResourceVersion = patched.ResourceVersion
	}
	return err
}

// patchPod sends a strategic merge patch and puts the pod that comes back into the cache.
func (w *podWriter) patchPod(ctx context.Context, name, doing string, patch map[string]any, subresource ...string) error {
	_, err := w.patched(ctx, name, doing, patch, subresource...)
	return err
}

func (w *podWriter) patched(ctx context.Context, name, doing string, patch map[string]any,
	subresource ...string,
) (kube.Pod, error) {
	var patched kube.Pod
	err := w.client.StrategicPatch(ctx, kube.Pods(w.target.Namespace).Object(name, subresource...), patch, &patched)
	if err != nil {
		return patched, w.podError(doing, name, err)
	}
	w.pods.Put(patched)
	return patched, nil
}

func podWords(namespace, doing, name string) string {
	return fmt.Sprintf("%s Pod %s/%s", doing, namespace, name)
}

// podError is what a failed write on a pod means. Where nobody knows whether it happened, the pods are listed anew.
func (w *podWriter) podError(doing, name string, err error) error {
	if !kube.Conflicting(err) && !kube.Refused(err) {
		w.pods.Invalidate()
	}
	return kube.Conflict(podWords(w.target.Namespace, doing, name), err)
}
