// SPDX-License-Identifier: Apache-2.0

package release

import (
	"errors"
	"time"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/process"
	"github.com/slipway-dev/slipway/rollout/notify"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// notifications tells those whom the plan names what happens. What cannot be told is a warning.
func (f *runFlags) notifications(s command.Streams, plan plan.BatchPlan) *notify.Notifier {
	return notify.New(plan, notify.Options{
		Secrets: f.secrets, Now: time.Now, UserAgent: process.UserAgent(),
		Warn: func(err error) { s.Say("warning: %v", err) },
	})
}

// lastWords tells how the agent ends where no decision says so, and waits a little for what is still to be told. An agent
// that found another one at work has nothing to tell: the other one does.
func lastWords(n *notify.Notifier, outcome error) {
	var exit *command.ExitError
	if errors.As(outcome, &exit) && exit.Code != ExitHeld {
		n.Failed(exit.Err, exit.Code)
	}
	n.Close()
}
