// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/rollout/kube"
)

// servedPod is a pod of one container as a cluster serves it: most of it is read for nothing.
const servedPod = `
apiVersion: v1
kind: Pod
metadata:
  name: demo-x7k2p
  generateName: demo-
  namespace: shop
  uid: 6a1f0c1e-6a53-4f0b-9a55-0f3c0a8c2b11
  resourceVersion: "1234567"
  creationTimestamp: "2026-01-05T09:00:00Z"
  labels: {app: demo, apps.kruise.io/cloneset-instance-id: x7k2p, controller-revision-hash: demo-54ffd4b79b, version: v1}
  annotations: {apps.kruise.io/inplace-update-state: '{"revision":"demo-54ffd4b79b","updateTimestamp":"2026-01-05T09:00:02Z","lastContainerStatuses":{"app":{"imageID":"example.com/shop/demo@sha256:1"}},"updateImages":true,"containerBatchesRecord":[{"timestamp":"2026-01-05T09:00:02Z","containers":["app"]}]}', lifecycle.apps.kruise.io/timestamp: "2026-01-05T09:00:00Z", prometheus.io/scrape: "true", prometheus.io/port: "9090"}
  ownerReferences:
  - {apiVersion: apps.kruise.io/v1alpha1, blockOwnerDeletion: true, controller: true, kind: CloneSet, name: demo, uid: 0c1e6a1f-6a53-4f0b-9a55-0f3c0a8c2b11}
  managedFields:
  - {apiVersion: v1, fieldsType: FieldsV1, manager: slipway, operation: Update, time: "2026-01-05T09:00:00Z", fieldsV1: {"f:metadata": {"f:labels": {".": {}, "f:app": {}}}, "f:spec": {"f:containers": {'k:{"name":"app"}': {".": {}, "f:image": {}, "f:name": {}}}}}}
  - {apiVersion: v1, fieldsType: FieldsV1, manager: kubelet, operation: Update, subresource: status, time: "2026-01-05T09:00:07Z", fieldsV1: {"f:status": {"f:conditions": {'k:{"type":"Ready"}': {".": {}, "f:status": {}}}, "f:phase": {}, "f:podIP": {}}}}
spec:
  nodeName: node-1
  readinessGates: [{conditionType: InPlaceUpdateReady}]
  serviceAccountName: default
  restartPolicy: Always
  dnsPolicy: ClusterFirst
  schedulerName: default-scheduler
  tolerations:
  - {effect: NoExecute, key: node.kubernetes.io/not-ready, operator: Exists, tolerationSeconds: 300}
  - {effect: NoExecute, key: node.kubernetes.io/unreachable, operator: Exists, tolerationSeconds: 300}
  containers:
  - name: app
    image: example.com/shop/demo:v1
    imagePullPolicy: IfNotPresent
    resources: {limits: {memory: 128Mi}, requests: {cpu: 100m, memory: 64Mi}}
    volumeMounts: [{mountPath: /var/run/secrets/kubernetes.io/serviceaccount, name: kube-api-access-x7k2p, readOnly: true}]
  volumes: [{name: kube-api-access-x7k2p, projected: {defaultMode: 420, sources: [{serviceAccountToken: {expirationSeconds: 3607, path: token}}]}}]
status:
  phase: Running
  hostIP: 10.0.0.1
  hostIPs: [{ip: 10.0.0.1}]
  podIP: 10.1.0.7
  podIPs: [{ip: 10.1.0.7}]
  startTime: "2026-01-05T09:00:01Z"
  qosClass: Burstable
  conditions:
  - {type: PodReadyToStartContainers, status: "True", lastTransitionTime: "2026-01-05T09:00:03Z"}
  - {type: Initialized, status: "True", lastTransitionTime: "2026-01-05T09:00:01Z"}
  - {type: Ready, status: "True", lastTransitionTime: "2026-01-05T09:00:05Z"}
  - {type: ContainersReady, status: "True", lastTransitionTime: "2026-01-05T09:00:05Z"}
  - {type: PodScheduled, status: "True", lastTransitionTime: "2026-01-05T09:00:00Z"}
  - {type: InPlaceUpdateReady, status: "True", lastTransitionTime: "2026-01-05T09:00:04Z"}
  containerStatuses:
  - name: app
    image: example.com/shop/demo:v1
    imageID: example.com/shop/demo@sha256:0f3c0a8c2b116a1f0c1e6a534f0b9a550f3c0a8c2b116a1f0c1e6a534f0b9a55
    containerID: containerd://0f3c0a8c2b116a1f0c1e6a534f0b9a550f3c0a8c2b116a1f0c1e6a534f0b9a55
    ready: true
    started: true
    restartCount: 0
    state: {running: {startedAt: "2026-01-05T09:00:04Z"}}
    lastState: {}
    allocatedResources: {cpu: 100m, memory: 64Mi}
    resources: {limits: {memory: 128Mi}, requests: {cpu: 100m, memory: 64Mi}}
    volumeMounts: [{mountPath: /var/run/secrets/kubernetes.io/serviceaccount, name: kube-api-access-x7k2p, readOnly: true, recursiveReadOnly: Disabled}]
`

// BenchmarkDecodePod says what a pod costs that the server sends: an agent reads each of them some ten times in a release.
func BenchmarkDecodePod(b *testing.B) {
	data := servedJSON(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var p kube.Pod
		if err := json.Unmarshal(data, &p); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkKeepPods says what 10,000 pods take for as long as they are kept.
func BenchmarkKeepPods(b *testing.B) {
	const pods = 10_000
	data := servedJSON(b)
	for b.Loop() {
		before := inUse()
		kept := make([]kube.Pod, pods)
		for i := range kept {
			one := bytes.ReplaceAll(data, []byte("x7k2p"), fmt.Appendf(nil, "%05d", i))
			if err := json.Unmarshal(one, &kept[i]); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(inUse()-before)/pods, "kept-B/pod")
		runtime.KeepAlive(kept)
	}
}

// inUse is how much of the heap is in use.
func inUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestLooksAtPodsAllocateNothing: an agent looks at every pod each time that one has changed, so what an observation makes of
// a pod would grow with the square of their number.
func TestLooksAtPodsAllocateNothing(t *testing.T) {
	var p kube.Pod
	if err := json.Unmarshal(servedJSON(t), &p); err != nil {
		t.Fatal(err)
	}
	named := func(revision string) (string, bool) { return revision, true }
	if n := testing.AllocsPerRun(100, func() {
		if seen := p.Observed(named); seen.Pending || !seen.Ready || !p.Serving() {
			t.Errorf("the pod is seen as %+v", seen)
		}
	}); n > 0 {
		t.Errorf("a look at a pod makes %v allocations", n)
	}
}

// servedJSON is servedPod as the server sends it.
func servedJSON(tb testing.TB) []byte {
	tb.Helper()
	data, err := yaml.YAMLToJSON([]byte(servedPod))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}
