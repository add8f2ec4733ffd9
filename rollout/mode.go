// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// mode is who replaces the pods: slipway itself, a controller whose partition or whose own fields are stepped, or one after
// slipway has deleted them.
type mode interface {
	forward(batch int) work // what a batch still needs
	back() work             // what the current batch of the way back still needs
	resting() *Action       // what puts the target back to where it rests after the release; nil: it is there
}

// work is what one batch still needs.
type work struct {
	actions []Action
	ready   bool          // the batch's pods are as they should be
	updated int           // pods of the revision that is released
	healthy int           // of these, available
	newest  time.Time     // when the newest of them was created
	whole   bool          // nothing is left to do either, as it must be when the release ends
	message string        // counts, for the batch's label to go before
	refused string        // why the release cannot be executed at all
	behind  bool          // the controller has not seen the present spec
	soonest time.Duration // something happens by itself after this; 0: nothing known
}

// alive asks the question behind a deadline that passed before the controller had observed the spec.
func (w work) alive() string {
	if w.behind {
		return ": is it running?"
	}
	return ""
}

// stillHealthy tells whether a batch that was ready is so yet. Scaling adds pods to it; what was available then still has to be.
func (w work) stillHealthy(r *release, wanted int) bool {
	return w.healthy > 0 && w.healthy+r.threshold(wanted) >= min(wanted, r.progress.Healthy)
}

// counted is the pods of the present template, without anything to do.
func (r *release) counted(updated, healthy, wanted int) work {
	set := &r.observed.Workload
	w := work{updated: updated, healthy: healthy}
	for i := range r.observed.Pods {
		p := &r.observed.Pods[i]
		if left := p.ReadySince.Add(set.Spec.MinReady).Sub(r.observed.Now); p.Active() && p.Ready && left > 0 {
			w.soonest = sooner(w.soonest, left)
		}
	}
	said := set.Behind()
	w.message, w.behind = r.progressMessage(w, wanted)+said, said != ""
	return w
}

// unready is the reason to wait for pods that are not ready.
func (w work) unready() plan.Reason {
	if w.behind {
		return plan.ControllerBehind
	}
	return plan.PodsNotReady
}
