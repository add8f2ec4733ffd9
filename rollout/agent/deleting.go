// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/ondelete"
	"github.com/slipway-dev/slipway/rollout/trust"
)

// observeDeleting fills in what an observation of a target in delete mode needs beyond the object: its pods, and the revision
// that those are of which its controller makes now.
func (r *reader) observeDeleting(ctx context.Context, o *rollout.Observed) (err error) {
	if o.UpdateRevision = r.fullName(o.Workload.Status.UpdateRevision); o.UpdateRevision == "" {
		o.UpdateRevision = r.last.history.Newest()
	}
	r.observePods(o)
	if r.nodes != nil {
		o.Nodes = r.observedNodes(o.Workload.Spec.Template)
	}
	if o.Progress, err = r.record.readProgress(o); err != nil {
		return err
	}
	if o.Progress.Revision != "" {
		r.observeRefusal(ctx, o)
	}
	if o.StableRevision = o.Progress.Stable; o.StableRevision == "" {
		o.StableRevision = trust.Ran(o)
	}
	return nil
}

// observedNodes are the nodes of the cluster, by name.
func (r *reader) observedNodes(template map[string]any) []ondelete.Node {
	nodes, tolerations, keys := []ondelete.Node{}, kube.DaemonTolerations(template), r.options.plan.NodeLabels()
	r.nodes.Each(func(n kube.Node) { nodes = append(nodes, n.Observed(tolerations, keys)) })
	slices.SortFunc(nodes, func(a, b ondelete.Node) int { return strings.Compare(a.Name, b.Name) })
	return nodes
}
