// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"strings"
	"testing"

	yaml "sigs.k8s.io/yaml/goyaml.v3"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

func TestChangeInPlaceOrNot(t *testing.T) {
	const before = `{metadata: {labels: {app: x, tier: a}, finalizers: [a/b], creationTimestamp: null}, spec: {dnsPolicy: x, ` +
		`topologySpreadConstraints: [{labelSelector: {}, topologyKey: a}], volumes: [{name: v, emptyDir: {}}], ` +
		`affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: n, namespaceSelector: {}}]}}, ` +
		`initContainers: [{name: i, image: i1}], containers: [{name: app, image: v1, resources: {}, env: [{name: T, valueFrom: ` +
		`{fieldRef: {fieldPath: "metadata.labels['tier']"}}}]}, {name: log, image: l1}], terminationGracePeriodSeconds: 30}}`
	for _, c := range []struct{ reason, old, new, want string }{
		{"an image", "image: v1", "image: v2", "updated in place: image of app"},
		{"a sidecar's image", "image: l1", "image: l2", "updated in place: image of log"},
		{"a label", "app: x", "app: y", "updated in place without a restart: labels/app"},
		{
			"a label that is read as a variable", "tier: a", "tier: b",
			"recreated: metadata.labels/tier (container app reads it as an environment variable) can only change in a new pod",
		},
		{"an init container's image", "image: i1", "image: i2", "recreated: spec.initContainers can only change in a new pod"},
		{
			"another container", "{name: log, image: l1}", "{name: log, image: l1}, {name: z, image: z}",
			"recreated: spec.containers can only change in a new pod",
		},
		{"a renamed container", "name: log", "name: logs", "recreated: spec.containers[1].name can only change in a new pod"},
		{
			"resources where there were none", "resources: {}", "resources: {limits: {cpu: 1}}",
			"recreated: spec.containers[0].resources can only change in a new pod",
		},
		{
			"an empty field that is left out", "resources: {}, ", "",
			"updated in place without a restart: nothing but the label of the revision",
		},
		{
			"a selector of everything that is left out", "{labelSelector: {}, topologyKey: a}", "{topologyKey: a}",
			"recreated: spec.topologySpreadConstraints can only change in a new pod",
		},
		{
			"a selector that is empty in another spelling", "{labelSelector: {}, topologyKey: a}",
			"{labelSelector: {matchLabels: {}}, topologyKey: a}",
			"updated in place without a restart: nothing but the label of the revision",
		},
		{
			"namespaces that are all, and the pod's own", "topologyKey: n, namespaceSelector: {}", "topologyKey: n",
			"recreated: spec.affinity can only change in a new pod",
		},
		{
			"a security context that is empty", "dnsPolicy: x", "dnsPolicy: x, securityContext: {}",
			"updated in place without a restart: nothing but the label of the revision",
		},
		{
			"another kind of volume", "{name: v, emptyDir: {}}", "{name: v, downwardAPI: {}}",
			"recreated: spec.volumes can only change in a new pod",
		},
		{
			"a finalizer", "finalizers: [a/b]", "finalizers: [a/c]",
			"updated in place without a restart: finalizers/a/b, finalizers/a/c",
		},
		{"a name that no pod gets", "metadata: {", "metadata: {name: other, ", "updated in place without a restart: name"},
		{
			"a number in another spelling", "Seconds: 30", "Seconds: 30.0",
			"updated in place without a restart: nothing but the label of the revision",
		},
	} {
		after := strings.Replace(before, c.old, c.new, 1)
		if after == before {
			t.Fatalf("%s: %q is not in the template", c.reason, c.old)
		}
		var o, n map[string]any
		if err := yaml.Unmarshal([]byte(before), &o); err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal([]byte(after), &n); err != nil {
			t.Fatal(err)
		}
		if got := (plan.Workload{Spec: plan.WorkloadSpec{UpdateType: plan.InPlaceIfPossible}}).ChangeSummary(
			manifest.CompareTemplates(o, n)); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.reason, got, c.want)
		}
	}
}

// TestResizeInPlaceOrNot changes one container of a pod, beside another one, from
// {limits: {cpu: 2, memory: 1Gi}, requests: {cpu: 1}}, so that its request of memory is the limit.
func TestResizeInPlaceOrNot(t *testing.T) {
	const (
		before = `{spec: {initContainers: [{name: i, image: i, resources: {requests: {cpu: 10m}}}], containers: [{name: app, ` +
			`image: v1, resources: {limits: {cpu: 2, memory: 1Gi}, requests: {cpu: 1}}, resizePolicy: [{resourceName: memory, ` +
			`restartPolicy: RestartContainer}]}, {name: log, image: l1, resources: {limits: {cpu: 1, memory: 1Gi, x/gpu: 1}, claims: ` +
			`[{name: c}]}}]}}`
		app       = "resources: {limits: {cpu: 2, memory: 1Gi}, requests: {cpu: 1}}"
		field     = "spec.containers[0].resources"
		recreated = "recreated: " + field + " can only change in a new pod"
		live      = "updated in place without a restart: cpu and memory of app"
		restarted = "updated in place: cpu and memory of app (restarted: app)"
	)
	for _, c := range []struct{ reason, old, new, want string }{
		{"cpu", app, "resources: {limits: {cpu: 3, memory: 1Gi}, requests: {cpu: 1500m}}", live},
		{"a request of cpu alone", "requests: {cpu: 1}", "requests: {cpu: 500m}", live},
		{"memory, for which this container restarts", "memory: 1Gi}, requests", "memory: 2Gi}, requests", restarted},
		{
			"the same in another spelling", app, "resources: {limits: {cpu: 2000m, memory: 1024Mi}, requests: {cpu: '1', memory: 1Gi}}",
			"updated in place without a restart: nothing but the label of the revision",
		},
		{
			"with the image", "image: v1, " + app, "image: v2, " + strings.Replace(app, "cpu: 2", "cpu: 4", 1),
			"updated in place: image of app; cpu and memory of app (restarted: app)",
		},
		{
			"with another container's image", app, strings.Replace(app, "cpu: 2", "cpu: 4", 1) + ", X",
			"updated in place: image of log; cpu and memory of app (restarted: log)",
		},
		{
			"a limit that goes", "limits: {cpu: 2, memory: 1Gi}, requests: {cpu: 1}", "limits: {memory: 1Gi}, requests: {cpu: 1}",
			recreated,
		},
		{
			"a request that comes", "{name: i, image: i, resources: {requests: {cpu: 10m}}}", "{name: i, image: i}",
			"recreated: spec.initContainers can only change in a new pod",
		},
		{"an extended resource", "x/gpu: 1", "x/gpu: 2", "recreated: spec.containers[1].resources can only change in a new pod"},
		{
			"a claim", "claims: [{name: c}]", "claims: [{name: d}]",
			"recreated: spec.containers[1].resources can only change in a new pod",
		},
		{
			"cpu beside an extended resource", "cpu: 1, memory: 1Gi, x/gpu", "cpu: 2, memory: 1Gi, x/gpu",
			"updated in place without a restart: cpu and memory of log",
		},
		{
			"the policy of a restart", "RestartContainer", "NotRequired",
			"recreated: spec.containers[0].resizePolicy can only change in a new pod",
		},
		{"on Windows", "{spec: {", "{spec: {os: {name: windows}, ", "recreated: spec.os can only change in a new pod"},
	} {
		after := strings.Replace(strings.Replace(before, c.old, c.new, 1), ", X", "", 1)
		if strings.HasSuffix(c.new, ", X") {
			after = strings.Replace(after, "image: l1", "image: l2", 1)
		}
		if got := (plan.Workload{Spec: plan.WorkloadSpec{UpdateType: plan.InPlaceIfPossible}}).ChangeSummary(
			manifest.CompareTemplates(decodeYAML(t, before), decodeYAML(t, after))); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.reason, got, c.want)
		}
	}
}

// TestResizeKeepsTheClassOfAPod compares templates of which only the first container's resources differ.
func TestResizeKeepsTheClassOfAPod(t *testing.T) {
	const blocked = "spec.containers[0].resources"
	for _, c := range []struct{ reason, spec, old, new, blocker string }{
		{"guaranteed stays guaranteed", "", "{limits: {cpu: 1, memory: 1Gi}}", "{limits: {cpu: 2, memory: 1Gi}}", ""},
		{
			"guaranteed becomes burstable", "", "{limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 1}}",
			"{limits: {cpu: 2, memory: 1Gi}, requests: {cpu: 1}}",
			blocked + " (the QoS class would change from Guaranteed to Burstable)",
		},
		{
			"burstable becomes guaranteed", "", "{limits: {cpu: 2, memory: 1Gi}, requests: {cpu: 1}}",
			"{limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 1}}",
			blocked + " (the QoS class would change from Burstable to Guaranteed)",
		},
		{
			"nothing is asked for any more", "", "{requests: {cpu: 1}}", "{requests: {cpu: 0}}",
			blocked + " (the QoS class would change from Burstable to BestEffort)",
		},
		{
			"the pod has resources of its own", "resources: {limits: {cpu: 8}}, ", "{requests: {cpu: 1}}", "{requests: {cpu: 2}}",
			blocked + " (the pod has resources of its own)",
		},
		{
			"a pod of Windows", "os: {name: windows}, ", "{requests: {cpu: 1}}", "{requests: {cpu: 2}}",
			blocked + " (a pod of Windows cannot be resized)",
		},
	} {
		template := func(resources string) map[string]any {
			return decodeYAML(t, "{spec: {"+c.spec+"containers: [{name: app, image: v1, resources: "+resources+"}]}}")
		}
		got := manifest.CompareTemplates(template(c.old), template(c.new))
		if blocker := strings.Join(got.Blockers, ", "); blocker != c.blocker || got.InPlace != (blocker == "") || got.Restarts {
			t.Errorf("%s: %+v, want %q", c.reason, got, c.blocker)
		}
	}
}

func decodeYAML(t *testing.T, text string) map[string]any {
	t.Helper()
	var out map[string]any
	if err := yaml.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestResizeWhereTheClusterCannot recreates, or refuses where that is not allowed.
func TestResizeWhereTheClusterCannot(t *testing.T) {
	for _, c := range []struct {
		of      plan.UpdateType
		resizes bool
		want    string
	}{
		{plan.InPlaceIfPossible, true, "hold 1 pod (old, for a resize)"},
		{plan.InPlaceIfPossible, false, "delete 1 pod (old)"},
		{plan.ReCreate, true, "delete 1 pod (old)"},
		{plan.InPlaceOnly, true, "hold 1 pod (old, for a resize)"},
		{plan.InPlaceOnly, false, "spec.containers[0].resources (the cluster has no pods/resize, as Kubernetes has it from 1.33 on) " +
			"can only change in a new pod"},
	} {
		o := look(plan.WorkloadSpec{Replicas: 2, MaxUnavailable: plan.Pods(1), UpdateType: c.of}, oldUp, oldUp)
		o.Revisions, o.Resizes = resizeTemplates(), c.resizes
		if d := Decide(plan.BatchPlan{}, o); !strings.Contains(d.Writes()+d.Message, c.want) {
			t.Errorf("%s, %v: %s: %s, want %s", c.of, c.resizes, d.Message, d.Writes(), c.want)
		}
	}
}

func TestInPlaceOnlyRefusesBeforeTheFirstWrite(t *testing.T) {
	o := look(plan.WorkloadSpec{Replicas: 2, MaxUnavailable: plan.Pods(1), UpdateType: plan.InPlaceOnly}, oldUp, oldUp)
	o.Progress = Progress{}
	o.Revisions[1].Template = map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"name": "app", "image": "a", "tty": true}},
	}}
	d := Decide(plan.BatchPlan{}, o)
	if d.Verdict != Stopped || d.Reason != plan.Invalid || len(d.Actions) > 0 ||
		!strings.Contains(d.Message, "spec.containers[0].tty") {
		t.Errorf("%s %s %s %v", d.Verdict, d.Reason, d.Message, d.Actions)
	}
}
