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
		`affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: n, namespaceSelector: {}}]}}, initContainers: [{name: i, image: i1}], containers: [{name: app, image: v1, resources: {}, ` +
		`env: [{name: T, valueFrom: {fieldRef: {fieldPath: "metadata.labels['tier']"}}}]}, {name: log, image: l1}], terminationGracePeriodSeconds: 30}}`
	for _, c := range []struct{ reason, old, new, want string }{
		{"an image", "image: v1", "image: v2", "updated in place: image of app"},
		{"a sidecar's image", "image: l1", "image: l2", "updated in place: image of log"},
		{"a label", "app: x", "app: y", "updated in place without a restart: labels/app"},
		{"a label that is read as a variable", "tier: a", "tier: b", "recreated: metadata.labels/tier (container app reads it as an environment variable) can only change in a new pod"},
		{"an init container's image", "image: i1", "image: i2", "recreated: spec.initContainers can only change in a new pod"},
		{"another container", "{name: log, image: l1}", "{name: log, image: l1}, {name: z, image: z}", "recreated: spec.containers can only change in a new pod"},
		{"a renamed container", "name: log", "name: logs", "recreated: spec.containers[1].name can only change in a new pod"},
		{"resources", "resources: {}", "resources: {limits: {cpu: 1}}", "recreated: spec.containers[0].resources can only change in a new pod"},
		{"an empty field that is left out", "resources: {}, ", "", "updated in place without a restart: "},
		{"a selector of everything that is left out", "{labelSelector: {}, topologyKey: a}", "{topologyKey: a}", "recreated: spec.topologySpreadConstraints can only change in a new pod"},
		{"a selector that is empty in another spelling", "{labelSelector: {}, topologyKey: a}", "{labelSelector: {matchLabels: {}}, topologyKey: a}", "updated in place without a restart: "},
		{"namespaces that are all, and the pod's own", "topologyKey: n, namespaceSelector: {}", "topologyKey: n", "recreated: spec.affinity can only change in a new pod"},
		{"a security context that is empty", "dnsPolicy: x", "dnsPolicy: x, securityContext: {}", "updated in place without a restart: "},
		{"another kind of volume", "{name: v, emptyDir: {}}", "{name: v, downwardAPI: {}}", "recreated: spec.volumes can only change in a new pod"},
		{"a finalizer", "finalizers: [a/b]", "finalizers: [a/c]", "updated in place without a restart: finalizers/a/b, finalizers/a/c"},
		{"a name that no pod gets", "metadata: {", "metadata: {name: other, ", "updated in place without a restart: name"},
		{"a number in another spelling", "Seconds: 30", "Seconds: 30.0", "updated in place without a restart: "},
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
		if got := (plan.Workload{Spec: plan.WorkloadSpec{UpdateType: plan.InPlaceIfPossible}}).ChangeSummary(manifest.CompareTemplates(o, n)); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.reason, got, c.want)
		}
	}
}

func TestInPlaceOnlyRefusesBeforeTheFirstWrite(t *testing.T) {
	o := look(plan.WorkloadSpec{Replicas: 2, MaxUnavailable: plan.Pods(1), UpdateType: plan.InPlaceOnly}, oldUp, oldUp)
	o.Progress = Progress{}
	o.Revisions[1].Template = map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "app", "image": "a", "tty": true}}}}
	d := Decide(plan.BatchPlan{}, o)
	if d.Verdict != Stopped || d.Reason != plan.Invalid || len(d.Actions) > 0 || !strings.Contains(d.Message, "spec.containers[0].tty") {
		t.Errorf("%s %s %s %v", d.Verdict, d.Reason, d.Message, d.Actions)
	}
}
