// SPDX-License-Identifier: Apache-2.0

package release

import (
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/rollout"
)

// progressEvery is how many decisions pass between two updates of the progress line: often enough to be seen moving
// with a hundred thousand pods, and rare enough to cost nothing with ten.
const progressEvery = 16

// progressLine tells a person at a terminal how far a long simulation is, where the rows go elsewhere.
type progressLine struct {
	to        command.Streams
	name      string
	shown     bool
	decisions int
}

func (p *progressLine) note(o rollout.Observed, d rollout.Decision, at time.Duration) {
	p.decisions++
	if !p.shown || p.decisions%progressEvery != 0 {
		return
	}
	c := o.Counts()
	const line = "\r\x1b[K%s: %v, batch %d of %d, %d of %d pods updated, %d ready"
	fmt.Fprintf(p.to.Err, line, //nolint:errcheck // there is no one to tell
		p.name, at, d.Batch+1, d.Batches, c.Updated, c.Desired, c.UpdatedReady)
}

// clear takes the line away, so that what is said afterwards stands alone.
func (p *progressLine) clear() {
	if p.shown && p.decisions >= progressEvery {
		fmt.Fprint(p.to.Err, "\r\x1b[K") //nolint:errcheck // there is no one to tell
	}
}
