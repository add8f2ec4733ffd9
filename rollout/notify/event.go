// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

// version is that of the documents that webhooks get. Fields may be added to it; none changes its meaning.
const version = "slipway.dev/v1alpha1"

// Event is the document that a webhook gets.
type Event struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"` // ReleaseEvent
	Time       time.Time      `json:"time"`
	Target     Target         `json:"target"`
	Plan       string         `json:"plan,omitempty"`
	Release    string         `json:"release"`            // the revision that is released
	From       string         `json:"from,omitempty"`     // the revision before
	Reason     string         `json:"reason"`             // one word, such as AwaitingApproval
	Message    string         `json:"message"`            // the same for people
	Batch      int            `json:"batch"`              // 1-based; 0: none
	Batches    int            `json:"batches"`            // how many the plan has
	Counts     rollout.Counts `json:"counts"`             //
	Ended      bool           `json:"ended"`              // nothing more comes from this agent
	ExitCode   *int           `json:"exitCode,omitempty"` // where it has ended
	Next       string         `json:"next,omitempty"`     // what somebody can do now

	Waiting []waiting.Group `json:"waiting,omitempty"` // why pods are not ready that hold the batch
}

// Target is what is released.
type Target struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
}

// newEvent is what a decision amounts to.
func newEvent(plan plan.BatchPlan, o rollout.Observed, d rollout.Decision) Event {
	e := Event{
		APIVersion: version, Kind: "ReleaseEvent", Time: o.Now, Plan: plan.Name,
		Target: Target{
			cmp.Or(plan.Target.APIVersion, o.Workload.APIVersion), cmp.Or(plan.Target.Kind, "CloneSet"),
			cmp.Or(o.Workload.Namespace, plan.Namespace), cmp.Or(o.Workload.Name, plan.Target.Name),
		},
		Release: cmp.Or(o.Progress.Revision, o.UpdateRevision), From: cmp.Or(o.Progress.Stable, o.StableRevision),
		Reason: string(d.Reason), Message: d.Message, Batch: d.Batch + 1, Batches: max(d.Batches, 1), Counts: o.Counts(),
		Ended: d.Ended(),
	}
	if d.Verdict != rollout.Done {
		e.Waiting = waiting.Groups(o.Holding())
	}
	if e.Ended {
		code := d.Reason.ExitCode()
		e.ExitCode = &code
	}
	e.Next = next(d.Reason, e.Target)
	return e
}

// next is what somebody can do about a reason.
func next(r plan.Reason, t Target) string {
	name := t.Name
	if t.Kind != "CloneSet" {
		name = strings.ToLower(t.Kind) + "/" + name
	}
	if t.Namespace != "" {
		name += " -n " + t.Namespace
	}
	switch r {
	case plan.AwaitingApproval:
		return "slipway rollout approve " + name
	case plan.Soaking:
		return "slipway rollout promote " + name
	case plan.HeldByPerson:
		return "slipway rollout resume " + name
	case plan.RolledBack:
		return "the cluster runs the old revision, but Git asks for the new one: revert it there"
	case plan.AgentFailed:
		return "run the agent again: it goes on where this one stopped"
	default:
		return ""
	}
}

// title is the event in one line.
func (e Event) title() string {
	name := e.Target.Name
	if e.Target.Namespace != "" {
		name = e.Target.Namespace + "/" + name
	}
	return fmt.Sprintf("%s %s: %s", e.Target.Kind, name, headline(plan.Reason(e.Reason)))
}

// headline is a reason in words.
func headline(r plan.Reason) string {
	switch r {
	case plan.Completed:
		return "released"
	case plan.RolledBack:
		return "rolled back"
	case plan.RollingBack:
		return "rolling back"
	case plan.AwaitingApproval:
		return "waits for approval"
	case plan.BatchStarted:
		return "a batch begins"
	case plan.BatchReady:
		return "a batch is ready"
	case plan.ChecksFailed:
		return "stopped by a check"
	case plan.DeadlineExceeded:
		return "stopped: a batch took too long"
	case plan.ThresholdExceeded:
		return "stopped: too many updated pods failed"
	case plan.PodRefused:
		return "stopped: the API server refuses a pod"
	case plan.Invalid:
		return "refused"
	case plan.AbortedByPerson:
		return "aborted by a person"
	case plan.Superseded:
		return "overtaken by a newer change"
	case plan.ForeignChange:
		return "stopped: somebody else writes it"
	case plan.AgentFailed:
		return "the agent ended before the release"
	default:
		return string(r)
	}
}
