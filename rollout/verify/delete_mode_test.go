// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/verify"
)

// daemonCluster is a DaemonSet with OnDelete on n nodes, the first of which is a canary. Its pods run image v1, and its template
// has been changed to v2.
func daemonCluster(n int) []string {
	status := fmt.Sprintf("status: {observedGeneration: 2, desiredNumberScheduled: %d, numberAvailable: %d, numberReady: %d}", n, n,
		n)
	text := cluster(n, "{type: OnDelete}", status)
	text = change(text, "apiVersion: apps.kruise.io/v1alpha1\nkind: CloneSet", "apiVersion: apps/v1\nkind: DaemonSet")
	text = change(text, fmt.Sprintf("  replicas: %d\n", n), "")
	text = strings.ReplaceAll(text, "kind: CloneSet, name: demo", "kind: DaemonSet, name: demo")
	objects := []string{""}
	for i := range n {
		text = change(text, "nodeName: node-0,", fmt.Sprintf("nodeName: n-%d,", i))
		pool := "main"
		if i == 0 {
			pool = "canary"
		}
		objects = append(objects, change(nodeOf(fmt.Sprintf("n-%d", i), "100", ""), "metadata: {",
			"metadata: {labels: {pool: "+pool+"}, "))
	}
	objects[0] = text
	return objects
}

// statefulCluster is a StatefulSet of n pods with OnDelete, likewise.
func statefulCluster(n int) string {
	text := cluster(n, "{type: OnDelete}", fmt.Sprintf("status: {observedGeneration: 2, replicas: %d, readyReplicas: %d, "+
		"availableReplicas: %d, updateRevision: demo-new}", n, n, n))
	text = change(text, "apiVersion: apps.kruise.io/v1alpha1\nkind: CloneSet", "apiVersion: apps/v1\nkind: StatefulSet")
	return strings.ReplaceAll(text, "kind: CloneSet, name: demo", "kind: StatefulSet, name: demo")
}

// byPool is a plan that releases a pool of nodes first.
func byPool(pool string) plan.BatchPlan {
	return plan.BatchPlan{Batches: []plan.Batch{
		{Nodes: &plan.Selector{Labels: map[string]string{"pool": pool}}},
		{Replicas: plan.Percent(100)},
	}}
}

func deleteModeCases() []verifyCase {
	daemons := func(p plan.BatchPlan) verify.Options {
		return verify.Options{Kind: "DaemonSet", Version: "apps/v1", Plan: p}
	}
	sts := func(p plan.BatchPlan) verify.Options {
		return verify.Options{Kind: "StatefulSet", Version: "apps/v1", Plan: p}
	}
	evicting := sts(plan.BatchPlan{})
	evicting.Evict = true
	wide := batches(plan.Percent(100))
	wide.MaxUnavailable = plan.Pods(3)
	return []verifyCase{
		{
			name:    "batches by node",
			objects: daemonCluster(4), options: daemons(byPool("canary")),
			want: "batch-nodes", says: []string{"batch 1 (nodes pool=canary) leaves 1 of 4 pods updated"},
			not: []string{"invalid", "nodes-full", "controller-missing"},
		},
		{
			name:    "a label that no node has",
			objects: daemonCluster(4), options: daemons(byPool("canari")),
			want: "invalid", says: []string{"exit code 10", "spec.batches[0].nodes: no node of the cluster has pool=canari: write " +
				"labels that nodes have"},
		},
		{
			name:    "nodes that may not be read",
			objects: daemonCluster(4), options: daemons(byPool("canary")), forbidden: []string{"nodes"},
			want: "not-readable", says: []string{"which nodes the batches have"}, not: []string{"batch-nodes"},
		},
		{
			name:    "an agent that may not read nodes",
			objects: daemonCluster(4), options: withAccount(daemons(byPool("canary"))), lacking: []string{"watch nodes"},
			want: "right-missing", says: []string{"watch nodes"},
		},
		{
			name:    "a StatefulSet whose pods are deleted one at a time",
			objects: []string{statefulCluster(3), pdb("tight", "minAvailable: 2")}, options: evicting,
			want: "budget-kept", not: []string{"budget-stalls", "partition-unarmed", "controller-missing"},
		},
		{
			name:    "an eviction that a budget never allows",
			objects: []string{statefulCluster(3), pdb("tight", "minAvailable: 3")}, options: evicting,
			want: "budget-stalls", says: []string{"exit code 11", "3 old pods are recreated: a StatefulSet recreates every pod"},
			remedy: "lower what the budget demands to 2",
			not:    []string{"budget-ignored"},
		},
		{
			name:    "more at a time than a budget demands",
			objects: []string{statefulCluster(3), pdb("tight", "minAvailable: 2")}, options: sts(wide),
			want: "budget-ignored", says: []string{"the release goes down to 0 (replicas 3, maxUnavailable 3): deleting pods does not " +
				"ask the budget, a rollback's too"},
			remedy: "set maxUnavailable of the plan to 1 or less, or release with --delete-mode evict",
		},
		{
			name:    "the strategy of a rolling update",
			objects: []string{change(daemonCluster(2)[0], "{type: OnDelete}", "{type: RollingUpdate}")},
			options: daemons(plan.BatchPlan{}),
			want:    "invalid", says: []string{"exit code 10", "OnDelete"},
		},
	}
}

func withAccount(o verify.Options) verify.Options {
	o.Account = "shop/agent"
	return o
}
