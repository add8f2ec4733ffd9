// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/rollout/waiting"
)

// Holding are the pods that a batch waits for, of which somebody says why they are not ready: those of the revision that is to
// be, and those that a controller waits for, with OnDelete also until they are gone.
func (o *Observed) Holding() []waiting.Pod { return o.holding(true) }

// holding leaves out, where old is not set, the pods of older revisions.
func (o *Observed) holding(old bool) []waiting.Pod {
	wanted := choose(o.Progress.Back, o.Progress.Stable, o.UpdateRevision)
	var holding []waiting.Pod
	for i := range o.Pods {
		p := &o.Pods[i]
		leaving := old && o.Workload.Spec.OnDelete && p.Terminating && !p.Ended() // its controller makes none before it is gone
		if p.Waiting != nil && (p.Active() && p.Revision == wanted || leaving) {
			holding = append(holding, waiting.Pod{Name: p.Name, Why: *p.Waiting})
		}
	}
	for i := range o.Stuck {
		if p := &o.Stuck[i]; p.Waiting != nil && (old || p.Revision == wanted) {
			holding = append(holding, waiting.Pod{Name: p.Name, Why: *p.Waiting})
		}
	}
	return holding
}

// why says why pods hold the batch, as the end of a message; with a time also since when.
func (r *release) why(now time.Time) string {
	said := r.noRoom()
	if words := waiting.Words(waiting.Groups(r.observed.Holding()), now); words != "" {
		said += "; " + words
	}
	return said
}

// noRoom says why pods, or the target, cannot be written for now, as the end of a message. In direct mode it is said with what
// the release would write.
func (r *release) noRoom() string {
	if !r.plan.Mode.Controlled() || r.observed.NoRoom == "" {
		return ""
	}
	return "; " + r.observed.NoRoom
}

// failing says why the plan's failFast gives the batch up: more of its pods than are tolerated have not been ready for such a
// reason for long enough. Where it is "", next is when to look again.
func (r *release) failing() (why string, next time.Duration) {
	f := r.plan.FailFast
	if len(f.Reasons) == 0 {
		return "", 0
	}
	failed, next := waiting.Failed(r.observed.holding(false), f.Reasons, f.After, r.observed.Now)
	// However much is tolerated, a batch without one healthy pod never gets ready.
	if len(failed) <= max(min(r.threshold(r.target()), r.target()-1), 0) {
		return "", next
	}
	return fmt.Sprintf("given up after %v by failFast: %s", f.After, waiting.Words(waiting.Groups(failed), r.observed.Now)), 0
}
