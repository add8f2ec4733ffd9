// SPDX-License-Identifier: Apache-2.0

package sim_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/sim"
)

// The traces are what a watch on a running Kruise controller showed for replicas 5, maxSurge 20%, maxUnavailable 0;
// columns DESIRED UPDATED UPDATED_READY READY TOTAL. A watch can skip states, so each trace must be a subsequence of
// ours. In place ours goes on where Kruise's ends: its surge pod stays and a pod that was there before is deleted, while ours
// is a guest and leaves.
func TestReleaseGoesThroughTheStatesOfARunningKruise(t *testing.T) {
	for _, c := range []struct {
		name    string
		kind    plan.UpdateType
		to3     string
		to0     string
		article []string
	}{
		{
			name: "ReCreate", kind: plan.ReCreate,
			to3:     "5 0 0 5 5|5 1 0 5 6|5 1 1 6 6|5 1 1 5 5|5 2 1 5 6|5 2 2 6 6|5 2 2 5 5",
			to0:     "5 3 2 5 6|5 3 3 6 6|5 3 3 5 5|5 4 3 5 6|5 4 4 6 6|5 4 4 5 5|5 5 4 5 6|5 5 5 6 6|5 5 5 5 5",
			article: []string{"5 1 0 5 6", "5 2 2 5 5", "5 3 2 5 6", "5 5 5 5 5"},
		},
		{
			name: "in place", kind: plan.InPlaceIfPossible,
			to3:     "5 0 0 5 5|5 1 0 5 6|5 1 1 6 6|5 2 1 5 6|5 2 2 6 6|5 3 2 5 6|5 3 3 6 6|5 2 2 5 5",
			to0:     "5 3 2 5 6|5 3 3 6 6|5 4 3 5 6|5 4 4 6 6|5 5 4 5 6|5 5 5 6 6|5 6 5 5 6|5 6 6 6 6|5 5 5 5 5",
			article: []string{"5 1 0 5 6", "5 2 2 5 5", "5 3 2 5 6", "5 5 5 5 5"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			cluster := sim.New(set(5, plan.Percent(20), plan.Pods(0), plan.Pods(3), c.kind), nil, sim.Options{Ready: seconds(5, 5)})
			rows := trace(t, cluster)
			follows(t, rows, c.to3)
			cluster.Edit(func(s *plan.Workload) { s.Spec.Partition = plan.Pods(0) })
			cluster.Forget()
			more := trace(t, cluster)
			follows(t, more, c.to0)
			for _, want := range c.article {
				if !slices.Contains(append(rows, more...), want) {
					t.Errorf("the row %s of the article is missing", want)
				}
			}
		})
	}
}

// trace plays the release and returns its rows without repetitions.
func trace(t *testing.T, c *sim.Cluster) []string {
	t.Helper()
	var rows []string
	d, err := sim.Play(t.Context(), plan.BatchPlan{}, c, func(o rollout.Observed,
		_ rollout.Decision,
	) {
		rows = append(rows, row(o))
	})
	if err != nil || d.Reason != plan.Completed {
		t.Fatalf("ended with %s (%s), %v", d.Reason, d.Message, err)
	}
	return slices.Compact(rows)
}

// follows fails unless the wanted rows appear in this order.
func follows(t *testing.T, rows []string, want string) {
	t.Helper()
	rest := rows
	for _, w := range strings.Split(want, "|") {
		i := slices.Index(rest, w)
		if i < 0 {
			t.Fatalf("the row %s is missing, or out of order, in\n%s", w, strings.Join(rows, "\n"))
		}
		rest = rest[i:]
	}
}
