// SPDX-License-Identifier: Apache-2.0

package request

import (
	"fmt"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// RefusedError is why a request does nothing. The release is as it was.
type RefusedError struct{ Why string }

func (r *RefusedError) Error() string { return r.Why }

func refuse(format string, args ...any) (Answer, error) {
	return Answer{}, &RefusedError{fmt.Sprintf(format, args...)}
}

// Answer is what a request does.
type Answer struct {
	Progress rollout.Progress // to be stored
	Changed  bool             // false: it was so already, and there is nothing to store
	Message  string           // what is so now, for the person
	Restore  string           // revision whose template must be written into the object, because no agent will do it: see Undo
}

// Apply works out what a request does to a release, or refuses it with a *RefusedError. It stores nothing: whoever does must
// make sure that the progress is still the one that was asked about. An approval without a batch (negative) is one of the
// batch that waits for it, and of no other.
func Apply(plan plan.BatchPlan, p rollout.Progress, r rollout.Request) (Answer, error) {
	switch {
	case p.Revision == "":
		return refuse("the release has not begun, so there is nothing to %s yet", r.Kind.Verb())
	case p.Outcome != "" && r.Kind == rollout.Undo:
		return undoEnded(p, r)
	case p.Outcome != "":
		return refuse("the release has ended, so there is nothing to %s: %s: %s", r.Kind.Verb(), p.Outcome, p.Message)
	}
	switch r.Kind {
	case rollout.Approve:
		return approve(plan, p, r)
	case rollout.Promote:
		return promote(plan, p, r)
	case rollout.Pause:
		return pause(p, r)
	case rollout.Resume:
		return resume(p, r)
	case rollout.Abort, rollout.Undo:
		return end(p, r)
	default:
		return refuse("nobody knows how to %s", r.Kind.Verb())
	}
}

func already(p rollout.Progress, message string) (Answer, error) {
	return Answer{Progress: p, Message: message}, nil
}

func changed(p rollout.Progress, message string) (Answer, error) {
	return Answer{Progress: p, Changed: true, Message: message}, nil
}

func pause(p rollout.Progress, r rollout.Request) (Answer, error) {
	switch {
	case p.Abort || p.Undo:
		return refuse("%s", toEnd(p))
	case p.Pause:
		return already(p, "the release is held already,"+p.AskedBy(rollout.Pause))
	}
	p = p.With(r)
	p.Pause = true
	return changed(p, "held "+r.String()+": nothing is written until somebody resumes it")
}

func resume(p rollout.Progress, r rollout.Request) (Answer, error) {
	if !p.Pause {
		return already(p, "nobody holds the release")
	}
	p = p.With(r)
	p.Pause = false
	return changed(p, "resumed "+r.String())
}
