// SPDX-License-Identifier: Apache-2.0

package report

import (
	"time"

	"github.com/slipway-dev/slipway/fn/markup"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// outcome is the end of a release in plain words.
type outcome struct {
	mood  markup.Constant // good, warn, bad, open: for style
	sign  string          // says the same without colour
	title string
	next  string // what to do now; may be empty
}

func outcomeOf(d rollout.Decision) outcome {
	switch d.Reason {
	case plan.Completed:
		return outcome{"good", "✓", "Done", ""}
	case plan.RolledBack:
		return outcome{"warn", "↩", "Rolled back", "The cluster runs the old revision again, but Git still asks for the new one. " +
			"Revert it there, or mend it and release again."}
	case plan.ChecksFailed:
		return outcome{"bad", "✕", "Stopped by a check", "Look at the measurements below. The pods are as the release left them: " +
			"roll back, or mend and release again."}
	case plan.DeadlineExceeded:
		return outcome{
			"bad", "✕", "Stopped: a batch took too long",
			"Look at the pods that are not ready below. The pods are as the release left them.",
		}
	case plan.ThresholdExceeded:
		return outcome{
			"bad", "✕", "Stopped: too many updated pods failed",
			"Look at the pods that are not ready below. The pods are as the release left them.",
		}
	case plan.PodRefused:
		return outcome{
			"bad", "✕", "Stopped: the API server refuses a pod",
			"Mend the pod template, or what refuses it, and release again. The pods are as the release left them.",
		}
	case plan.UndoneByPerson:
		return outcome{"warn", "↩", "Undone by a person", ""}
	case plan.AbortedByPerson:
		return outcome{"bad", "✕", "Aborted by a person", ""}
	case plan.Invalid:
		return outcome{"bad", "✕", "Refused: the plan or the object is invalid", "Mend what the message names and release again."}
	case plan.Superseded:
		return outcome{"warn", "⇥", "Overtaken by a newer change", "Look at the report of the newer release."}
	case plan.ForeignChange:
		return outcome{
			"bad", "✕", "Stopped: somebody else writes the object",
			"Find who writes it: a GitOps tool without an ignore rule, or an autoscaler.",
		}
	default:
		return outcome{"open", "…", "Not finished", ""}
	}
}

// outcome is that of the last decision. A release whose log stops before its end is not finished, whatever the reason was.
func (h *History) outcome() outcome {
	if h.ended() {
		return outcomeOf(h.last.decision)
	}
	if h.Outside {
		return outcome{"open", "…", "Not finished", ""}
	}
	return outcome{"open", "…", "Not finished", "The log ends before the release does: the agent is still at work, or it was " +
		"ended. The next run continues from here."}
}

// budget is how the release kept to what it was allowed.
type budget struct {
	known         bool
	least, floor  int           // least available pods beside what was asked for then
	most, ceiling int           // most pods beside what was allowed then
	below, above  int           // at worst
	belowFor      time.Duration // altogether
	aboveFor      time.Duration
}

// budget holds every sample against what was allowed when it was taken.
func (c *course) budget() budget {
	var b budget
	for i, s := range c.samples {
		if !s.bounded {
			continue
		}
		end := c.last.at
		if i+1 < len(c.samples) {
			end = c.samples[i+1].at
		}
		if !b.known || s.counts.Available-s.least < b.least-b.floor {
			b.least, b.floor = s.counts.Available, s.least
		}
		if !b.known || s.counts.Total-s.most > b.most-b.ceiling {
			b.most, b.ceiling = s.counts.Total, s.most
		}
		if s.counts.Available < s.least {
			b.below, b.belowFor = max(b.below, s.least-s.counts.Available), b.belowFor+end.Sub(s.at)
		}
		if s.counts.Total > s.most {
			b.above, b.aboveFor = max(b.above, s.counts.Total-s.most), b.aboveFor+end.Sub(s.at)
		}
		b.known = true
	}
	return b
}
