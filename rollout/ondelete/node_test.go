// SPDX-License-Identifier: Apache-2.0

package ondelete

import (
	"slices"
	"testing"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// TestTargets has five nodes, two of them canaries, of which the last is closed to new pods.
func TestTargets(t *testing.T) {
	canary := map[string]string{"pool": "canary"}
	nodes := []Node{{Name: "a", Labels: canary}, {Name: "b", Labels: canary}, {Name: "c"}, {Name: "d"}, {Name: "e", Closed: true}}
	batches := []plan.Batch{{Nodes: &plan.Selector{Labels: canary}}, {Replicas: plan.Pods(3)}, {Replicas: plan.Percent(100)}}
	for _, c := range []struct {
		name     string
		on       []string
		replicas int
		want     int
	}{
		{"all are there", []string{"a", "b", "c", "d"}, 4, 2},
		{"one is made anew", []string{"b", "c", "d"}, 4, 2},
		{"both are made anew", []string{"c", "d"}, 4, 2},
		{"one is made anew, and has no node yet", []string{"", "b", "c", "d"}, 4, 2},
		{"it has pods on one of the nodes only", []string{"b", "c", "d"}, 3, 1},
		{"one that is lost is none of them", []string{"b", "c", "d", "e"}, 4, 2},
		{"it has none on these nodes", []string{"c", "d"}, 2, 0},
	} {
		on := map[string]bool{}
		for _, name := range c.on {
			on[name] = true
		}
		if got := Targets(batches, nodes, on, c.replicas, []int{0, 3, 4}); !slices.Equal(got, []int{c.want, 3, 4}) {
			t.Errorf("%s: %v pods after the batches", c.name, got)
		}
	}
}
