// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// History is a release as it went, collected for HTML: from rollout.Run, whose report Record fits, from an audit log by
// ReadHistory, or from looks at a cluster. It is not safe for concurrent use.
type History struct {
	Source    string // where it comes from, in words; may be empty
	Cluster   string // where it ran, in words; may be empty
	Simulated bool   // on a virtual clock: the page shows no dates

	// Outside says that somebody else's release was looked at: what it writes, and what went before, is not known.
	Outside bool
	Moment  []string // what a reader has to know of the last observation

	subject
	course
	narrative
	tracks
	measurements
	decided
	notes []string // what a reader of the page has to know about the log
}

// NewHistory begins the history of a release with the plan.
func NewHistory(p plan.BatchPlan) *History {
	return &History{
		subject: subject{plan: p, revisions: map[string]map[string]any{}},
		tracks:  tracks{byName: map[string]*track{}},
		decided: decided{writes: map[rollout.ActionKind]int{}},
	}
}

// Record adds a decision with what it was made on.
func (h *History) Record(o rollout.Observed, d rollout.Decision) {
	h.observations++
	if o.Now = h.plausible(o.Now); h.began && o.Now.Before(h.last.at) {
		o.Now = h.last.at // the clock of another machine
	}
	h.addRow(o, d)
	h.learn(o)
	h.tellProgress(o, d)
	h.sample(o, d)
	h.phase(o.Now, d)
	h.batch(o, d)
	for _, t := range h.follow(o, h.began, h.to) {
		h.tellTrouble(o.Now, t)
	}
	h.results(o)
	h.began, h.last = true, latest{o.Now, o.Progress, d}
}

// restart notes that an agent begins at the moment given, where the history goes on.
func (h *History) restart(at time.Time) {
	if at = h.plausible(at); at.Before(h.last.at) {
		at = h.last.at
	}
	if !h.began || h.last.decision.Ended() {
		return
	}
	h.restarts++
	h.closePhase(h.last.at)
	h.phases = append(h.phases, phase{from: h.last.at, to: at, kind: away, label: "no agent"})
	h.tell(at, "Another agent goes on", "the one before had stopped "+inShort(at.Sub(h.last.at))+" earlier without an end")
}

// tellProgress turns what changed in the progress of the release into milestones: approvals, pauses and the rest that people
// did, and the beginning and end.
func (h *History) tellProgress(o rollout.Observed, d rollout.Decision) {
	before, now := h.last.progress, o.Progress
	switch {
	case !h.began && h.Outside:
		h.tell(o.Now, "The page begins", d.Message)
	case !h.began && now.Revision == "":
		h.tell(o.Now, "The release begins", d.Message)
	case !h.began:
		h.tell(o.Now, "The log begins", "the release is under way: "+d.Message)
	}
	asked := h.tellRequests(o.Now, now.Requests)
	if h.began {
		if now.Approved > before.Approved && !asked {
			h.tell(o.Now, "Approved", "batch "+number(now.Approved)+" may be followed by the next one")
		}
		if asked {
			before = now
		}
		h.toldIf(o.Now, now.Pause && !before.Pause, "Held", "a person holds the release")
		h.toldIf(o.Now, !now.Pause && before.Pause, "Let go", "a person lets the release go on")
		h.toldIf(o.Now, now.Abort && !before.Abort, "Aborted", "a person wants the release to fail")
	}
	if d.Ended() && !h.last.decision.Ended() {
		h.tell(o.Now, outcomeOf(d).title, d.Message)
	}
}

// batch keeps the batches in step with a decision.
func (h *History) batch(o rollout.Observed, d rollout.Decision) {
	if o.Progress.Revision == "" && d.Reason != plan.BatchStarted && d.Reason != plan.Completed {
		return
	}
	b := h.batchOf(o, d)
	switch {
	case d.Ended():
		if b.ended.IsZero() {
			b.ended = o.Now
		}
		if (d.Verdict == rollout.Done || d.Reason == plan.RolledBack) && b.ready.IsZero() {
			b.ready = o.Now
		}
		return
	case b.ready.IsZero() && (d.Reason == plan.BatchReady ||
		!o.Progress.Ready.IsZero() && o.Progress.Batch == d.Batch && o.Progress.Back == b.back):
		b.ready = o.Now
		h.tell(o.Now, "Batch "+number(b.number+1)+" is ready",
			fmt.Sprintf("updated pods: %d, after %s", o.Counts().Updated, inShort(o.Now.Sub(b.started))))
	}
	if d.Target > 0 {
		b.target = d.Target
	}
	if kind, label := phaseOf(d); kind != working && kind != backing && (len(b.waits) == 0 || b.waits[len(b.waits)-1] != label) {
		b.waits = append(b.waits, label)
	}
}

// batchOf is the batch that a decision is about. It begins it where the decision does.
func (h *History) batchOf(o rollout.Observed, d rollout.Decision) *batch {
	back := o.Progress.Back || d.Reason == plan.RollingBack || d.Reason == plan.RolledBack
	n := len(h.batches)
	if n > 0 && (d.Ended() || h.batches[n-1].number == d.Batch && h.batches[n-1].back == back) {
		return &h.batches[n-1]
	}
	if n > 0 {
		last := &h.batches[n-1]
		last.ended = o.Now
		if back && last.back {
			last.ready = o.Now // it went on to the next one
		}
		if back && !last.back {
			h.tell(o.Now, "Turns back", d.Message)
		} else if !back {
			h.tell(o.Now, "Batch "+number(d.Batch+1)+" begins", fmt.Sprintf("%d of %d pods are to be updated", d.Target,
				o.Workload.Spec.Replicas))
		}
	}
	h.batches = append(h.batches, batch{number: d.Batch, back: back, target: d.Target, started: o.Now})
	return &h.batches[n]
}

// Ended tells whether the history holds the end of the release.
func (h *History) Ended() bool { return h.ended() }
