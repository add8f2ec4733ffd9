// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// release is what one decision is about: the plan, one observation, and the progress as the decision leaves it.
type release struct {
	plan     *plan.BatchPlan
	observed *Observed
	bounds   plan.Bounds
	targets  []int // updated pods after each batch
	progress Progress
}

// resolve puts bounds and batches into pods. Bounds that cannot be read are found by validate.
func (r *release) resolve() {
	r.bounds, _ = r.plan.Bounds(r.observed.Workload)
	r.targets = r.observed.Targets(*r.plan, r.bounds)
	r.progress.Batch = min(r.progress.Batch, len(r.targets)-1)
}

// validate checks the whole plan before the first write, and afterwards only that the bounds still let a pod move: a
// CloneSet that was scaled below a batch's number must not strand its release.
func (r *release) validate() error {
	if r.progress.Revision == "" {
		return r.plan.Validate(r.observed.Workload)
	}
	_, err := r.plan.Bounds(r.observed.Workload)
	return err
}

// restored tells whether the CloneSet shows the stable template because this release put it there.
func (r *release) restored() bool {
	return r.progress.Back && r.plan.Mode.Controlled() && r.observed.UpdateRevision == r.progress.Stable
}

// batch is the current batch; a plan without batches has one without gates.
func (r *release) batch() plan.Batch { return r.plan.Batch(r.progress.Batch) }

// target is the number of updated pods that the current batch asks for.
func (r *release) target() int {
	if r.progress.Batch >= len(r.targets) {
		return 0
	}
	return r.targets[r.progress.Batch]
}

// boundsAfter are the bounds with the partition that a batch leaves.
func (r *release) boundsAfter(batch int) plan.Bounds {
	b := r.bounds
	b.Partition = b.Replicas - r.targets[batch]
	return b
}

// boundsBack are the bounds of the current batch on the way back: the partition is how many pods of the failed revision may
// stay.
func (r *release) boundsBack() plan.Bounds {
	b := r.bounds
	b.Partition = 0
	if r.progress.Batch > 0 {
		b.Partition = r.targets[r.progress.Batch-1]
	}
	return b
}

// threshold is how many updated pods may be missing or unavailable. It rounds down: half a pod is no licence.
func (r *release) threshold(wanted int) int {
	return r.plan.FailureThreshold.Down(wanted)
}

// limit is how long this batch may take to become ready.
func (r *release) limit() time.Duration {
	pods := r.target()
	if r.bySurge() && r.progress.Back {
		pods = r.bounds.Replicas
	}
	if r.progress.Batch > 0 && !r.progress.Back {
		pods -= r.targets[r.progress.Batch-1]
	}
	return r.plan.Limit(r.observed.Workload.Spec, r.bounds, pods)
}

// overdue is how far the batch is past its limit; negative, how much is left.
func (r *release) overdue() time.Duration {
	if !r.progress.Ready.IsZero() {
		return -r.limit()
	}
	left := r.progress.Started.Add(r.limit()).Sub(r.observed.Now)
	if left == 0 {
		return 1
	}
	return -left
}

// refused is why no pod of the revision that the release brings can come to be; "" where none has been refused for good.
func (r *release) refused() string {
	refused := r.observed.Refused
	if refused == nil || refused.Revision != r.progress.Released() {
		return ""
	}
	return fmt.Sprintf("the API server refuses %s, and another try would not help: %s", refused.Object, refused.Message)
}

// nextRest is the batch after which the release rests next: batches without a pause, a check or an approval in between
// follow one another at once, and share their guests.
func (r *release) nextRest(batch int) int {
	for batch < len(r.targets)-1 && !r.rests(batch) {
		batch++
	}
	return batch
}

// rests tells whether the release stands still after a batch is ready.
func (r *release) rests(batch int) bool {
	b := r.plan.Batch(batch)
	if b.Pause.Window != nil {
		if opens, err := b.Pause.Window.Opens(r.observed.Now); err != nil || opens.After(r.observed.Now) {
			return true
		}
	}
	_, promoted := r.progress.Promotion(batch)
	return b.Pause.Duration > 0 && !promoted || len(b.Checks) > 0 || b.Pause.UntilApproved && !r.progress.IsApproved(batch)
}

// label begins every message of a batch.
func (r *release) label() string {
	return fmt.Sprintf("batch %d of %d: ", r.progress.Batch+1, len(r.targets))
}

// progressMessage counts first the pods that are updated, then those of them that are ready.
func (r *release) progressMessage(w work, wanted int) string {
	word := "ready"
	if r.observed.Workload.Spec.MinReady > 0 {
		word = fmt.Sprintf("ready for %v", r.observed.Workload.Spec.MinReady)
	}
	if w.updated < wanted {
		return fmt.Sprintf("%d of %d pods updated, %d %s", w.updated, wanted, w.healthy, word)
	}
	return fmt.Sprintf("%d of %d updated pods %s", w.healthy, max(wanted, w.updated), word)
}

// decision is one of the current batch, with the writes to make.
func (r *release) decision(v Verdict, why plan.Reason, message string, actions ...Action) Decision {
	return Decision{
		Verdict: v, Reason: why, Message: message, Batch: r.progress.Batch, Batches: len(r.targets),
		Target: r.target(), Actions: actions,
	}
}

// wait is a decision without a write, to be taken again after some time at the latest.
func (r *release) wait(why plan.Reason, message string, after time.Duration) Decision {
	out := r.decision(Wait, why, message)
	out.After = after
	return out
}

// ended ends the release, whatever becomes of its pods. The writes of first go before the note.
func (r *release) ended(reason plan.Reason, message string, first ...Action) Decision {
	r.progress.Outcome, r.progress.Message = reason, message
	return r.decision(Stopped, reason, message, append(first, r.record())...)
}

// record is the write that stores the progress as it is now.
func (r *release) record() Action {
	progress := r.progress
	return Action{Kind: RecordProgress, Progress: &progress}
}

// stopReason is why a drained pod is given back.
const stopReason = "the release stops"

// readmit gives the pods back that are drained for an update: nobody would do it after the release.
func (r *release) readmit() []Action {
	var actions []Action
	for i := range r.observed.Pods {
		if p := &r.observed.Pods[i]; p.Active() && p.Drained {
			actions = append(actions, Action{Kind: ReadmitPod, Pod: p.ref(), Reason: stopReason})
		}
	}
	byName(actions)
	return actions
}
