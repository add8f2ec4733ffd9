// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// mode is who replaces the pods: slipway itself, or a controller, whose partition or whose own fields are stepped.
type mode interface {
	forward(batch int) work // what a batch still needs
	back() work             // what the current batch of the way back still needs
	resting() *Action       // what puts the target back to where it rests after the release; nil: it is there
}

// work is what one batch still needs.
type work struct {
	actions []Action
	ready   bool          // the batch's pods are as they should be
	updated int           // pods of the revision that is released
	healthy int           // of these, available
	newest  time.Time     // when the newest of them was created
	whole   bool          // nothing is left to do either, as it must be when the release ends
	message string        // counts, for the batch's label to go before
	refused string        // why the release cannot be executed at all
	behind  bool          // the controller has not seen the present spec
	soonest time.Duration // something happens by itself after this; 0: nothing known
}

// alive asks the question behind a deadline that a controller has let pass without a look.
func (w work) alive() string {
	if w.behind {
		return ": is it running?"
	}
	return ""
}

// unready is the reason to wait for pods that are not ready.
func (w work) unready() plan.Reason {
	if w.behind {
		return plan.ControllerBehind
	}
	return plan.PodsNotReady
}
