// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/verify"
)

// deploymentCluster is a Deployment at rest, whose 4 pods belong to its ReplicaSet of image v1. Its template has been changed to
// v2.
func deploymentCluster() string {
	const n = 4
	text := cluster(n, "{}", fmt.Sprintf("status: {observedGeneration: 2, replicas: %d, readyReplicas: %d, availableReplicas: %d}",
		n, n, n))
	text = change(text, "apiVersion: apps.kruise.io/v1alpha1\nkind: CloneSet", "apiVersion: apps/v1\nkind: Deployment")
	text = change(text, "updateStrategy: {}", "paused: true\n  progressDeadlineSeconds: 2147483647\n  strategy: {rollingUpdate: "+
		"{maxSurge: 1, maxUnavailable: 0}}")
	before, rest, _ := strings.Cut(text, "---\napiVersion: apps/v1\nkind: ControllerRevision")
	_, rest, _ = strings.Cut(rest, "---")
	set := fmt.Sprintf(`---
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  name: demo-1a
  namespace: shop
  uid: u2
  labels: {app: demo, pod-template-hash: 1a}
  annotations: {deployment.kubernetes.io/revision: "1"}
  ownerReferences: [{kind: Deployment, name: demo, uid: u1, controller: true}]
spec: {replicas: %d, template: %s}
---`, n, change(templateOf("v1"), "app: demo", "app: demo, pod-template-hash: 1a"))
	rest = strings.ReplaceAll(rest, "controller-revision-hash: demo-old", "pod-template-hash: 1a")
	return before + set + strings.ReplaceAll(rest, "kind: CloneSet, name: demo, uid: u1",
		"kind: ReplicaSet, name: demo-1a, uid: u2")
}

func deploymentCases() []verifyCase {
	options := verify.Options{Kind: "Deployment", Version: "apps/v1", Plan: batches(plan.Percent(50), plan.Percent(100))}
	return []verifyCase{
		{
			name:    "a Deployment's pods are those of its ReplicaSets",
			objects: []string{deploymentCluster()}, options: options,
			want: "recreated", says: []string{"4 old pods are recreated"}, not: []string{"foreign-pods", "nothing-to-do", "in-place"},
		},
		{
			name:    "a Deployment that runs its template already",
			objects: []string{strings.ReplaceAll(deploymentCluster(), "app:v1", "app:v2")}, options: options,
			want: "nothing-to-do", says: []string{"4 of 4 pods run the pod template already"}, not: []string{"foreign-pods", "recreated"},
		},
		{
			name: "pods of another's ReplicaSet", objects: []string{
				deploymentCluster(),
				`{apiVersion: v1, kind: Pod, metadata: {name: web-1, namespace: shop, labels: {app: demo}, ownerReferences: [{kind: ` +
					`ReplicaSet, name: web-2b, uid: u9, controller: true}]}}`,
			},
			options: options, want: "foreign-pods", says: []string{"1 pods that are not its own (1 of ReplicaSet web-2b)"},
			remedy: "give the Deployment a selector",
		},
		{
			name: "the pods of a Deployment have room already", objects: []string{
				deploymentCluster(),
				namespaced("ResourceQuota", "v1", "limit", `spec: {hard: {requests.cpu: "2500m"}}`+"\n"+
					`status: {hard: {requests.cpu: "2500m"}, used: {requests.cpu: "2"}}`),
			},
			options: options, want: "recreated", not: []string{"quota-short", "quota-tight"},
		},
		{
			name:    "ReplicaSets that may not be read",
			objects: []string{deploymentCluster()}, options: options, forbidden: []string{"replicasets"},
			want: "not-readable", says: []string{"which pods are its own"}, not: []string{"foreign-pods"},
		},
	}
}
