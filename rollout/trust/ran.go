// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"fmt"
	"slices"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Ran is the older revision that most pods of a target with OnDelete have, the newest of several, or the present one where no
// pod has another. No status tells where such a target comes from. Others are revisions that do not count, and neither does a
// pod on a node that its controller does not count: it may have been left behind there by any release.
func Ran(o *rollout.Observed, others ...string) string {
	number, stable := shown(o, others), o.UpdateRevision
	most := 0
	for _, r := range o.Revisions { // the oldest first
		if n := number[r.Name]; n > 0 && n >= most {
			stable, most = r.Name, n
		}
	}
	return stable
}

// shown is how many pods have each revision but the present one and those that do not count.
func shown(o *rollout.Observed, others []string) map[string]int {
	closed, number := map[string]bool{}, map[string]int{}
	for _, n := range o.Nodes {
		closed[n.Name] = n.Closed
	}
	for i := range o.Pods {
		p := &o.Pods[i]
		if p.Revision != o.UpdateRevision && !closed[p.Node] && !slices.Contains(others, p.Revision) {
			number[p.Revision]++
		}
	}
	return number
}

// Inherited is what a release that a controller carries out takes over from another one: where that left the partition and where
// it was to rest, and what it would have gone back to if it did not complete.
func Inherited(left rollout.Progress, o *rollout.Observed) (rollout.Progress, []string) {
	if left.Outcome == plan.Completed {
		return rollout.Progress{}, nil
	}
	taken := rollout.Progress{
		Stable: left.Stable, Stepped: left.Stepped, Step: left.Step, Kept: left.Kept, Resting: left.Resting, Original: left.Original,
	}
	return origin(taken, o, left.Revision)
}

// ran holds the revision to go back to against the pods. It has to be one of the target's, and while pods show what ran before,
// one of those; that the pods of the revision that was released run is no proof. Once no other is left nobody but the record
// knows which of the target's revisions it was.
func ran(found rollout.Progress, o *rollout.Observed, released string) (rollout.Progress, []string) {
	to := found.Stable
	if to == "" || to == released || to == o.UpdateRevision {
		return found, nil
	}
	known := slices.ContainsFunc(o.Revisions, func(r rollout.Revision) bool { return r.Name == to })
	pods, most := shown(o, []string{released}), Ran(o, released)
	switch {
	case known && (pods[to] > 0 || len(pods) == 0):
		return found, nil
	case most != o.UpdateRevision:
		found.Stable = most
		return found, []string{fmt.Sprintf("it says that the release goes back to %s, and no pod runs that, but older ones run %s", to,
			most)}
	case known:
		return found, nil // the pods are of revisions that nobody knows any more
	default:
		found.Stable = found.Revision
		return found, []string{fmt.Sprintf("it says that the release goes back to %s, of which there is no ControllerRevision", to)}
	}
}
