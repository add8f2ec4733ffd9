// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// History is a release as it went, collected for HTML: from rollout.Run, whose report Record fits, or from an audit log
// by ReadHistory. It is not safe for concurrent use.
type History struct {
	Source    string // where it comes from, in words; may be empty
	Simulated bool   // on a virtual clock: the page shows no dates

	plan         plan.BatchPlan
	set          plan.Workload
	from, to     string // revisions
	revisions    map[string]map[string]any
	samples      []sample
	phases       []phase
	batches      []batch
	pods         map[string]*track
	order        []*track
	checks       []checked
	milestone    []milestone
	requests     []rollout.Request // what people have asked for so far
	writes       map[rollout.ActionKind]int
	rows         []Row
	recorder     Recorder
	last         look
	began        bool
	looks        int
	restarts     int
	troubles     int
	measurements bool     // measurements are told one by one
	notes        []string // what a reader of the page has to know about the log
}

// look is the last look and what was decided on it.
type look struct {
	at       time.Time
	progress rollout.Progress
	decision rollout.Decision
}

// sample is what was counted from a moment on.
type sample struct {
	at      time.Time
	counts  rollout.Counts
	bounded bool // least and most are known
	least   int  // pods that must be available
	most    int  // pods that may exist
	target  int
}

// phase is a time in which the release did one thing.
type phase struct {
	from, to time.Time
	kind     phaseKind
	label    string
}

type phaseKind constant

const (
	working  phaseKind = "work"
	checking phaseKind = "check"
	paused   phaseKind = "pause"
	backing  phaseKind = "back"
	away     phaseKind = "away"
)

// batch is one batch as it went.
type batch struct {
	number         int // 0-based
	back           bool
	target         int
	started, ready time.Time
	ended          time.Time
	waits          []string // what it waited for after it was ready
}

// milestone is one line of the story.
type milestone struct {
	at   time.Time
	what string
	why  string
}

// NewHistory begins the history of a release with the plan.
func NewHistory(p plan.BatchPlan) *History {
	h := &History{plan: p, revisions: map[string]map[string]any{}, pods: map[string]*track{}, writes: map[rollout.ActionKind]int{}}
	h.recorder.Emit = func(r Row) error {
		h.rows = append(h.rows, r)
		return nil
	}
	return h
}

// Record adds a decision with what it was made on.
func (h *History) Record(o rollout.Observed, d rollout.Decision) {
	h.looks++
	if o.Now = h.plausible(o.Now); h.began && o.Now.Before(h.last.at) {
		o.Now = h.last.at // the clock of another machine
	}
	h.recorder.Record(o, d)
	h.set = o.Workload
	for _, r := range o.Revisions {
		h.revisions[r.Name] = r.Template
	}
	h.name(o)
	h.tellProgress(o, d)
	h.sample(o, d)
	h.phase(o.Now, d)
	h.batch(o, d)
	h.follow(o)
	h.check(o)
	for _, a := range d.Actions {
		h.writes[a.Kind]++
	}
	h.began, h.last = true, look{o.Now, o.Progress, d}
}

// A log comes from anywhere. What no release has is drawn as the most that one could have.
const (
	mostTime = 10 * 365 * 24 * time.Hour
	mostPods = 10_000_000
)

// plausible is a moment that lies neither before the history nor absurdly far after its beginning.
func (h *History) plausible(at time.Time) time.Time {
	if len(h.samples) == 0 {
		return at
	}
	first := h.samples[0].at
	switch last := first.Add(mostTime); {
	case at.Before(first):
		return first
	case at.After(last):
		return last
	default:
		return at
	}
}

// bounded are counts that can be drawn.
func bounded(c rollout.Counts) rollout.Counts {
	for _, n := range []*int{&c.Desired, &c.Updated, &c.UpdatedReady, &c.UpdatedAvailable, &c.Ready, &c.Available, &c.Total} {
		*n = drawable(*n)
	}
	return c
}

func drawable(n int) int { return min(max(n, 0), mostPods) }

// Restart notes that an agent begins at the moment given, where the history goes on.
func (h *History) Restart(at time.Time) {
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

func (h *History) tell(at time.Time, what, why string) {
	h.milestone = append(h.milestone, milestone{at, what, why})
}

// name finds out which revisions the release leads from and to. The first ones count: a template that is restored later
// is no other release.
func (h *History) name(o rollout.Observed) {
	if h.to == "" {
		h.to = cmp.Or(o.Progress.Revision, o.UpdateRevision)
	}
	if h.from == "" {
		h.from = cmp.Or(o.Progress.Stable, o.StableRevision)
	}
}

// tellProgress turns what changed in the memory of the release into milestones: approvals, holds and the rest that people
// did, and the beginning and end.
func (h *History) tellProgress(o rollout.Observed, d rollout.Decision) {
	before, now := h.last.progress, o.Progress
	switch {
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

// tellRequests tells what people have asked for since the last look, and who they are. It tells whether there was anything.
func (h *History) tellRequests(seen time.Time, all []rollout.Request) bool {
	asked := false
	for _, r := range all {
		if slices.Contains(h.requests, r) {
			continue
		}
		h.requests, asked = append(h.requests, r), true
		why := r.Who()
		if r.Why != "" {
			why += ": " + r.Why
		}
		h.tell(seen, "A person asks to "+r.Words(), why)
	}
	return asked
}

func (h *History) toldIf(at time.Time, happened bool, what, why string) {
	if happened {
		h.tell(at, what, why)
	}
}

func (h *History) sample(o rollout.Observed, d rollout.Decision) {
	s := sample{at: o.Now, counts: bounded(o.Counts()), target: drawable(d.Target)}
	if b, err := o.Workload.Spec.Bounds(); err == nil {
		s.bounded, s.least, s.most = true, drawable(b.Replicas-b.MaxUnavailable), drawable(b.Replicas+b.MaxSurge)
	}
	if d.Ended() && len(h.samples) > 0 {
		s.target = h.samples[len(h.samples)-1].target
	}
	if n := len(h.samples); n > 0 {
		again := h.samples[n-1]
		again.at = s.at
		if again == s {
			return
		}
	}
	h.samples = append(h.samples, s)
}

func (h *History) phase(at time.Time, d rollout.Decision) {
	h.closePhase(at)
	if d.Ended() {
		return
	}
	kind, label := phaseOf(d)
	if n := len(h.phases); n > 0 && h.phases[n-1].kind == kind && h.phases[n-1].label == label {
		return
	}
	h.phases = append(h.phases, phase{from: at, to: at, kind: kind, label: label})
}

// closePhase ends the phase under way. A phase of no time is forgotten.
func (h *History) closePhase(at time.Time) {
	n := len(h.phases)
	if n == 0 || h.phases[n-1].kind == away {
		return
	}
	h.phases[n-1].to = at
}

// phaseOf says what a decision does, and what it waits for.
func phaseOf(d rollout.Decision) (phaseKind, string) {
	switch d.Reason {
	case plan.AwaitingApproval:
		return paused, "waits for approval"
	case plan.Soaking:
		return paused, "pause"
	case plan.HeldByPerson:
		return paused, "held by a person"
	case plan.PausedBySpec:
		return paused, "paused by the spec"
	case plan.OutsideWindow:
		return paused, "waits for its window"
	case plan.ChecksRunning:
		return checking, "checks"
	case plan.RollingBack:
		return backing, "rolls back"
	case plan.BatchStarted, plan.PodsUpdating, plan.PodsNotReady, plan.BatchReady, plan.Resumed:
		return working, "updates pods"
	case plan.ControllerBehind:
		return working, "waits for the controller"
	default:
		return paused, string(d.Reason)
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
	case b.ready.IsZero() && (d.Reason == plan.BatchReady || !o.Progress.Ready.IsZero() && o.Progress.Batch == d.Batch && o.Progress.Back == b.back):
		b.ready = o.Now
		h.tell(o.Now, "Batch "+number(b.number+1)+" is ready", fmt.Sprintf("updated pods: %d, after %s", o.Counts().Updated, inShort(o.Now.Sub(b.started))))
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
			h.tell(o.Now, "Batch "+number(d.Batch+1)+" begins", fmt.Sprintf("%d of %d pods are to be updated", d.Target, o.Workload.Spec.Replicas))
		}
	}
	h.batches = append(h.batches, batch{number: d.Batch, back: back, target: d.Target, started: o.Now})
	return &h.batches[n]
}

// until is where the drawings end: a little after the last look, so that what it saw has some room.
func (h *History) until() time.Time { return h.last.at.Add(max(h.duration()/50, 500*time.Millisecond)) }

// ended tells whether the log holds the end of the release.
func (h *History) ended() bool { return h.last.decision.Ended() }

// duration is the time from the first look to the last one.
func (h *History) duration() time.Duration {
	if len(h.samples) == 0 {
		return 0
	}
	return h.last.at.Sub(h.samples[0].at)
}

// Note adds a sentence that a reader of the page has to know first.
func (h *History) Note(words string) { h.notes = append(h.notes, words) }
