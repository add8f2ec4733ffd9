// SPDX-License-Identifier: Apache-2.0

package ondelete

import (
	"fmt"
	"slices"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// Node is what a release reads of a node.
type Node struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"` // those that batches select by
	Closed bool              `json:"closed,omitempty"` // the controller makes no pod there, and does not count one that is
}

// Targets are the numbers of updated pods after each batch, where some select nodes: such a batch has a pod for each of its
// nodes, and of those of the batches before, that has one. on are the nodes of all pods, targets the numbers of the other
// batches. Pods that are missing, of so many replicas, are taken to come back on nodes without one: a batch does not get smaller
// while one of its pods is made anew.
func Targets(batches []plan.Batch, nodes []Node, on map[string]bool, replicas int, targets []int) []int {
	out, chosen, missing := slices.Clone(targets), map[string]bool{}, replicas
	for _, n := range nodes {
		if on[n.Name] && !n.Closed {
			missing--
		}
	}
	empty := 0 // of the chosen
	for i, b := range batches {
		if b.Nodes != nil {
			for _, n := range nodes {
				if n.Closed || chosen[n.Name] || !b.Nodes.Matches(n.Labels) {
					continue
				}
				chosen[n.Name] = true
				if !on[n.Name] {
					empty++
				}
			}
			out[i] = len(chosen) - empty + min(empty, max(missing, 0))
		}
		out[i] = max(out[i], out[max(i-1, 0)])
	}
	return out
}

// Nowhere names a batch for which there is no node, as with a label that is misspelt: it would be over at once. "" is none.
func Nowhere(batches []plan.Batch, nodes []Node) string {
	i := Unmatched(batches, nodes)
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("spec.batches[%d].nodes: no node of the cluster has %s: write labels that nodes have", i, batches[i].Nodes)
}

// Unmatched is the first batch for which there is no node, -1 where there is none.
func Unmatched(batches []plan.Batch, nodes []Node) int {
	return slices.IndexFunc(batches, func(b plan.Batch) bool {
		return b.Nodes != nil && !slices.ContainsFunc(nodes, func(n Node) bool { return b.Nodes.Matches(n.Labels) })
	})
}
