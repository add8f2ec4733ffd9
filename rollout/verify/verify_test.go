// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/verify"
)

const (
	surging   = `{type: ReCreate, maxSurge: 2, maxUnavailable: 0}`
	replacing = `{type: ReCreate, maxSurge: 0, maxUnavailable: 2}`
	inPlace   = `{type: InPlaceIfPossible, maxUnavailable: 2}`
)

// change replaces text in the cluster.
func change(of, from, to string) string {
	if !strings.Contains(of, from) {
		panic("the cluster has no " + from)
	}
	return strings.Replace(of, from, to, 1)
}

func namespaced(kind, version, name, rest string) string {
	return fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: %s, namespace: shop, generation: 1}\n%s\n", version, kind, name,
		rest)
}

func pdb(name, spec string) string {
	return namespaced("PodDisruptionBudget", "policy/v1", name, "spec: {selector: {matchLabels: {app: demo}}, "+spec+"}")
}

func quota(hard, used string, more ...string) string {
	return namespaced("ResourceQuota", "v1", "quota", "spec: {hard: "+hard+strings.Join(more, "")+"}\nstatus: {hard: "+hard+
		", used: "+used+"}")
}

func limitRange(limits string) string {
	return namespaced("LimitRange", "v1", "limits", "spec: {limits: ["+limits+"]}")
}

func nodeOf(name, cpu string, more string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Node\nmetadata: {name: %s}\nspec: {%s}\nstatus: {allocatable: {cpu: %s, pods: "+
		"100}, conditions: [{type: Ready, status: \"True\"}]}\n", name, more, cpu)
}

func hpa(spec string) string {
	return namespaced("HorizontalPodAutoscaler", "autoscaling/v2", "scaler",
		"spec: {scaleTargetRef: {kind: CloneSet, name: demo}, "+spec+"}")
}

func leaseOf(renewed string) string {
	return namespaced("Lease", "coordination.k8s.io/v1", "slipway-demo",
		`spec: {holderIdentity: agent-7, leaseDurationSeconds: 15, renewTime: "`+renewed+`"}`)
}

func batches(quantities ...plan.Quantity) plan.BatchPlan {
	var p plan.BatchPlan
	for _, q := range quantities {
		p.Batches = append(p.Batches, plan.Batch{Replicas: q})
	}
	return p
}

const statusOfKruise = `
status: {observedGeneration: 2, updateRevision: demo-new, currentRevision: demo-old}`

const managedByKruise = `generation: 2, managedFields: [{manager: kruise-manager, subresource: status, fieldsV1: {"f:status": ` +
	`{"f:observedGeneration": {}}}}],`

func managed(manager string) string {
	return `generation: 2, managedFields: [{manager: ` + manager +
		`, operation: Apply, fieldsV1: {"f:spec": {"f:updateStrategy": {"f:partition": {}}}}}],`
}

// verifyCase is a cluster, a release, and what is said of it. A name that begins with # is a report of somebody else's users.
type verifyCase struct {
	name      string
	objects   []string
	options   verify.Options
	forbidden []string
	lacking   []string
	denied    string
	mutations [][2]string
	want      string   // code; "" for no error and no warning
	not       []string // codes that must not be there
	says      []string
	remedy    string
}

func budgetCases() []verifyCase {
	evict := verify.Options{Evict: true}
	return []verifyCase{
		{
			name:    "evictions that a budget never allows",
			objects: []string{cluster(5, replacing), pdb("tight", "minAvailable: 5")}, options: evict,
			want: "budget-stalls", says: []string{
				"minAvailable 5 demands 5 healthy pods, and at most 5 exist (replicas 5, maxSurge 0)",
				"exit code 11",
			},
			remedy: "raise maxSurge to at least 1, or lower what the budget demands to 4",
		},
		{
			name:    "argo-rollouts#2119: an abort that goes below the budget",
			objects: []string{cluster(5, replacing), pdb("tight", "minAvailable: 80%")},
			options: verify.Options{Plan: plan.BatchPlan{OnFailure: plan.Rollback}},
			want:    "budget-ignored", says: []string{"demands 4 healthy pods, but the release goes down to 3", "a rollback's too"},
			remedy: "set maxUnavailable of the update strategy to 1 or less, with a maxSurge of at least 1 where that is 0, or release " +
				"with --delete-mode evict",
		},
		{
			name:    "evictions one at a time where two are permitted",
			objects: []string{cluster(5, replacing), pdb("tight", "maxUnavailable: 1")}, options: evict,
			want: "budget-paces", says: []string{"at most 1 of at most 5 pods are let go at a time, where the update strategy permits 2"},
		},
		{
			name:    "surge makes room for a budget of all",
			objects: []string{cluster(5, surging), pdb("all", "minAvailable: 100%")}, options: evict,
			want: "budget-kept", says: []string{"the release keeps 5 available"}, not: []string{"budget-stalls", "budget-paces"},
		},
		{
			name:    "two budgets for the same pods",
			objects: []string{cluster(5, surging), pdb("one", "minAvailable: 1"), pdb("two", "minAvailable: 2")}, options: evict,
			want: "budget-several", says: []string{"2 PodDisruptionBudgets select the pods"},
		},
		{
			name:    "updates in place are no evictions",
			objects: []string{cluster(5, inPlace), pdb("one", "minAvailable: 5"), pdb("two", "minAvailable: 5")}, options: evict,
			want: "budget-ignored", says: []string{"an update in place is no eviction"}, not: []string{"budget-several", "budget-stalls"},
		},
		{
			name:    "somebody else's budget",
			objects: []string{cluster(5, surging), change(pdb("other", "minAvailable: 100%"), "app: demo", "app: other")}, options: evict,
			want: "recreated", not: []string{"budget-kept", "budget-stalls"},
		},
		{
			name: "pods of others that the budget counts are not ours to spend",
			objects: []string{cluster(5, replacing), pdb("wide", "minAvailable: 9") +
				"status: {observedGeneration: 1, currentHealthy: 10, expectedPods: 10}"}, options: evict,
			want: "budget-paces", says: []string{"demands 4 healthy pods"},
		},
		{
			name: "a budget that its controller cannot work out", objects: []string{
				cluster(5, surging), pdb("broken", "maxUnavailable: 50%") +
					`status: {conditions: [{type: DisruptionAllowed, status: "False", reason: SyncFailed, message: 'no matches for kind ` +
					`"CloneSet"'}]}`,
			}, options: evict,
			want: "budget-stalls", says: []string{`cannot work it out (no matches for kind "CloneSet")`},
		},
		{
			name: "Kruise's own budget guards deletions too",
			objects: []string{
				cluster(5, replacing),
				namespaced("PodUnavailableBudget", "policy.kruise.io/v1alpha1", "pub",
					"spec: {targetRef: {kind: CloneSet, name: demo}, maxUnavailable: 0}"),
			},
			want: "budget-stalls", says: []string{"maxUnavailable 0 demands 5 healthy pods"},
		},
	}
}

func quotaCases() []verifyCase {
	return []verifyCase{
		{
			name:    "no room for the surge",
			objects: []string{cluster(5, surging), quota("{pods: 6}", "{pods: 5}")},
			want:    "quota-short", says: []string{"pods: needs 2 more, 1 is left (5 of 6 used)", "at most 7 (replicas 5, maxSurge 2)"},
		},
		{
			name:    "room for the surge",
			objects: []string{cluster(5, surging), quota("{pods: 20, requests.cpu: 10}", "{pods: 5, requests.cpu: 2500m}")},
			want:    "recreated", not: []string{"quota-short", "quota-tight"},
		},
		{
			name: "CPU for pods that ask for more than before",
			objects: []string{
				change(cluster(5, replacing), "cpu: 500m", "cpu: 800m"),
				quota("{requests.cpu: 3}", "{requests.cpu: 2500m}"),
			},
			want: "quota-short", says: []string{"requests.cpu: needs 1500m more, 500m is left"},
		},
		{
			name:    "pods that ask for less make room",
			objects: []string{change(cluster(5, replacing), "cpu: 500m", "cpu: 100m"), quota("{requests.cpu: 20}", "{requests.cpu: 19}")},
			want:    "recreated", not: []string{"quota-short"},
		},
		{
			name:    "pods that terminate count",
			objects: []string{cluster(5, replacing), quota("{pods: 5}", "{pods: 5}")},
			want:    "quota-tight", says: []string{"up to 30s after an old one is deleted", "pods: 0 is left (5 of 5 used)"},
		},
		{
			name:    "updates in place need no room",
			objects: []string{cluster(5, inPlace), quota("{pods: 5, requests.cpu: 2500m}", "{pods: 5, requests.cpu: 2500m}")},
			want:    "in-place", not: []string{"quota-short", "quota-tight"},
		},
		{
			name: "a quota of another priority",
			objects: []string{cluster(5, surging), quota("{pods: 0}", "{pods: 0}",
				`, scopeSelector: {matchExpressions: [{scopeName: PriorityClass, operator: In, values: [high]}]}`)},
			want: "recreated", not: []string{"quota-short"},
		},
		{
			name:    "a quota of pods that are not best effort",
			objects: []string{cluster(5, surging), quota("{pods: 0}", "{pods: 0}", `, scopes: [NotBestEffort]`)},
			want:    "quota-short",
		},
		{
			name:    "limits that a quota demands",
			objects: []string{cluster(5, surging), quota("{limits.memory: 10Gi}", "{limits.memory: 0}")},
			want:    "quota-demands", says: []string{"container app has no limits.memory"},
		},
		{
			name: "defaults of a LimitRange satisfy a quota's demands",
			objects: []string{
				cluster(5, surging), quota("{limits.memory: 10Gi}", "{limits.memory: 0}"),
				limitRange("{type: Container, default: {memory: 1Gi}, defaultRequest: {memory: 1Gi}}"),
			},
			want: "recreated", not: []string{"quota-demands", "limit-range"},
		},
		{
			name: "claims of the surge",
			objects: []string{
				cluster(5, surging, agenttest.ClaimTemplates),
				quota("{persistentvolumeclaims: 6}", "{persistentvolumeclaims: 5}"),
			},
			want: "quota-short", says: []string{"creating a claim is refused", "persistentvolumeclaims: needs 2 more, 1 is left"},
		},
		{
			name:    "more than a LimitRange allows",
			objects: []string{cluster(5, surging), limitRange("{type: Container, max: {cpu: 250m}, default: {cpu: 250m}}")},
			want:    "limit-range", says: []string{"container app requests 500m of cpu, at most 250m is allowed"},
		},
		{
			name:    "less than a LimitRange demands, and no limit",
			objects: []string{cluster(5, surging), limitRange("{type: Pod, min: {cpu: 1}, max: {memory: 1Gi}}")},
			want:    "limit-range", says: []string{
				"the pod requests 500m of cpu, at least 1 is demanded",
				"the pod has no limit for memory, at most 1Gi is allowed",
			},
		},
		{
			name:    "a ratio",
			objects: []string{cluster(5, surging), limitRange("{type: Container, maxLimitRequestRatio: {cpu: 2}, default: {cpu: 2}}")},
			want:    "limit-range", says: []string{"container app has a limit of 2 and a request of 500m for cpu, whose ratio may be " +
				"at most 2"},
		},
		{
			name:    "a LimitRange does not judge pods that stay",
			objects: []string{cluster(5, inPlace), limitRange("{type: Container, max: {cpu: 250m}}")},
			want:    "in-place", not: []string{"limit-range"},
		},
	}
}

func nodeCases() []verifyCase {
	return []verifyCase{
		{
			name:    "no room on nodes",
			objects: []string{cluster(5, surging), nodeOf("node-0", "2600m", "")},
			want:    "nodes-full", says: []string{
				"2 new pods are needed", "1 of 1 nodes that admit them have room for 0", "500m of cpu",
				"exit code 11",
			},
		},
		{
			name:    "room on nodes for one of two",
			objects: []string{cluster(5, surging), nodeOf("node-0", "2600m", ""), nodeOf("node-1", "500m", "")},
			want:    "nodes-full", says: []string{"have room for 1", "slower"},
		},
		{
			name:    "a new pod takes the room of an old one",
			objects: []string{cluster(5, replacing), nodeOf("node-0", "2500m", "")},
			want:    "recreated", not: []string{"nodes-full"},
		},
		{
			name: "taints that nobody tolerates",
			objects: []string{
				cluster(5, surging), nodeOf("node-0", "100", "unschedulable: true"),
				nodeOf("node-1", "100", "taints: [{key: gpu, effect: NoSchedule}]"),
			},
			want: "nodes-unfit", says: []string{"none of 2 nodes admits a new pod", "1 cordoned", "1 tainted with gpu:NoSchedule"},
		},
		{
			name: "a node selector that selects nothing",
			objects: []string{
				change(cluster(5, surging), "spec: {containers", "spec: {nodeSelector: {disk: sdd}, containers"),
				nodeOf("node-0", "100", ""),
			},
			want: "nodes-unfit", says: []string{"1 not selected by nodeSelector or affinity"},
		},
		{
			name:    "nodes that may not be read",
			objects: []string{cluster(5, surging)}, forbidden: []string{"nodes"},
			want: "not-readable", says: []string{"Node: could not be read (no right to list it), so it is not known whether nodes " +
				"have room"},
		},
	}
}

func imageCases() []verifyCase {
	digests := strings.Replace(nodeOf("node-0", "100", ""), "status: {",
		`status: {images: [{names: ["example.com/app@sha256:1111", "example.com/app:v1", "example.com/app:v2"]}], `, 1)
	return []verifyCase{
		{
			name: "an image in place", objects: []string{cluster(5, inPlace)},
			want: "in-place", says: []string{"5 old pods are updated in place: image of app"},
		},
		{
			name: "a change that needs new pods", objects: []string{
				change(cluster(5, inPlace), "{name: app", "{env: [{name: A, value: b}], name: app"),
			},
			want: "recreated", says: []string{"recreated: spec.containers[0].env can only change in a new pod"},
		},
		{
			name: "ReCreate although the change could be made in place", objects: []string{cluster(5, surging)},
			want: "recreated", remedy: "set the type to InPlaceIfPossible",
		},
		{
			name: "cpu in place", objects: []string{change(cluster(5, `{type: InPlaceOnly, maxUnavailable: 1}`), "cpu: 500m",
				"cpu: 600m")},
			want: "in-place", says: []string{"5 old pods are updated in place: image of app; cpu and memory of app (restarted: app)"},
		},
		{
			name: "a limit that old pods have not", objects: []string{
				change(cluster(5, inPlace), "resources: {requests", "resources: {limits: {cpu: 1}, requests"),
			},
			want: "recreated", says: []string{"recreated: spec.containers[0].resources can only change in a new pod"},
		},
		{
			name: "containers that start one after another", objects: []string{
				change(cluster(5, inPlace), "{name: app", `{env: [{name: KRUISE_CONTAINER_PRIORITY, value: "1"}], name: app`),
			},
			want: "launch-priority", says: []string{"which only Kruise obeys"}, remedy: "wait for each other",
		},
		{
			name: "InPlaceOnly refuses", objects: []string{change(cluster(5, `{type: InPlaceOnly, maxUnavailable: 1}`), "{name: app",
				"{env: [{name: A, value: b}], name: app")},
			want: "in-place-refused", says: []string{"InPlaceOnly, but spec.containers[0].env"},
		},
		{
			name: "#635, #1493, #2297, #418: another name for the same image", objects: []string{cluster(5, inPlace), digests},
			want: "same-image", says: []string{"from example.com/app:v1 to example.com/app:v2, which is the image that runs already " +
				"(sha256:1111) in 5 of 5"},
		},
		{
			name: "the same digest by name", objects: []string{change(cluster(5, inPlace), "example.com/app:v2",
				"example.com/app@sha256:1111")},
			want: "same-image",
		},
		{
			name: "nothing to do", objects: []string{change(cluster(5, inPlace), "example.com/app:v2", "example.com/app:v1")},
			want: "nothing-to-do", says: []string{"5 of 5 pods run the pod template already, and the release asks for 5"},
		},
		{
			name: "minReadySeconds longer than the deadline", objects: []string{
				cluster(5, `{maxUnavailable: 1}`, "  minReadySeconds: 60"),
			},
			options: verify.Options{Plan: plan.BatchPlan{ProgressDeadline: 5 * time.Minute}},
			want:    "deadline-short", says: []string{
				"batch 1 of 1",
				"5 pods, 1 at a time, are 5 rounds of minReadySeconds 1m0s, which is 5m0s",
			},
		},
		{
			name: "paused", objects: []string{cluster(5, `{maxUnavailable: 1, paused: true}`)},
			want: "paused",
		},
	}
}

func specCases() []verifyCase {
	manifest := []byte(strings.SplitN(change(cluster(5, inPlace), "app: demo}}", "app: demos}}"), "---", 2)[0])
	return []verifyCase{
		{name: "no CloneSet", want: "target-missing", remedy: "apply it before its release, or give the manifest with -f"},
		{
			name: "kubevela#7170: no pod may move", objects: []string{cluster(5, `{maxUnavailable: 0}`)},
			want: "invalid", says: []string{"both 0, so no pod may be replaced"},
		},
		{
			name: "rollouts#203: a batch larger than the CloneSet", objects: []string{cluster(5, inPlace)},
			options: verify.Options{Plan: batches(plan.Pods(6))},
			want:    "invalid", says: []string{"spec.batches[0].replicas", "6 is more than the CloneSet's 5 replicas"},
		},
		{
			name: "a selector that selects nothing of the template", objects: []string{cluster(5, inPlace)},
			options: verify.Options{Manifest: manifest, File: "cloneset.yaml"},
			want:    "selector-mismatch", says: []string{"cloneset.yaml:7: CloneSet shop/demo: spec.selector"},
		},
		{
			name: "a template that is none", objects: []string{change(cluster(5, inPlace), "cpu: 500m", "cpu: much")},
			want: "template-invalid", says: []string{"quantities must match"},
		},
		{
			name: "a first release from a manifest", options: verify.Options{
				Manifest: []byte(strings.SplitN(cluster(5, surging), "---", 2)[0]), File: "cloneset.yaml",
			},
			objects: []string{quota("{pods: 5}", "{pods: 1}"), "{apiVersion: v1, kind: ServiceAccount, metadata: {name: default, " +
				"namespace: shop}}"},
			want: "quota-short", says: []string{"needs 7 more"},
		},
		{
			name: "the manifest is what counts, and not what is in the cluster", options: verify.Options{
				File: "cloneset.yaml", Manifest: []byte(change(strings.SplitN(cluster(5, surging), "---", 2)[0], "  replicas: 5\n", "")),
			},
			objects: []string{change(cluster(5, inPlace), "app:v2", "app:v1")},
			want:    "recreated", says: []string{"5 old pods are recreated"},
		},
		{
			name: "a plan beyond the partition", objects: []string{
				cluster(5, `{type: InPlaceIfPossible, maxUnavailable: 1, partition: 3}`),
			},
			options: verify.Options{Plan: batches(plan.Pods(1), plan.Percent(100))},
			want:    "partition-passed", says: []string{"has partition 3, which keeps 3 of 5 pods, and the plan updates 5: the plan " +
				"decides"},
		},
		{
			name: "fields of a later Kruise", objects: []string{
				cluster(5, `{type: InPlaceIfPossible, maxUnavailable: 1, inPlaceUpdateStrategy: {imagePreDownloadParallelism: 2}}`,
					"  scaleStrategy: {excludePreparingDelete: true}"),
			},
			want: "field-unknown", says: []string{"does not know spec.scaleStrategy.excludePreparingDelete, " +
				"spec.updateStrategy.inPlaceUpdateStrategy.imagePreDownloadParallelism, and in direct mode does nothing about it"},
		},
		{
			name: "another claim template in the manifest", options: verify.Options{
				File: "cloneset.yaml", Manifest: []byte(change(strings.SplitN(cluster(5, inPlace, agenttest.ClaimTemplates), "---", 2)[0],
					"storage: 1Gi", "storage: 2Gi")),
			},
			objects: []string{
				cluster(5, inPlace, agenttest.ClaimTemplates),
				"{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: fast, annotations: " +
					"{storageclass.kubernetes.io/is-default-class: \"true\"}}}",
			},
			want: "claims-change", says: []string{"volumeClaimTemplates change (data): pods that stay keep the claims that they have"},
		},
	}
}

func neighbourCases() []verifyCase {
	stepping := batches(plan.Percent(20), plan.Percent(100))
	stepping.Mode = plan.Partition
	partition := verify.Options{Plan: stepping}
	armed := `{type: InPlaceIfPossible, maxUnavailable: 2, partition: "100%"}`
	return []verifyCase{
		{
			name:    "argo-rollouts#1774, #1415: an autoscaler below a batch",
			objects: []string{cluster(5, inPlace), hpa("minReplicas: 2, maxReplicas: 9")},
			options: verify.Options{Plan: batches(plan.Pods(1), plan.Pods(4), plan.Percent(100))},
			want:    "autoscaler-batch", says: []string{"batch 2 wants 4 updated pods, and it may scale down to 2"},
			remedy: "in percent, or raise minReplicas to at least 4",
		},
		{
			name: "an autoscaler with batches in percent", objects: []string{cluster(5, inPlace), hpa("maxReplicas: 9")},
			options: verify.Options{Plan: batches(plan.Percent(20), plan.Percent(100))},
			want:    "autoscaler", says: []string{"replicas (5 now) to 1 to 9"}, not: []string{"autoscaler-batch"},
		},
		{
			name: "replicas in Git beside an autoscaler", objects: []string{cluster(5, inPlace), hpa("maxReplicas: 9")},
			options: verify.Options{Manifest: []byte(strings.SplitN(cluster(3, inPlace), "---", 2)[0])},
			want:    "autoscaler-replicas", says: []string{"sets replicas to 3, where it has set 5"},
		},
		{
			name: "the lock is held", objects: []string{cluster(5, inPlace), leaseOf("2026-01-02T03:04:00.000000Z")},
			want: "lock-held", says: []string{"agent-7 holds it and renewed it 5s ago", "exit code 14"},
		},
		{
			name: "the lock is left", objects: []string{cluster(5, inPlace), leaseOf("2026-01-02T02:04:05.000000Z")},
			want: "lock-left", says: []string{"has not renewed it for 1h0m0s"}, not: []string{"lock-held"},
		},
		{
			name: "a controller in direct mode", objects: []string{
				change(cluster(5, inPlace, statusOfKruise), "generation: 2,", managedByKruise),
			},
			want: "controller-alive", says: []string{"exit code 13", "was written by kruise-manager"},
		},
		{
			name: "a controller's lease", objects: []string{
				cluster(5, inPlace),
				`{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: kruise-manager, namespace: kruise-system}, spec: ` +
					`{holderIdentity: x, renewTime: "2026-01-02T03:04:00.000000Z", leaseDurationSeconds: 15}}`,
			},
			options: verify.Options{Force: true},
			want:    "controller-alive", says: []string{"would fight the agent", "kruise-system/kruise-manager was renewed"},
		},
		{
			name: "no controller in partition mode", objects: []string{cluster(5, armed)}, options: partition,
			want: "controller-missing", says: []string{"it is of generation 2, and its status of generation 0"},
		},
		{
			name: "Argo CD owns the partition", objects: []string{
				change(cluster(5, armed, statusOfKruise), "generation: 2,", managed("argocd-controller")),
			}, options: partition,
			want: "partition-owned", says: []string{"argocd-controller, a GitOps tool"}, remedy: "ignoreDifferences",
			not: []string{"partition-unarmed", "controller-missing"},
		},
		{
			name:    "kustomize-controller#1294: Flux owns the partition",
			objects: []string{change(cluster(5, armed, statusOfKruise), "generation: 2,", managed("kustomize-controller"))},
			options: partition,
			want:    "partition-owned", remedy: "spec.ignore",
		},
		{
			name: "Helm and a person own the partition", objects: []string{
				change(cluster(5, armed, statusOfKruise), "generation: 2,", managed("helm-controller")),
			}, options: partition,
			want: "partition-owned", remedy: "driftDetection",
		},
		{
			name: "slipway owns the partition", objects: []string{
				change(cluster(5, armed, statusOfKruise), "generation: 2,", managed("slipway")),
			}, options: partition,
			want: "in-place", not: []string{"partition-owned"},
		},
		{
			name: "a partition that lets the controller begin", objects: []string{cluster(5, inPlace, statusOfKruise)},
			options: partition,
			want:    "partition-unarmed", says: []string{
				"the partition is 0, so the controller may update 5 of 5 pods",
				"is doing so now",
			},
		},
		{
			name: "a release that stopped", objects: []string{
				cluster(5, inPlace), updateRevision(),
				namespaced("ConfigMap", "v1", "slipway-demo", `data: {progress: `+
					`'{"Revision":"demo-new","Batch":1,"Outcome":"DeadlineExceeded","Message":"too slow"}'}`),
			},
			want: "release-stopped", says: []string{"in batch 2 with DeadlineExceeded (too slow)"},
		},
		{
			name: "a release that has begun", objects: []string{
				cluster(5, inPlace), updateRevision(),
				namespaced("ConfigMap", "v1", "slipway-demo", `data: {progress: '{"Revision":"demo-new","Batch":1}'}`),
			},
			want: "release-unfinished", says: []string{"is in batch 2"},
		},
		{
			name: "a memory that cannot be read", objects: []string{
				cluster(5, inPlace), updateRevision(),
				namespaced("ConfigMap", "v1", "slipway-demo", `data: {progress: '{'}`),
			},
			want: "invalid", remedy: "delete the ConfigMap",
		},
		{
			name: "pods of others", objects: []string{
				cluster(5, inPlace),
				namespaced("Pod", "v1", "stray", "status: {phase: Running}") + "---\n" +
					`{apiVersion: v1, kind: Pod, metadata: {name: web-1, namespace: shop, labels: {app: demo}, ownerReferences: [{kind: ` +
					`ReplicaSet, name: web, uid: u2, controller: true}]}}`,
			},
			want: "foreign-pods", says: []string{"1 pods that are not its own (1 of ReplicaSet web)"},
		},
	}
}

func referenceCases() []verifyCase {
	naming := func(field string) string {
		return change(cluster(5, surging), "spec: {containers", "spec: {"+field+", containers")
	}
	var out []verifyCase
	for field, object := range map[string]string{
		"serviceAccountName: robot": "ServiceAccount " +
			"shop/robot",
		"priorityClassName: urgent":                         "PriorityClass urgent",
		"runtimeClassName: gvisor":                          "RuntimeClass gvisor",
		"volumes: [{name: v, configMap: {name: settings}}]": "ConfigMap shop/settings",
		"volumes: [{name: v, secret: {secretName: tls}}]":   "Secret shop/tls",
		"volumes: [{name: v, persistentVolumeClaim: {claimName: " +
			"data}}]": "PersistentVolumeClaim shop/data",
		"volumes: [{name: v, projected: {sources: [{secret: {name: tls}}]}}]": "Secret shop/tls",
		"initContainers: [{name: i, image: i, envFrom: [{configMapRef: {name: " +
			"settings}}]}]": "ConfigMap shop/settings",
		"initContainers: [{name: i, image: i, env: [{name: A, valueFrom: {secretKeyRef: {name: tls, key: k}}}]}]": "Secret shop/tls",
	} {
		out = append(out, verifyCase{
			name: object + " for " + field, objects: []string{naming(field)}, want: "reference-missing",
			says: []string{object + ": it does not exist"},
		})
	}
	return append(out,
		verifyCase{
			name: "optional", objects: []string{naming("volumes: [{name: v, configMap: {name: settings, optional: true}}]")},
			want: "recreated", not: []string{"reference-missing"},
		},
		verifyCase{
			name: "a pull secret", objects: []string{naming("imagePullSecrets: [{name: registry}]")},
			want: "pull-secret-missing", says: []string{"Secret shop/registry"},
		},
		verifyCase{
			name: "a pull secret of the service account", objects: []string{
				change(cluster(5, surging), "metadata: {name: default, namespace: shop}}",
					"metadata: {name: default, namespace: shop}, imagePullSecrets: [{name: registry}]}"),
			},
			want: "pull-secret-missing", says: []string{"Secret shop/registry"},
		},
		verifyCase{
			name: "no default class", objects: []string{cluster(5, surging, agenttest.ClaimTemplates)},
			want: "reference-missing", says: []string{"names no class and no class is the default one"},
		},
		verifyCase{
			name: "secrets that may not be read", objects: []string{naming("imagePullSecrets: [{name: registry}]")},
			forbidden: []string{"secrets"},
			want:      "not-readable", says: []string{"Secret shop/registry: could not be read"}, not: []string{"pull-secret-missing"},
		},
		verifyCase{
			name: "pods that may not be read", objects: []string{
				cluster(5, surging), quota("{pods: 6}", "{pods: 5}"),
				nodeOf("node-0", "1", ""),
			}, forbidden: []string{"pods"},
			want: "not-readable", says: []string{"so it is not known what the release replaces and adds"},
			not: []string{"quota-short", "nodes-full", "nothing-to-do"},
		},
		verifyCase{
			name: "a partition that is reached", objects: []string{cluster(5, `{type: ReCreate, partition: 5}`)},
			want: "nothing-to-do", says: []string{"0 of 5 pods run the pod template already, and the release asks for 0"},
			not: []string{"recreated"},
		},
		verifyCase{
			name: "one's own rights", objects: []string{cluster(5, surging)}, lacking: []string{"create pods", "patch clonesets"},
			want: "own-right-missing", says: []string{"lacks 2 of the", "patch clonesets/status.apps.kruise.io demo; create pods"},
		},
		verifyCase{
			name: "an agent's rights", objects: []string{cluster(5, surging)}, lacking: []string{"create leases"},
			options: verify.Options{Account: "shop/robot"},
			want:    "right-missing", says: []string{"ServiceAccount shop/robot: lacks 1 of the", "create leases.coordination.k8s.io"},
		},
		verifyCase{
			name: "a check with a wrong query", objects: []string{cluster(5, surging)},
			options: verify.Options{Checks: func(context.Context, plan.Workload) []manifest.Finding {
				return checked(manifest.SeverityError, verify.CodeCheckFailed, `parse error in the query: unexpected ")"`)
			}},
			want: "check-failed", says: []string{"Check errors: parse error"},
		},
		verifyCase{
			name: "a check that could not be tried", objects: []string{cluster(5, surging)},
			options: verify.Options{Checks: func(_ context.Context, set plan.Workload) []manifest.Finding {
				return checked(manifest.SeverityWarning, verify.CodeCheckUnsure, "no answer for "+set.Name)
			}},
			want: "check-unsure", says: []string{"no answer for demo"},
		},
		verifyCase{
			name: "a check that fails already", objects: []string{cluster(5, surging)},
			options: verify.Options{Checks: func(context.Context, plan.Workload) []manifest.Finding {
				return checked(manifest.SeverityWarning, verify.CodeCheckFailing, "0.4, at most 0.1")
			}},
			want: "check-failing",
		},
	)
}

// checked is the finding of a check of the plan.
func checked(severity manifest.Severity, code, message string) []manifest.Finding {
	object := manifest.ObjectRef{Kind: "Check", Name: "errors"}
	return []manifest.Finding{{Severity: severity, Code: code, Object: object, Message: message}}
}

// admissionCases are about what the API server makes of a new pod.
func admissionCases() []verifyCase {
	long := strings.Repeat("a", 57)
	return []verifyCase{
		{
			name: "a label that is none", objects: []string{change(cluster(5, surging), "template: {metadata: {labels: {app: demo}}",
				`template: {metadata: {labels: {app: demo, v: "a b"}}`)},
			want: "pod-refused", says: []string{`metadata.labels: Invalid value: "a b"`, "exit code 11"},
			remedy: "change the pod template",
		},
		{
			name: "a name that makes a label too long", objects: []string{strings.ReplaceAll(cluster(5, surging), "demo", long)},
			options: verify.Options{Name: long},
			want:    "pod-refused", says: []string{"must be no more than 63"},
		},
		{
			name: "the same in partition mode", objects: []string{strings.ReplaceAll(cluster(5, surging), "demo", long)},
			options: verify.Options{Name: long, Plan: plan.BatchPlan{Mode: plan.Partition}}, want: "pod-refused",
			says: []string{"must be no more than 63"},
		},
		{
			name: "an image that admission rewrites", objects: []string{cluster(5, inPlace)},
			mutations: [][2]string{{"example.com/app", "mirror.local/app"}},
			want:      "pod-mutated", says: []string{"the image of container app from example.com/app:v2 to mirror.local/app:v2"},
			remedy: "ReCreate",
		},
		{
			name: "an image that admission rewrites for new pods only", objects: []string{cluster(5, surging)},
			mutations: [][2]string{{"example.com/app", "mirror.local/app"}},
			want:      "recreated", not: []string{"pod-mutated"},
		},
		{
			name: "no right to try a pod", objects: []string{cluster(5, surging)}, lacking: []string{"create pods"},
			want: "not-readable", says: []string{"could not be tried (no right to create pods), so it is not known whether policies, " +
				"webhooks and Pod Security take the pods"},
			remedy: "it is a dry run",
		},
		{
			name: "a change in place that a policy refuses", objects: []string{cluster(5, inPlace)}, denied: "example.com/app:v2",
			want: "pod-refused", says: []string{"refuses a change in place, so the release fails at its first one (exit code 11, or 12 " +
				"with a rollback): of Pod demo-0: "},
			remedy: "change the pod template, or what refuses it",
		},
		{
			name: "the same where pods are recreated", objects: []string{cluster(5, surging)}, denied: "example.com/app:v2",
			want: "recreated", not: []string{"pod-refused"},
		},
		{
			name: "no right to try a change in place", objects: []string{cluster(5, inPlace)}, lacking: []string{"patch pods"},
			denied: "example.com/app:v2",
			want:   "not-readable", says: []string{"Pod shop/demo-0: could not be tried (no right to patch pods), so it is not known " +
				"whether policies and webhooks take a change of it in place"},
			remedy: "grant patch on pods", not: []string{"pod-refused"},
		},
	}
}

// TestVerify holds releases against clusters, and that every code that is documented comes up.
func TestVerify(t *testing.T) {
	t.Parallel()
	cases := slices.Concat(budgetCases(), quotaCases(), nodeCases(), imageCases(), specCases(), neighbourCases(), referenceCases(),
		reachCases(), admissionCases(), deleteModeCases(),
		deploymentCases())
	met := map[string]bool{}
	for _, c := range cases {
		met[c.want] = true
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newShelf(t, c.objects...)
			s.forbidden, s.lacking, s.mutations, s.denied = c.forbidden, c.lacking, c.mutations, c.denied
			v, err := s.verify(c.options)
			if err != nil {
				t.Fatal(err)
			}
			checkFindings(t, c, v)
		})
	}
	for _, code := range verify.Codes() {
		if !met[code.Code] {
			t.Errorf("no case has %s", code.Code)
		}
	}
}

func checkFindings(t *testing.T, c verifyCase, v verify.Report) {
	t.Helper()
	said := v.Text()
	known := map[string]manifest.Severity{}
	for _, code := range verify.Codes() {
		known[code.Code] = code.Severity
	}
	remedies := ""
	for i, f := range v.Findings {
		if f.Code == c.want {
			remedies += f.Hint + "\n"
		}
		if known[f.Code] != f.Severity || f.Message == "" {
			t.Errorf("%s: %q is of severity %s", f.Code, f.Message, f.Severity)
		}
		if i > 0 && f.Severity == manifest.SeverityError && v.Findings[i-1].Severity != manifest.SeverityError {
			t.Errorf("%s comes after what is no error", f.Code)
		}
		if slices.Contains(c.not, f.Code) {
			t.Errorf("%s must not be there: %s", f.Code, f)
		}
	}
	if !strings.Contains(said, "["+c.want+"]") {
		t.Errorf("no %s in:\n%s", c.want, said)
	}
	for _, words := range c.says {
		if !strings.Contains(said, words) {
			t.Errorf("%q is not said in:\n%s", words, said)
		}
	}
	if !strings.Contains(remedies, c.remedy) {
		t.Errorf("%q is not the remedy in:\n%s", c.remedy, remedies)
	}
}
