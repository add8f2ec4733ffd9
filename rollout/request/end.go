// SPDX-License-Identifier: Apache-2.0

package request

import (
	"fmt"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// end makes a release fail or roll back. It also ends a pause: nothing of either could happen otherwise.
func end(p rollout.Progress, r rollout.Request) (Answer, error) {
	switch {
	case p.Back:
		return refuse("the release is rolling back to %s already: %s", p.Stable, p.Message)
	case r.Kind == rollout.Undo && !p.CanReturn():
		return refuse("there is no earlier revision to return to: %s is the first; abort ends the release where it is", p.Revision)
	case p.Finished:
		return refuse("every batch has passed, and only fields of the target are being put back: when the release has ended, undo "+
			"returns to %s", p.Stable)
	case p.Undo, p.Abort && r.Kind == rollout.Abort:
		return already(p, ending(p).Verb()+" was asked already,"+p.AskedBy(ending(p)))
	}
	p = p.With(r)
	p.Pause, p.Abort, p.Undo = false, p.Abort || r.Kind == rollout.Abort, r.Kind == rollout.Undo
	if r.Kind == rollout.Undo {
		return changed(p, fmt.Sprintf("undone %s: the release turns back to %s", r, p.Stable))
	}
	return changed(p, "aborted "+r.String()+": the release fails as its plan says")
}

// undoEnded returns to the revision before a release that is over. No agent does that: the object itself has to say it.
func undoEnded(p rollout.Progress, r rollout.Request) (Answer, error) {
	switch {
	case p.Outcome == plan.RolledBack:
		return refuse("the release has been rolled back already: %s", p.Message)
	case p.Outcome == plan.Superseded:
		return refuse("another release has taken the place of this one, so this one cannot be undone: %s", p.Message)
	case !p.CanReturn():
		return refuse("there is no earlier revision to return to: %s is the first", p.Revision)
	}
	return Answer{
		Progress: p.With(r), Changed: true, Restore: p.Stable,
		Message: fmt.Sprintf("the template is that of revision %s again, undone %s", p.Stable, r),
	}, nil
}

// toEnd says who has asked for the end of a release.
func toEnd(p rollout.Progress) string {
	return fmt.Sprintf("the release is to end: %s was asked%s", ending(p).Verb(), p.AskedBy(ending(p)))
}

// ending is which of the two ways to end a release was asked.
func ending(p rollout.Progress) rollout.RequestKind {
	if p.Undo {
		return rollout.Undo
	}
	return rollout.Abort
}
