// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/rollout/ondelete"
)

// Ready is how long a container takes from its start until it is ready: evenly distributed whole seconds from Least
// to Most.
type Ready struct {
	Least time.Duration
	Most  time.Duration
}

// ParseReady reads a constant ("5s") or a range ("5s..30s").
func ParseReady(s string) (Ready, error) {
	low, high, ranged := strings.Cut(s, "..")
	if !ranged {
		high = low
	}
	least, err := time.ParseDuration(low)
	if err != nil {
		return Ready{}, fmt.Errorf("readiness %q: write a duration such as 5s or a range such as 5s..30s", s)
	}
	most, err := time.ParseDuration(high)
	if err != nil {
		return Ready{}, fmt.Errorf("readiness %q: write a duration such as 5s or a range such as 5s..30s", s)
	}
	if least < 0 || most < least {
		return Ready{}, fmt.Errorf("readiness %q: the range must begin at 0 or later and not end before it begins", s)
	}
	return Ready{Least: least, Most: most}, nil
}

// Options are the faults and times of a simulated cluster. The zero value is a cluster in which pods are ready at once
// and nothing goes wrong.
type Options struct {
	Seed        uint64
	Ready       Ready
	Nodes       []ondelete.Node // by number, from ParseNodes, where batches select nodes; nil otherwise
	Terminating time.Duration   // from deletion until a pod is gone
	Hook        time.Duration   // until whoever serves lifecycle hooks has done its part
	Approval    time.Duration   // until a person approves a batch; negative: never

	Crashes   int           // pods whose containers crash at some moment and recover
	Evictions int           // pods that fail for good at some moment
	Horizon   time.Duration // crashes and evictions happen in this time from the beginning
	Stuck     int           // deleted pods that never stop terminating
	Broken    bool          // pods of the released revision never become ready

	KillEveryWrite bool    // the agent dies after each write and is started again
	LoseWrites     float64 // share of writes that fail before they happen
	LoseResponses  float64 // share of writes that happen although the agent is told that they failed
	RepeatWrites   float64 // share of writes that arrive twice
	StaleReads     float64 // share of observations that return the state of the observation before

	Checks func(name string, batch int) (passed bool, message string) // nil: every check passes

	Measuring map[string]time.Duration // how long a check takes until its result is there; none: no time

	Controller *Controller // reconciles the CloneSet in partition mode; nil: nothing does
}
