// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"strings"
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

// Verdict is the core of a decision.
type Verdict string

// Go: apply the actions and look again. Wait: nothing to write now. Stopped: the release ended without reaching its
// target. Done: it reached it.
const (
	Go      Verdict = "Go"
	Wait    Verdict = "Wait"
	Stopped Verdict = "Stopped"
	Done    Verdict = "Done"
)

// Decision is the answer to one look at the cluster.
type Decision struct {
	Verdict Verdict       `json:"verdict,omitempty"`
	Reason  plan.Reason   `json:"reason,omitempty"`
	Message string        `json:"message,omitempty"` // for people, with counts: "batch 1 of 3: 4 of 5 updated pods ready"
	Batch   int           `json:"batch,omitempty"`   // 0-based
	Batches int           `json:"batches,omitempty"` // how many the plan has
	Target  int           `json:"target,omitempty"`  // updated pods wanted in this batch
	Actions []Action      `json:"actions,omitempty"` // writes, in the order of importance
	After   time.Duration `json:"after,omitzero"`    // look again after this at the latest; 0: only a change matters
	Checks  []string      `json:"checks,omitempty"`  // checks of this batch that must be measured now
}

// Ended tells whether the release is over.
func (d Decision) Ended() bool { return d.Verdict == Stopped || d.Verdict == Done }

// givesUp tells whether the decision ends a release that is under way short of its target, or turns it back.
func (d Decision) givesUp(p Progress) bool {
	return p.Revision != "" && p.Outcome == "" && !p.Back && (d.Verdict == Stopped || d.Reason == plan.RollingBack)
}

// Paused tells whether the spec or a person keeps the release still.
func (d Decision) Paused() bool {
	return d.Reason == plan.PausedBySpec || d.Reason == plan.HeldByPerson
}

// WaitsForPods tells whether pods that are not ready are what the decision is about.
func (d Decision) WaitsForPods() bool {
	switch d.Reason {
	case plan.PodsNotReady, plan.RollingBack, plan.NotStarted, plan.DeadlineExceeded, plan.ThresholdExceeded:
		return true
	default:
		return false
	}
}

// Writes says in words what the decision writes, alike actions counted: "create 2 pods (surge), delete 1 pod (old)".
// The record of the progress is left out.
func (d Decision) Writes() string {
	type group struct{ kind, reason string }
	var order []group
	number := map[group]int{}
	for _, a := range d.Actions {
		if a.Kind == RecordProgress {
			continue
		}
		g := group{a.phrase(), a.Reason}
		if number[g] == 0 {
			order = append(order, g)
		}
		number[g]++
	}
	parts := make([]string, len(order))
	for i, g := range order {
		parts[i] = strings.Replace(g.kind, podsHere, waiting.Count(number[g]), 1)
		if g.reason != "" {
			parts[i] += " (" + g.reason + ")"
		}
	}
	return strings.Join(parts, ", ")
}

// podsHere stands in a phrase where the number of pods goes; no name or quantity contains it.
const podsHere = "\x00"

// phrase is the action's words without their reason.
func (a Action) phrase() string {
	switch a.Kind {
	case CreatePod:
		return "create " + podsHere
	case DeletePod:
		return "delete " + podsHere
	case DrainPod:
		return "drain " + podsHere
	case HoldPod:
		return "hold " + podsHere
	case UpdatePodInPlace:
		return "update " + podsHere + " in place"
	case ReadmitPod:
		return "readmit " + podsHere
	case SetLifecycle:
		return "set " + podsHere + " to " + string(a.Lifecycle)
	case KeepGuest:
		return "keep " + podsHere
	default:
		a.Reason = ""
		return a.String()
	}
}
