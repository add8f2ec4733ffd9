// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/rollout"
)

// narrative is what people did and what else befell the release.
type narrative struct {
	milestones []milestone
	requests   []rollout.Request // what people have asked for so far
	troubles   int               // pods in trouble so far
}

// toldTroubles is how many pods in trouble become milestones. The lanes and the table have the others, too.
const toldTroubles = 20

// milestone is one line of the story.
type milestone struct {
	at   time.Time
	what string
	why  string
}

func (n *narrative) tell(at time.Time, what, why string) {
	n.milestones = append(n.milestones, milestone{at, what, why})
}

func (n *narrative) toldIf(at time.Time, happened bool, what, why string) {
	if happened {
		n.tell(at, what, why)
	}
}

// tellRequests tells what people have asked for since the last observation, and who they are. It tells whether there was
// anything.
func (n *narrative) tellRequests(seen time.Time, all []rollout.Request) bool {
	asked := false
	for _, r := range all {
		if slices.Contains(n.requests, r) {
			continue
		}
		n.requests, asked = append(n.requests, r), true
		why := r.Who()
		if r.Why != "" {
			why += ": " + r.Why
		}
		n.tell(seen, "A person asks to "+r.Words(), why)
	}
	return asked
}

// tellTrouble tells of a pod, unless there were too many.
func (n *narrative) tellTrouble(at time.Time, t *track) {
	if n.troubles++; n.troubles <= toldTroubles {
		n.tell(at, "Pod "+t.name+" "+t.trouble, cmp.Or(t.why, "not by a write of the release"))
	}
}
