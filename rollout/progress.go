// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// Progress is the only memory between two observations. It lives in one ConfigMap; if it is lost, the release goes through
// its batches again and finds them done. The zero Progress is a release that has not begun.
type Progress struct {
	Revision string         `json:"revision,omitempty"` // revision that is released
	Stable   string         `json:"stable,omitempty"`   // revision that the release started from
	Batch    int            `json:"batch"`              // 0-based; counts down while rolling back in batches
	Started  time.Time      `json:"started,omitzero"`   // when the batch began, moved forward by what was spent paused or ready
	Ready    time.Time      `json:"ready,omitzero"`     // since when the batch is ready; zero: it is not
	Paused   time.Time      `json:"paused,omitzero"`    // since when nothing may move; zero: it may
	Approved int            `json:"approved,omitempty"` // batches that a person has let pass, from the first on
	Pause    bool           `json:"hold,omitempty"`     // a person wants the release to stand still
	Abort    bool           `json:"abort,omitempty"`    // a person wants the release to fail
	Undo     bool           `json:"undo,omitempty"`     // a person wants the release rolled back, whatever the plan does on failure
	Requests []Request      `json:"requests,omitempty"` // what people have asked for, the oldest first
	Back     bool           `json:"back,omitempty"`     // rolling back
	Failure  plan.Reason    `json:"failure,omitempty"`  // why it rolls back
	Resting  plan.Quantity  `json:"resting,omitzero"`   // partition before the release, restored after it (partition mode)
	Stepped  bool           `json:"stepped,omitempty"`  // the partition was written at least once (partition mode)
	Step     int            `json:"step,omitempty"`     // partition written last, in pods (partition mode)
	Kept     int            `json:"kept,omitempty"`     // partition above Step, which keeps pods that scaling has added; 0: Step
	Restored bool           `json:"restored,omitempty"` // rolling back, the stable template was seen in its place (partition mode)
	Finished bool           `json:"finished,omitempty"` // only the partition is to be put back (partition mode)
	First    bool           `json:"first,omitempty"`    // nothing ran before: pauses and approvals are skipped
	Newest   time.Time      `json:"newest,omitzero"`    // of the newest updated pod as the batch got ready (direct mode)
	Healthy  int            `json:"healthy,omitempty"`  // updated pods that were available then
	Original *plan.Original `json:"original,omitempty"` // what a Deployment's fields were before the release took them over
	Left     int64          `json:"left,omitempty"`     // generation that no controller had seen at the end; 0: one had
	Outcome  plan.Reason    `json:"outcome,omitempty"`  // set when the release has ended
	Message  string         `json:"message,omitempty"`  // the failure or the outcome in words
}

// Released is the revision that the release brings to the pods: on the way back, the stable one.
func (p Progress) Released() string { return choose(p.Back, p.Stable, p.Revision) }

// beginBatch makes a batch the current one.
func (p *Progress) beginBatch(batch int, now time.Time) {
	p.Batch, p.Started, p.Ready = batch, now, time.Time{}
}

// resume moves every time of the current batch forward by what was spent paused.
func (p *Progress) resume(now time.Time) {
	pause := now.Sub(p.Paused)
	p.Paused = time.Time{}
	p.Started = p.Started.Add(pause)
	if !p.Ready.IsZero() {
		p.Ready = p.Ready.Add(pause)
	}
}

// wasReady tells whether the batch has been ready, and how many pods were available then is known.
func (p *Progress) wasReady() bool { return !p.Ready.IsZero() && p.Healthy > 0 }

// since is when the newest updated pod was created as the batch got ready; it is zero where the batch is not ready, or that
// was not noted.
func (p Progress) since() time.Time {
	if p.Ready.IsZero() {
		return time.Time{}
	}
	return p.Newest
}

// CanReturn tells whether the release started from another revision than it releases.
func (p Progress) CanReturn() bool { return p.Stable != "" && p.Stable != p.Revision }
