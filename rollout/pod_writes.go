// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// podWrites are the writes of one decision on single pods. Which pods and how many is decided elsewhere; here each is led
// through the hooks of its lifecycle, one write at a time.
type podWrites struct {
	spec      *plan.WorkloadSpec
	now       time.Time
	revisions *revisions
	actions   []Action
	soonest   time.Duration // until a pod has drained; 0: none drains
	blocked   string        // why nothing more can be replaced now, for the message
}

func (w *podWrites) add(a Action) { w.actions = append(w.actions, a) }

func (w *podWrites) setLifecycle(p *Pod, state LifecycleState, reason string) {
	w.add(Action{Kind: SetLifecycle, Pod: p.ref(), Lifecycle: state, Reason: reason})
}

func (w *podWrites) readmit(p *Pod, reason string) {
	w.add(Action{Kind: ReadmitPod, Pod: p.ref(), Reason: reason})
}

// finishCreate lets a new pod serve once its preNormal hook has let go.
func (w *podWrites) finishCreate(p *Pod) {
	if hook := &w.spec.Lifecycle.PreNormal; !hook.IsSet() || hook.Holds(p.Labels, p.Finalizers) {
		w.setLifecycle(p, Normal, "ready for service")
	}
}

// finishUpdate leads a pod of the released revision through the end of its in-place update, or out of one that
// a rollback made unnecessary.
func (w *podWrites) finishUpdate(p *Pod) {
	hook := &w.spec.Lifecycle.InPlaceUpdate
	switch {
	case p.Pending:
	case p.Drained:
		w.readmit(p, "updated")
	case p.Lifecycle == PreparingUpdate:
		w.setLifecycle(p, Normal, "no update needed any more")
	case p.Lifecycle == Updating && hook.IsSet() && !hook.Holds(p.Labels, p.Finalizers):
		w.setLifecycle(p, Updated, "updated, the hook may follow")
	case p.Lifecycle == Updating, p.Lifecycle == Updated && (!hook.IsSet() || hook.Holds(p.Labels, p.Finalizers)):
		w.setLifecycle(p, Normal, "updated")
	}
}

// cancelUpdate gives a pod back that no longer has to change.
func (w *podWrites) cancelUpdate(p *Pod) {
	if p.Drained {
		w.readmit(p, "no update needed any more")
		return
	}
	w.setLifecycle(p, Normal, "no update needed any more")
}

// update does the next write of an in-place update: hook, drain, grace period, images.
func (w *podWrites) update(p *Pod) {
	hook := &w.spec.Lifecycle.InPlaceUpdate
	if hook.Holds(p.Labels, p.Finalizers) && p.Lifecycle != PreparingUpdate {
		w.add(Action{
			Kind: SetLifecycle, Pod: p.ref(), Lifecycle: PreparingUpdate, NotReady: hook.MarkPodNotReady,
			Reason: "old, the hook comes first",
		})
		return
	}
	if hook.Holds(p.Labels, p.Finalizers) {
		w.blocked = "an inPlaceUpdate hook holds pod " + p.Name
		return
	}
	switch c := w.revisions.change(p.Revision); {
	case c.Restarts && !w.drained(p):
		return
	case len(c.Resized) > 0 && !p.Drained:
		w.add(Action{Kind: HoldPod, Pod: p.ref(), Revision: w.revisions.released, Reason: "old, for a resize"})
		return
	}
	a := Action{Kind: UpdatePodInPlace, Pod: p.ref(), Revision: w.revisions.released, Reason: "old"}
	if hook.IsSet() {
		a.Lifecycle = Updating
	}
	w.add(a)
}

// drained takes a pod out of its endpoints before its containers restart. It tells whether that is done, and was long enough
// ago for its connections to have ended.
func (w *podWrites) drained(p *Pod) bool {
	if !p.Drained {
		w.add(Action{Kind: DrainPod, Pod: p.ref(), Reason: "old"})
		return false
	}
	if left := p.DrainedAt.Add(w.spec.GracePeriod).Sub(w.now); w.spec.GracePeriod > 0 && left > 0 {
		w.soonest = sooner(w.soonest, left)
		w.blocked = fmt.Sprintf("pod %s drains for %v", p.Name, w.spec.GracePeriod)
		return false
	}
	return true
}

// remove deletes a pod, or first lets its preDelete hook do its work.
func (w *podWrites) remove(p *Pod, reason string) {
	hook := &w.spec.Lifecycle.PreDelete
	switch {
	case !hook.Holds(p.Labels, p.Finalizers):
		w.add(Action{Kind: DeletePod, Pod: p.ref(), Guest: p.Guest, Reason: reason})
	case p.Lifecycle != PreparingDelete:
		w.add(Action{Kind: SetLifecycle, Pod: p.ref(), Lifecycle: PreparingDelete, NotReady: hook.MarkPodNotReady, Reason: reason})
	default:
		w.blocked = "a preDelete hook holds pod " + p.Name
	}
}

// byName puts actions on pods in the order of the pods' names: a decision does not depend on the order in which a cluster
// lists its pods.
func byName(actions []Action) {
	slices.SortStableFunc(actions, func(a, b Action) int { return strings.Compare(a.Pod.Name, b.Pod.Name) })
}

// sooner is the shorter of two waits, where 0 is none.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || (b > 0 && b < a) {
		return b
	}
	return a
}
