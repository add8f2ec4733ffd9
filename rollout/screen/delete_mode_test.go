// SPDX-License-Identifier: Apache-2.0

package screen_test

import (
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/ondelete"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/screen"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

// inDeleteMode are looks at releases in which slipway deletes pods and their controller makes them anew: of a StatefulSet, one
// pod of which is going and another coming back, and of a DaemonSet whose canary waits for approval while a node is closed.
func inDeleteMode() map[string]screen.View {
	of := func(kind, name string, v screen.View) screen.View {
		v.Observed.Workload.APIVersion, v.Observed.Workload.Kind, v.Observed.Workload.Name = "apps/v1", kind, name
		v.Observed.Workload.Spec = plan.WorkloadSpec{
			Replicas: 4, MaxUnavailable: plan.Pods(2), OnDelete: true,
			Ordinal: kind == "StatefulSet",
		}
		return v
	}
	coming := waits(waiting.Why{State: "ContainerCreating", Reason: "ContainerCreating"})
	going := func(p *rollout.Pod) { p.Terminating, p.Ready = true, false }
	ordinal := of("StatefulSet", "demo", look(plan.PodsNotReady, "batch 2 of 3: 1 of 2 updated pods ready",
		pod("0", time.Hour), pod("1", time.Hour, going), pod("2", 5*time.Second, updated, coming), pod("3", time.Minute, updated)))
	on := func(node string) func(*rollout.Pod) { return func(p *rollout.Pod) { p.Node = node } }
	nodes := of("DaemonSet", "agent", look(plan.AwaitingApproval,
		"batch 2 of 3: 1 of 1 updated pods ready on nodes pool=canary; not counted: 1 on nodes that are closed to them; waiting for "+
			"approval",
		pod("b8d2x", time.Minute, updated, on("a")), pod("fmx2k", time.Hour, on("b")), pod("k2v7c", time.Hour, on("c")),
		pod("x7k2p", 40*24*time.Hour, on("d"))))
	nodes.Observed.Nodes = []ondelete.Node{
		{Name: "a", Labels: map[string]string{"pool": "canary"}},
		{Name: "b"},
		{Name: "c"},
		{Name: "d", Closed: true},
	}
	nodes.Observed.Workload.Spec.Replicas, nodes.Decision.Target = 3, 1
	return map[string]screen.View{"ordinal": ordinal, "nodes": nodes}
}
