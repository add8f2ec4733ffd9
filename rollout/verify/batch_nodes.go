// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/ondelete"
)

// probeBatchNodes says how many pods the batches have that select nodes, and that there is none for one of them.
func probeBatchNodes(s *snapshot) []Finding {
	keys := s.options.Plan.NodeLabels()
	if keys == nil || len(s.nodes) == 0 {
		return nil
	}
	tolerations := kube.DaemonTolerations(s.coming.Template())
	nodes, on := make([]ondelete.Node, len(s.nodes)), map[string]bool{}
	for i, n := range s.nodes {
		nodes[i] = kube.NodeOf(n.Node).Observed(tolerations, keys)
	}
	if nowhere := ondelete.Nowhere(s.options.Plan.Batches, nodes); nowhere != "" {
		return one(codeInvalid, s.target(), "the release does not begin (exit code 10): "+nowhere, "")
	}
	for _, p := range s.own {
		on[p.Spec.NodeName] = true
	}
	s.targets = ondelete.Targets(s.options.Plan.Batches, nodes, on, s.bounds.Replicas, s.targets)
	var words []string
	for i, b := range s.options.Plan.Batches {
		if b.Nodes != nil {
			words = append(words, fmt.Sprintf("batch %d (nodes %s) leaves %d of %d pods updated", i+1, b.Nodes, s.targets[i],
				s.bounds.Replicas))
		}
	}
	return one(codeBatchNodes, s.target(), strings.Join(words, "; "), "")
}
