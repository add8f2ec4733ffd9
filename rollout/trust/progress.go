// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"fmt"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Edited is what an agent at work goes on with where somebody else has written over its progress: with its own. A wish to hold
// or to end the release is heard all the same, because it takes nothing that the plan protects.
func Edited(own, found rollout.Progress) rollout.Progress {
	own.Pause, own.Abort, own.Undo = own.Pause || found.Pause, own.Abort || found.Abort, own.Undo || found.Undo
	for _, r := range found.Requests {
		if r.Kind != rollout.Approve && r.Kind != rollout.Promote && !slices.ContainsFunc(own.Requests, r.Equal) {
			own.Requests = append(slices.Clip(own.Requests), r)
		}
	}
	return own
}

// Afresh is what an agent that comes to a record goes on with where its progress was not written by an agent: the release begins
// again, goes through its batches and finds done what the pods show. What it can only end with stays, and so does where a
// partition has to go back to.
func Afresh(found rollout.Progress) rollout.Progress {
	if found.Back || found.Outcome != "" && found.Outcome != plan.Completed {
		return found
	}
	return Edited(rollout.Progress{
		Stable: found.Stable, Original: found.Original,
		Stepped: found.Stepped, Step: found.Step, Kept: found.Kept, Resting: found.Resting,
	}, found)
}

// Checked holds a progress against what the cluster shows. stable is the revision that the target's status calls the current
// one; "" is none. What is claimed beyond it is worked out again, and said.
func Checked(p plan.BatchPlan, found rollout.Progress, o *rollout.Observed, stable string) (rollout.Progress, []string) {
	bounds, err := o.Workload.Spec.Bounds()
	if found.Revision == "" || found.Revision != o.UpdateRevision && !found.Back || err != nil {
		return found, nil
	}
	var warnings []string
	returns := found.Outcome == "" && found.Stable != found.Revision
	if returns && stable != "" && stable != found.Revision && stable != found.Stable {
		warnings = append(warnings, fmt.Sprintf("it says that the release goes back to %s, and the current revision is %s",
			found.Stable, stable))
		found.Stable = stable
	}
	if old, known := older(p, found, o); known && !found.Back {
		claim := claim{p, bounds.Replicas, o.Targets(p, bounds), old}
		found, warnings = claim.held(found, o, warnings)
	}
	return found, warnings
}

// claim is what a progress is held against: how many pods each batch is to update, and how many are older.
type claim struct {
	plan     plan.BatchPlan
	replicas int
	targets  []int
	old      int
}

// held holds a progress that goes forward against the pods.
func (c claim) held(found rollout.Progress, o *rollout.Observed, warnings []string) (rollout.Progress, []string) {
	last := len(c.targets) - 1
	left := func(batch int) int { return c.replicas - c.targets[batch] }
	switch b := min(found.Batch, last); {
	case (found.Finished || found.Outcome == plan.Completed) && left(last) == 0 && c.old > 0:
		return Afresh(found), append(warnings, fmt.Sprintf("it says that every pod is updated, and %d are not", c.old))
	case found.Outcome != "":
	case found.First && c.protects(o):
		return Afresh(found), append(warnings, fmt.Sprintf("it says that there was nothing to protect, and %d pods are older", c.old))
	case !found.First && b > 0 && c.old > left(b-1):
		warnings = append(warnings, fmt.Sprintf("it says that batch %d has passed, which leaves %d older pods, and there are %d", b,
			left(b-1), c.old))
		for b > 0 && c.old > left(b-1) {
			b--
		}
		found.Batch, found.Started, found.Ready = b, o.Now, time.Time{}
	}
	return found, warnings
}

// protects tells whether there are older pods that batches protect. They do not where no pod served before, or where a
// Deployment goes back to what it says itself that it ran before.
func (c claim) protects(o *rollout.Observed) bool {
	s, rolling := o.Workload.Status, o.Workload.Rolling
	switch {
	case rolling != nil:
		return c.old > 0 && (rolling.Original == nil || rolling.Original.Stable != o.UpdateRevision)
	case c.plan.Mode == plan.Partition:
		return c.old > 0 && s.ReadyReplicas > s.UpdatedReplicas
	default:
		return c.old > 0
	}
}

// older is how many pods are of an older revision, where that can be told. A Deployment's are those that its ReplicaSets are to
// have: what its controller makes of them follows. None is a pod that its controller does not count, on a node that is closed to
// it.
func older(p plan.BatchPlan, progress rollout.Progress, o *rollout.Observed) (n int, known bool) {
	s := o.Workload.Status
	switch {
	case o.Workload.Rolling != nil:
		for _, set := range o.Sets {
			if set.Revision != progress.Revision {
				n += set.Replicas
			}
		}
		return n, true
	case p.Mode == plan.Partition:
		return s.Replicas - s.UpdatedReplicas, s.ObservedGeneration >= o.Workload.Generation
	}
	lost, closed := s.Astray, map[string]bool{}
	for _, node := range o.Nodes {
		lost, closed[node.Name] = 0, node.Closed // it is known which they are
	}
	for i := range o.Pods {
		if pod := &o.Pods[i]; pod.Active() && !pod.Guest && pod.Revision != progress.Revision && !closed[pod.Node] {
			n++
		}
	}
	return max(n-lost, 0), true
}
