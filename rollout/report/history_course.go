// SPDX-License-Identifier: Apache-2.0

package report

import (
	"slices"
	"time"

	"github.com/slipway-dev/slipway/fn/markup"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// course is how a release went from moment to moment.
type course struct {
	samples      []sample
	phases       []phase
	batches      []batch
	last         latest
	began        bool
	observations int
	restarts     int
}

// latest is the last observation and what was decided on it.
type latest struct {
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

type phaseKind markup.Constant

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

// A log comes from anywhere. What no release has is drawn as the most that one could have.
const (
	mostTime = 10 * 365 * 24 * time.Hour
	mostPods = 10_000_000
)

// plausible is a moment that lies neither before the history nor absurdly far after its beginning.
func (c *course) plausible(at time.Time) time.Time {
	if len(c.samples) == 0 {
		return at
	}
	first := c.samples[0].at
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

// sample notes the counts where they differ from those of the observation before.
func (c *course) sample(o rollout.Observed, d rollout.Decision) {
	s := sample{at: o.Now, counts: bounded(o.Counts()), target: drawable(d.Target)}
	if b, err := o.Workload.Spec.Bounds(); err == nil {
		s.bounded, s.least, s.most = true, drawable(b.Replicas-b.MaxUnavailable), drawable(b.Replicas+b.MaxSurge)
	}
	if d.Ended() && len(c.samples) > 0 {
		s.target = c.samples[len(c.samples)-1].target
	}
	if n := len(c.samples); n > 0 {
		again := c.samples[n-1]
		again.at = s.at
		if again == s {
			return
		}
	}
	c.samples = append(c.samples, s)
}

// phase notes what the release does from a moment on.
func (c *course) phase(at time.Time, d rollout.Decision) {
	c.closePhase(at)
	if d.Ended() {
		return
	}
	kind, label := phaseOf(d)
	if n := len(c.phases); n > 0 && c.phases[n-1].kind == kind && c.phases[n-1].label == label {
		return
	}
	c.phases = append(c.phases, phase{from: at, to: at, kind: kind, label: label})
}

// closePhase ends the phase under way. A phase of no time is forgotten.
func (c *course) closePhase(at time.Time) {
	n := len(c.phases)
	if n == 0 || c.phases[n-1].kind == away {
		return
	}
	c.phases[n-1].to = at
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

// idle tells whether the release waits on purpose from the moment on, or no agent is there.
func (c *course) idle(at time.Time) bool {
	i := slices.IndexFunc(c.phases, func(f phase) bool { return !at.Before(f.from) && at.Before(f.to) })
	return i >= 0 && c.phases[i].kind != working && c.phases[i].kind != backing
}

// until is where the drawings end: a little after the last observation, so that what it saw has some room.
func (c *course) until() time.Time { return c.last.at.Add(max(c.duration()/50, 500*time.Millisecond)) }

// ended tells whether the log holds the end of the release.
func (c *course) ended() bool { return c.last.decision.Ended() }

// duration is the time from the first observation to the last one.
func (c *course) duration() time.Duration {
	if len(c.samples) == 0 {
		return 0
	}
	return c.last.at.Sub(c.samples[0].at)
}
