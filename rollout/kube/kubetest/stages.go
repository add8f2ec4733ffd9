// SPDX-License-Identifier: Apache-2.0

package kubetest

import (
	"bytes"
	_ "embed" // the template of a pod's status
	"encoding/json"
	"slices"
	"strings"
)

// Annotations of a pod that say how it lives. They may be in the pod template, for all pods, or come later to a single one.
// A duration is written as Go does; its time starts anew when anybody writes to the pod.
const (
	// AnnotationReadyAfter is how long a container takes to become ready after each start, or "never".
	AnnotationReadyAfter = "kubelet.slipway.dev/ready-after"
	// AnnotationRestartAfter is how long a container with a new image takes to start again.
	AnnotationRestartAfter = "kubelet.slipway.dev/restart-after"
	// AnnotationCrash, not empty, lets every container crash again and again until the annotation is gone.
	AnnotationCrash = "kubelet.slipway.dev/crash"
	// AnnotationEvict, not empty, lets the pod fail as a kubelet short of memory evicts it. The pod object stays.
	AnnotationEvict = "kubelet.slipway.dev/evict"
	// AnnotationTerminateAfter is how long a deleted pod takes to stop, or "grace" for the whole grace period.
	AnnotationTerminateAfter = "kubelet.slipway.dev/terminate-after"
	// AnnotationResize is what the kubelet says to other cpu and memory instead of giving them: "Infeasible" or "Deferred".
	AnnotationResize = "kubelet.slipway.dev/resize"
	// AnnotationStuck, not empty, lets a deleted pod stay until the annotation is gone.
	AnnotationStuck = "kubelet.slipway.dev/stuck"
	// AnnotationCompleteAfter is how long a pod runs before it ends by itself, as those of Jobs do.
	AnnotationCompleteAfter = "kubelet.slipway.dev/complete-after"
	// AnnotationExitCode is what it ends with; unset is 0.
	AnnotationExitCode = "kubelet.slipway.dev/exit-code"
)

// Beginnings of image tags that say how a container lives. Besides, tags that are equal up to "--" are names of one image:
// app:v1 and app:v1--rebuilt have the same imageID.
const (
	TagCrash   = "crash"   // starts and crashes, again and again
	TagMissing = "missing" // cannot be pulled: the old image stays in the status
	TagUnready = "unready" // runs and never gets ready
)

//go:embed status.tmpl
var podStatus string

// jqWords are what the stages select pods by.
const jqWords = `
def note($key): .metadata.annotations["kubelet.slipway.dev/" + $key] // "";
def alive: .metadata.deletionTimestamp == null and note("evict") == "" and (.status.phase == "Pending" or .status.phase == "Running");
def tag: (.image | capture(":(?<tag>[^:/@]*)$").tag) // "";
def wanted($crash): tag as $tag |
  if $tag | startswith("missing") then "ImagePullBackOff"
  elif $crash or ($tag | startswith("crash")) then "CrashLoopBackOff"
  else "running" end;
def state: if .state.running then "running" else .state.waiting.reason // "" end;
def containers: (note("crash") != "") as $crash | (.status.containerStatuses // []) as $all
  | .spec.containers[] | . as $c
  | {image, tag: tag, resources, wanted: wanted($crash), status: (($all[] | select(.name == $c.name)) // {})};
def settled: all(containers; (.status | state) == .wanted and (.wanted == "ImagePullBackOff" or .status.image == .image));
def answer: [.status.conditions[]? | select(.type == "PodResizePending" and .status == "True") | .reason][0] // "";
def resized: if all(containers; (.status.resources // {}) == (.resources // {})) then answer == ""
  else note("resize") != "" and answer == note("resize") end;
def crashing: any(containers; .wanted == "CrashLoopBackOff");
def slow: note("ready-after") != "never"
  and any(containers; .wanted == "running" and .status.ready != true and (.tag | startswith("unready") | not));
def open: (.status.conditions // []) as $all
  | all(.spec.readinessGates[]?; .conditionType as $gate | any($all[]; .type == $gate and .status == "True"));
def serving: all(containers; .status.ready == true) and open;
def ready: any(.status.conditions[]?; .type == "Ready" and .status == "True");
`

// stage is a step of a life: which objects take it, when, and what it makes of them.
type stage struct {
	name   string
	kind   string
	when   string // jq, true for the objects that take it
	after  string // jq, a duration or a point in time; "" is at once
	status string // template of the new status, its lines after a line end; "" deletes the object
	last   bool   // gives way to the other stages that the object could take
}

// soon is how long things take that nothing is said about: long enough to be seen.
const soon = `"20ms"`

func stages() []stage {
	node := stage{
		name: "node-ready", kind: "Node",
		when:   `any(.status.conditions[]?; .type == "Ready" and .status == "True") | not`,
		status: nodeStatus,
	}
	return slices.Concat([]stage{node}, lives(), ends())
}

// lives are the stages of a pod that runs.
func lives() []stage {
	pod := func(flags string) string { return flags + podStatus }
	return []stage{
		{
			// A start, a restart in place with another image, a crash, the end of a crash loop.
			name: "pod-run", kind: "Pod",
			when:   `alive and (settled | not)`,
			after:  `if .status.containerStatuses and note("restart-after") != "" then note("restart-after") else ` + soon + ` end`,
			status: pod(`{{- $again := false }}{{ $makeReady := false -}}`),
		},
		{
			name: "pod-crash-again", kind: "Pod", last: true,
			when:   `alive and settled and crashing`,
			after:  `"\([pow(2; [containers.status.restartCount] | max), 60] | min)s"`,
			status: pod(`{{- $again := true }}{{ $makeReady := false -}}`),
		},
		{
			name: "pod-containers-ready", kind: "Pod",
			when:   `alive and settled and slow`,
			after:  `note("ready-after") | if . == "" then ` + soon + ` else . end`,
			status: pod(`{{- $again := false }}{{ $makeReady := true -}}`),
		},
		{
			// Other cpu and memory, or why not.
			name: "pod-resize", kind: "Pod",
			when:   `alive and settled and (resized | not)`,
			after:  soon,
			status: pod(`{{- $again := false }}{{ $makeReady := false -}}`),
		},
		{
			// A readiness gate opened or closed.
			name: "pod-gates", kind: "Pod",
			when:   `alive and settled and ready != serving`,
			status: pod(`{{- $again := false }}{{ $makeReady := false -}}`),
		},
	}
}

// ends are the ways in which a pod runs no more.
func ends() []stage {
	return []stage{
		{
			name: "pod-complete", kind: "Pod", last: true,
			when:   `alive and settled and serving and note("complete-after") != ""`,
			after:  `note("complete-after")`,
			status: completedStatus,
		},
		{
			name: "pod-evict", kind: "Pod",
			when: `.metadata.deletionTimestamp == null and note("evict") != "" and ` +
				`(.status.phase == "Pending" or .status.phase == "Running")`,
			status: evictedStatus,
		},
		{
			// kwok deletes by name, with a grace period of 0 that shows before the pod is gone. Whoever takes that for one
			// more pod to delete may meet the next pod of the name, which a StatefulSet makes at once.
			name: "pod-delete", kind: "Pod",
			when: `.metadata.deletionTimestamp != null and .metadata.deletionGracePeriodSeconds != 0 and note("stuck") == ""`,
			after: `note("terminate-after") as $after | if $after == "grace" then .metadata.deletionTimestamp ` +
				`elif $after == "" then ` + soon + ` else $after end`,
		},
	}
}

// ofVersion comes before every status, which is indented below it. A stage waits with the object that it saw; by the time it
// acts, the object may have been written, and a status made of the old one would take away what is new: a pod whose readiness
// gate has just been opened would be not ready once more. So the API server refuses it, and the new object gets its own stage.
const ofVersion = `metadata: {resourceVersion: {{ Quote .metadata.resourceVersion }}}
status:`

const nodeStatus = `
conditions:
- {type: Ready, status: "True", reason: KubeletReady, lastHeartbeatTime: {{ Quote Now }}, lastTransitionTime: {{ Quote Now }}}
allocatable: {cpu: 1k, memory: 1Ti, pods: 1M}
capacity: {cpu: 1k, memory: 1Ti, pods: 1M}
phase: Running
`

const completedStatus = `
{{- $code := int64 (get .metadata.annotations "kubelet.slipway.dev/exit-code") -}}
{{- $reason := ternary "Completed" "Error" (eq $code 0) }}
phase: {{ ternary "Succeeded" "Failed" (eq $code 0) }}
conditions:
- {type: Ready, status: "False", reason: PodCompleted, lastTransitionTime: {{ Quote Now }}}
- {type: ContainersReady, status: "False", reason: PodCompleted, lastTransitionTime: {{ Quote Now }}}
containerStatuses:
{{- range .status.containerStatuses }}
- name: {{ Quote .name }}
  image: {{ Quote .image }}
  imageID: {{ Quote .imageID }}
  restartCount: {{ .restartCount }}
  ready: false
  started: false
  state: {terminated: {exitCode: {{ $code }}, reason: {{ $reason }}, startedAt: {{ Quote .state.running.startedAt }}, finishedAt: {{ Quote Now }}}}
{{- end }}
`

const evictedStatus = `
phase: Failed
reason: Evicted
message: "The node was low on resource: memory."
conditions:
- {type: DisruptionTarget, status: "True", reason: TerminationByKubelet, lastTransitionTime: {{ Quote Now }}}
- {type: Ready, status: "False", reason: PodFailed, lastTransitionTime: {{ Quote Now }}}
- {type: ContainersReady, status: "False", reason: PodFailed, lastTransitionTime: {{ Quote Now }}}
containerStatuses:
{{- range .status.containerStatuses }}
- name: {{ Quote .name }}
  image: {{ Quote .image }}
  imageID: {{ Quote .imageID }}
  restartCount: {{ .restartCount }}
  ready: false
  started: false
  state: {terminated: {exitCode: 137, reason: Error, finishedAt: {{ Quote Now }}}}
{{- end }}
`

// kwokOptions are those that have no flag. kwok defaults none of them once there is a KwokConfiguration.
const kwokOptions = `
apiVersion: config.kwok.x-k8s.io/v1alpha1
kind: KwokConfiguration
options:
  podPlayStageParallelism: 16
  nodePlayStageParallelism: 1
  podsOnNodeSyncParallelism: 1
  enablePodsOnNodeSyncListPager: true
`

// stagesFile is the configuration of kwok: a stream of JSON documents, which is YAML.
func stagesFile() ([]byte, error) {
	file := bytes.NewBufferString(kwokOptions)
	for _, s := range stages() {
		file.WriteString("---\n")
		if err := json.NewEncoder(file).Encode(s.object()); err != nil {
			return nil, err
		}
	}
	return file.Bytes(), nil
}

func (s stage) object() map[string]any {
	next := map[string]any{"delete": true}
	if s.status != "" {
		next = map[string]any{"patches": []any{map[string]any{
			"subresource": "status", "template": ofVersion + strings.ReplaceAll(s.status, "\n", "\n  "),
		}}}
	}
	weight := 1
	if s.last {
		weight = 0
	}
	spec := map[string]any{
		"resourceRef": map[string]any{"apiGroup": "v1", "kind": s.kind},
		"selector": map[string]any{"matchExpressions": []any{
			map[string]any{"key": jqWords + s.when, "operator": "In", "values": []string{"true"}},
		}},
		"next":   next,
		"weight": weight,
	}
	if s.after != "" {
		spec["delay"] = map[string]any{"durationFrom": map[string]any{"expressionFrom": jqWords + s.after}}
	}
	return map[string]any{
		"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": map[string]any{"name": s.name}, "spec": spec,
	}
}
