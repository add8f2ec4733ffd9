// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

var (
	created = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	later   = created.Add(time.Minute)
)

// TestWhyAPodIsNotReady holds the state of pods against what kubectl get pods shows of them, and the reason against what kubelet
// and scheduler write.
func TestWhyAPodIsNotReady(t *testing.T) {
	for name, c := range map[string]struct {
		status string
		spec   string
		meta   string
		want   *waiting.Why
	}{
		"ready": {status: `{phase: Running, conditions: [{type: Ready, status: "True"}], containerStatuses: [{name: app, ready: ` +
			`true, restartCount: 7, state: {running: {}}}]}`},
		"not scheduled": {
			status: `{phase: Pending, conditions: [{type: PodScheduled, status: "False", reason: Unschedulable, lastTransitionTime: "2026-01-05T09:01:00Z",
  message: "0/3 nodes are available: 3 Insufficient cpu."}]}`,
			want: &waiting.Why{
				State: "Pending", Reason: "Unschedulable", Message: "0/3 nodes are available: 3 Insufficient cpu.",
				Since: later,
			},
		},
		"held back from the scheduler": {
			status: `{phase: Pending, conditions: [{type: PodScheduled, status: "False", reason: SchedulingGated, message: Scheduling ` +
				`is blocked due to non-empty scheduling gates}]}`,
			want: &waiting.Why{
				State: "SchedulingGated", Reason: "SchedulingGated", Message: "Scheduling is blocked due to non-empty scheduling gates",
				Since: created,
			},
		},
		"seen by nobody yet": {status: `{phase: Pending}`, want: &waiting.Why{State: "Pending", Reason: "Pending", Since: created}},
		"starts": {
			status: `{phase: Pending, conditions: [{type: PodScheduled, status: "True"}, {type: Ready, status: "False", reason: ContainersNotReady}],
  containerStatuses: [{name: app, state: {waiting: {reason: ContainerCreating}}}]}`,
			want: &waiting.Why{State: "ContainerCreating", Reason: "ContainerCreating", Container: "app", Since: created},
		},
		"image": {
			status: `{phase: Pending, conditions: [{type: Ready, status: "False", reason: ContainersNotReady, lastTransitionTime: "2026-01-05T09:01:00Z"}],
  containerStatuses: [{name: app, state: {running: {}}, ready: true}, {name: web, state: {waiting: {reason: ImagePullBackOff, message: 'Back-off pulling image "web:v2"'}}}]}`,
			want: &waiting.Why{
				State: "ImagePullBackOff", Reason: "ImagePullBackOff", Message: `Back-off pulling image "web:v2"`,
				Container: "web", Since: later,
			},
		},
		"first of two containers": {
			status: `{phase: Running, containerStatuses: [{name: app, state: {waiting: {reason: CreateContainerConfigError, message: 'secret "x" not found'}}},
  {name: web, state: {waiting: {reason: ImagePullBackOff}}}]}`,
			want: &waiting.Why{
				State: "CreateContainerConfigError", Reason: "CreateContainerConfigError", Message: `secret "x" not found`,
				Container: "app", Since: created,
			},
		},
		"crash loop": {
			status: `{phase: Running, containerStatuses: [{name: app, restartCount: 3, lastState: {terminated: {exitCode: 137, reason: OOMKilled, message: "token=secret"}},
  state: {waiting: {reason: CrashLoopBackOff, message: back-off 40s restarting failed container=app pod=web-1_shop(uid-1)}}}]}`,
			want: &waiting.Why{
				State: "CrashLoopBackOff", Reason: "CrashLoopBackOff", Message: "back-off 40s restarting failed container=app",
				Container: "app",
				Restarts:  3, ExitCode: new(137), Exit: "OOMKilled", Since: created,
			},
		},
		"the runtime's words": {
			status: `{phase: Running, containerStatuses: [{name: app, restartCount: 1, lastState: {terminated: {exitCode: 128, reason: StartError, message: "exec: \"ap\": executable file not found"}},
  state: {waiting: {reason: CrashLoopBackOff, message: back-off 10s}}}]}`,
			want: &waiting.Why{
				State: "CrashLoopBackOff", Reason: "CrashLoopBackOff", Message: `back-off 10s: exec: "ap": executable file not found`,
				Container: "app",
				Restarts:  1, ExitCode: new(128), Exit: "StartError", Since: created,
			},
		},
		"ended": {
			status: `{phase: Running, containerStatuses: [{name: app, state: {terminated: {exitCode: 3, reason: Error, message: ` +
				`"token=secret"}}}]}`,
			want: &waiting.Why{State: "Error", Reason: "Error", Container: "app", ExitCode: new(3), Exit: "Error", Since: created},
		},
		"ended by a signal": {
			status: `{phase: Running, containerStatuses: [{name: app, state: {terminated: {exitCode: 137, signal: 9}}}]}`,
			want:   &waiting.Why{State: "Signal:9", Reason: "Signal:9", Container: "app", ExitCode: new(137), Since: created},
		},
		"ended without a word": {
			status: `{phase: Running, containerStatuses: [{name: app, state: {terminated: {exitCode: 4}}}]}`,
			want:   &waiting.Why{State: "ExitCode:4", Reason: "ExitCode:4", Container: "app", ExitCode: new(4), Since: created},
		},
		"probe": {
			status: `{phase: Running, conditions: [{type: Initialized, status: "True"}, {type: ContainersReady, status: "False", reason: ContainersNotReady,
  message: "containers with unready status: [app]", lastTransitionTime: "2026-01-05T09:01:00Z"}, {type: Ready, status: "False", reason: ContainersNotReady}],
  containerStatuses: [{name: app, ready: false, restartCount: 2, lastState: {terminated: {exitCode: 1, reason: Error}}, state: {running: {}}}]}`,
			want: &waiting.Why{
				State: "Running", Reason: "ContainersNotReady", Message: "containers with unready status: [app]", Container: "app",
				Restarts: 2, ExitCode: new(1), Exit: "Error", Since: later,
			},
		},
		"readiness gate": {
			status: `{phase: Running, conditions: [{type: ContainersReady, status: "True"}, {type: Ready, status: "False", reason: ReadinessGatesNotReady,
  message: 'corresponding condition of pod readiness gate "example.com/lb" does not exist.'}], containerStatuses: [{name: app, ready: true, state: {running: {}}}]}`,
			want: &waiting.Why{
				State: "Running", Reason: "ReadinessGatesNotReady",
				Message: `corresponding condition of pod readiness gate "example.com/lb" does not exist.`, Since: created,
			},
		},
		"one container is through": {
			status: `{phase: Running, conditions: [{type: ContainersReady, status: "False", reason: ContainersNotReady, message: "containers with unready status: [app]"}],
  containerStatuses: [{name: app, state: {terminated: {exitCode: 0, reason: Completed}}}, {name: web, ready: true, state: {running: {}}}]}`,
			want: &waiting.Why{
				State: "NotReady", Reason: "ContainersNotReady", Message: "containers with unready status: [app]", Container: "app",
				ExitCode: new(0), Exit: "Completed", Since: created,
			},
		},
		"init container runs": {
			spec: `{initContainers: [{name: a}, {name: b}]}`,
			status: `{phase: Pending, conditions: [{type: Initialized, status: "False", reason: ContainersNotInitialized, message: "containers with incomplete status: [b]"}],
  initContainerStatuses: [{name: a, state: {terminated: {exitCode: 0}}}, {name: b, state: {running: {}}}], containerStatuses: [{name: app, state: {waiting: {reason: PodInitializing}}}]}`,
			want: &waiting.Why{
				State: "Init:1/2", Reason: "ContainersNotInitialized", Message: "containers with incomplete status: [b]", Container: "b",
				Since: created,
			},
		},
		"init container crashes": {
			spec: `{initContainers: [{name: a}]}`,
			status: `{phase: Pending, initContainerStatuses: [{name: a, restartCount: 4, lastState: {terminated: {exitCode: 2, reason: Error}},
  state: {waiting: {reason: CrashLoopBackOff, message: back-off 1m20s}}}], containerStatuses: [{name: app, state: {waiting: {reason: PodInitializing}}}]}`,
			want: &waiting.Why{
				State: "Init:CrashLoopBackOff", Reason: "Init:CrashLoopBackOff", Message: "back-off 1m20s", Container: "a", Restarts: 4,
				ExitCode: new(2), Exit: "Error", Since: created,
			},
		},
		"init container failed": {
			spec:   `{initContainers: [{name: a}]}`,
			status: `{phase: Pending, initContainerStatuses: [{name: a, state: {terminated: {exitCode: 2, reason: Error}}}]}`,
			want: &waiting.Why{
				State: "Init:Error", Reason: "Init:Error", Container: "a", ExitCode: new(2), Exit: "Error",
				Since: created,
			},
		},
		"sidecar that has started": {
			spec: `{initContainers: [{name: proxy, restartPolicy: Always}]}`,
			status: `{phase: Pending, initContainerStatuses: [{name: proxy, started: true, state: {running: {}}}],
  containerStatuses: [{name: app, state: {waiting: {reason: ErrImagePull, message: not found}}}]}`,
			want: &waiting.Why{State: "ErrImagePull", Reason: "ErrImagePull", Message: "not found", Container: "app", Since: created},
		},
		"evicted": {
			status: `{phase: Failed, reason: Evicted, message: "The node was low on resource: memory."}`,
			want:   &waiting.Why{State: "Evicted", Reason: "Evicted", Message: "The node was low on resource: memory.", Since: created},
		},
		"terminating": {
			meta: `{deletionTimestamp: "2026-01-05T09:01:00Z"}`, status: `{phase: Running, conditions: [{type: Ready, status: "True"}]}`,
			want: &waiting.Why{State: "Terminating", Reason: "Terminating", Since: later},
		},
		"on a node that is lost": {
			meta:   `{deletionTimestamp: "2026-01-05T09:01:00Z"}`,
			status: `{phase: Running, reason: NodeLost, message: Node n1 which was running pod web-1 is unresponsive}`,
			want: &waiting.Why{
				State: "Unknown", Reason: "NodeLost", Message: "Node n1 which was running pod web-1 is unresponsive",
				Since: created,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := observedPod(t, c.meta, c.spec, c.status).Waiting
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestWhyIsBounded(t *testing.T) {
	long := strings.Repeat("é", 5000)
	got := observedPod(t, "", "", `{phase: Running, containerStatuses: [{name: app, state: {waiting: {reason: ErrImagePull, `+
		`message: `+long+`}}}]}`).Waiting
	if len(got.Message) > 520 || !strings.HasSuffix(got.Message, "é...") {
		t.Errorf("%d bytes: %s", len(got.Message), got.Message)
	}
}

func observedPod(t *testing.T, meta, spec, status string) (observed struct{ Waiting *waiting.Why }) {
	t.Helper()
	tree := map[string]any{}
	for key, text := range map[string]string{"metadata": meta, "spec": spec, "status": status} {
		var part map[string]any
		if err := yaml.Unmarshal([]byte(text), &part); err != nil {
			t.Fatal(err)
		}
		if part == nil {
			part = map[string]any{}
		}
		tree[key] = part
	}
	m := tree["metadata"].(map[string]any) //nolint:forcetypeassert // made above
	m["name"], m["namespace"], m["uid"], m["creationTimestamp"] = "web-1", "shop", "uid-1", "2026-01-05T09:00:00Z"
	data, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	var p kube.Pod
	if err := json.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	observed.Waiting = p.Observed(func(string) (string, bool) { return "", false }).Waiting
	return observed
}
