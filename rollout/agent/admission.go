// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
)

// The pauses before a creation or a resize is tried again that admission has refused for now. They double until one succeeds.
const (
	refusalPause     = time.Second
	refusalPauseMost = 10 * time.Second
)

// refusal is a creation or a resize that admission does not allow for now: a ResourceQuota is full, or it is an older pod that
// is missing, which the release can do without.
type refusal struct {
	kind    rollout.ActionKind
	doing   string // what is tried; "": what the kind says
	why     string // which quota, and how full it is, or the server's words
	scaling bool   // it only changes the number of pods
	cause   error
}

func (e *refusal) Error() string {
	doing := cmp.Or(e.doing, map[rollout.ActionKind]string{
		rollout.CreatePod: "creating pods", rollout.DeletePod: "evicting pods",
	}[e.kind], "resizing pods")
	return doing + ": " + e.why + "; it is tried again"
}

func (e *refusal) Unwrap() []error { return []error{rollout.ErrNotNow, e.cause} }

// overQuota reads an error of the server. It is nil where a later try cannot help.
func overQuota(err error, a rollout.Action) *refusal {
	why := kube.OverQuota(err)
	if why == "" {
		return nil
	}
	return &refusal{kind: a.Kind, why: why, scaling: scales(a), cause: err}
}

// admission is what the API server has refused. It holds creations and resizes back after one that may succeed later, and
// remembers one that no other try would mend until a decision has ended the batch for it. Writes run side by side, so it has a
// lock.
type admission struct {
	mu    sync.Mutex
	held  *refusal         // the last one that may succeed later; nil: nothing is held back
	pause time.Duration    // after the last refusal
	until time.Time        // when the next one may be tried
	final *rollout.Refusal // of a pod of the released revision, for good; nil: none
}

// now is why creations and resizes are held back at this time.
func (a *admission) now(t time.Time) *refusal {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.held == nil || !t.Before(a.until) {
		return nil
	}
	return a.held
}

// refused takes a refusal down. Of those that were under way side by side only the first makes the pause longer.
func (a *admission) refused(e *refusal, t time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.held == nil || !t.Before(a.until) {
		a.pause = min(max(2*a.pause, refusalPause), refusalPauseMost)
		a.until = t.Add(a.pause)
	}
	a.held = e
}

// refusedForGood takes down what no other try would mend. The first of a revision stays.
func (a *admission) refusedForGood(r rollout.Refusal) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.final == nil || a.final.Revision != r.Revision {
		a.final = &r
	}
}

// admitted notes that there was room for a pod. The next one may be refused again, but then the pauses begin anew.
func (a *admission) admitted(t time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pause = 0
	if !t.Before(a.until) {
		a.held = nil
	}
}

// refuses tells whether a revision has been refused for good.
func (a *admission) refuses(revision string) bool {
	final := a.forGood()
	return final != nil && final.Revision == revision
}

// forget lets a next release begin anew.
func (a *admission) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.final = nil
}

// decided forgets the refusal once what was refused is not wanted any more.
func (a *admission) decided(d rollout.Decision) {
	a.mu.Lock()
	defer a.mu.Unlock()
	wanted := func(of rollout.Action) bool {
		return a.held != nil && of.Kind == a.held.kind || of.Kind == rollout.RecordProgress
	}
	if d.Verdict != rollout.Go || !slices.ContainsFunc(d.Actions, wanted) {
		a.held, a.pause, a.until = nil, 0, time.Time{}
	}
}

// standing is the last refusal, also while a creation is tried again.
func (a *admission) standing() *refusal {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.held
}

// forGood is the refusal that no other try would mend.
func (a *admission) forGood() *rollout.Refusal {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.final
}

// answered reads what admission has said to a new pod, or to one in place. Where the server refuses a pod of the released
// revision for good, the next decision ends the batch. An older pod that is missing is tried again: the release may be what
// mends it, and the batch has its deadline.
func (w *podWriter) answered(a rollout.Action, err error) error {
	if err == nil || !kube.NotAdmitted(err) {
		return err
	}
	said := kube.Words(err)
	if a.Revision != w.last.observed.Progress.Released() {
		held := &refusal{
			kind:    a.Kind,
			why:     fmt.Sprintf("the API server refuses pods of revision %s, which are missing: %s", a.Revision, said),
			scaling: scales(a), cause: err,
		}
		w.admission.refused(held, w.options.Now())
		return held
	}
	return w.refuse(rollout.Refusal{Revision: a.Revision, Object: "Pod " + w.target.Namespace + "/" + a.Pod.Name, Message: said},
		err)
}

// refuse takes down what no other try would mend, for the next decision.
func (w *podWriter) refuse(r rollout.Refusal, err error) error {
	w.admission.refusedForGood(r)
	return fmt.Errorf("%w (%w)", rollout.ErrNotNow, err)
}
