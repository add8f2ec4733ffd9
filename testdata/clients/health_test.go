// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"fmt"
	"maps"
	"os/exec"
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling/engine"
	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// A workload in the states that a release takes it through, and what a tool should make of each.
type sample struct {
	reason string
	object string
	argo   string
	flux   string // Unknown where an expression cannot be evaluated: Flux looks again
}

func samples() map[string]sample {
	all := releasedSamples()
	maps.Copy(all, otherSamples())
	return all
}

// A workload that slipway releases: its manifest carries the release.
func releasedSamples() map[string]sample {
	meta := "metadata: {name: demo, generation: 7, annotations: {slipway.dev/release: 0123abcd}}"
	set := func(version, strategy, status string) string {
		return fmt.Sprintf(`{apiVersion: apps.kruise.io/%s, kind: CloneSet, %s,
  spec: {replicas: 5, updateStrategy: {%s}}, status: {%s}}`, version, meta, strategy, status)
	}
	counts := func(updated, available int) string {
		return fmt.Sprintf("observedGeneration: 7, replicas: 5, readyReplicas: 5, availableReplicas: 5, updatedReplicas: %d, "+
			"updatedAvailableReplicas: %d, expectedUpdatedReplicas: 0", updated, available)
	}
	daemon := `{apiVersion: apps.kruise.io/%s, kind: DaemonSet, ` + meta + `,
  spec: {updateStrategy: {rollingUpdate: {partition: %s}}},
  status: {observedGeneration: 7, desiredNumberScheduled: 3, updatedNumberScheduled: %d, numberAvailable: 3}}`
	stateful := `{apiVersion: %s, kind: StatefulSet, ` + meta + `,
  spec: {replicas: 3, updateStrategy: {rollingUpdate: {partition: 1000000}}},
  status: {observedGeneration: 7, replicas: 3, updatedReplicas: %d, updatedAvailableReplicas: %d, availableReplicas: 3}}`
	return map[string]sample{
		"resting": {
			"a partition at rest holds nothing", set("v1alpha1", `partition: "100%"`, counts(5, 5)), "Healthy",
			"Current",
		},
		"resting, v1beta1": {
			"the partition has moved", set("v1beta1", `rollingUpdate: {partition: "100%"}`, counts(5, 5)),
			"Healthy", "Current",
		},
		"no strategy": {"a target of direct mode", set("v1alpha1", "", counts(5, 5)), "Healthy", "Current"},
		"armed, new template": {
			"the Job has yet to step the partition", set("v1alpha1", `partition: "100%"`, counts(0, 0)),
			"Progressing", "InProgress",
		},
		"in the middle": {
			"the partition waits for the next batch", set("v1alpha1", `partition: "60%"`, counts(2, 2)),
			"Suspended", "InProgress",
		},
		"in the middle, beta": {
			"the partition waits for the next batch",
			set("v1beta1", `rollingUpdate: {partition: 3}`, counts(2, 2)), "Suspended", "InProgress",
		},
		"a batch": {
			"pods of the batch are to come", set("v1alpha1", `partition: "60%"`, counts(1, 1)), "Progressing",
			"InProgress",
		},
		"a batch is not ready": {
			"pods of the batch are not available", set("v1alpha1", `partition: 3`, counts(2, 1)), "Progressing",
			"InProgress",
		},
		"last batch": {
			"all are updated and one starts: not Degraded", set("v1alpha1", "partition: 0", counts(5, 4)), "Progressing",
			"InProgress",
		},
		"paused": {"somebody has paused it", set("v1alpha1", "paused: true", counts(2, 2)), "Suspended", "InProgress"},
		"no status": {
			"direct mode, before the agent", `{apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, ` + meta + `, spec: {replicas: 5}}`,
			"Progressing", "Unknown",
		},
		"empty status": {"nobody has counted", set("v1alpha1", "", ""), "Progressing", "InProgress"},
		"old generation": {
			"the status is not of this template",
			set("v1alpha1", "", "observedGeneration: 6, updatedReplicas: 5, updatedAvailableReplicas: 5"), "Progressing", "InProgress",
		},
		"degraded": {
			"Kruise has given up", set("v1alpha1", "", counts(5, 3)+
				", conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded, message: too slow}]"),
			"Degraded", "Failed",
		},
		"an old failure": {"FailedUpdate stays for good", set("v1alpha1", "",
			counts(5, 5)+", conditions: [{type: FailedUpdate, status: 'True'}]"), "Healthy", "Current"},
		"scaled up": {
			"new pods are of the released revision",
			set("v1alpha1", `partition: "100%"`, "observedGeneration: 7, replicas: 5, updatedReplicas: 4, updatedAvailableReplicas: 4"),
			"Progressing", "InProgress",
		},
		"DaemonSet":      {"counts by other names", fmt.Sprintf(daemon, "v1beta1", `"100%"`, 3), "Healthy", "Current"},
		"DaemonSet held": {"two of three", fmt.Sprintf(daemon, "v1alpha1", "1", 2), "Suspended", "InProgress"},
		"StatefulSet":    {"Kruise's", fmt.Sprintf(stateful, "apps.kruise.io/v1beta1", 3, 3), "Healthy", "Current"},
		"StatefulSet, 1": {"Kruise's, one to go", fmt.Sprintf(stateful, "apps.kruise.io/v1beta1", 2, 2), "Progressing", "InProgress"},
		"native":         {"Argo CD knows it by itself", fmt.Sprintf(stateful, "apps/v1", 3, 3), "", "Current"},
		"native, 1":      {"Flux by itself calls it done", fmt.Sprintf(stateful, "apps/v1", 2, 2), "", "InProgress"},
	}
}

// A workload of the same kinds in the same Kustomization, with which slipway has nothing to do. Controllers leave out what is 0.
func otherSamples() map[string]sample {
	object := func(kind, spec, status string) string {
		return fmt.Sprintf("{apiVersion: %s, metadata: {name: demo, generation: 2}, spec: {%s}, status: {observedGeneration: 2, %s}}",
			kind, spec, status)
	}
	const (
		clone  = "apps.kruise.io/v1alpha1, kind: CloneSet"
		native = "apps/v1, kind: StatefulSet"
		daemon = "apps.kruise.io/v1beta1, kind: DaemonSet"
		three  = "replicas: 3, readyReplicas: 3, availableReplicas: 3, currentReplicas: 1, currentRevision: x, updateRevision: y"
		nodes  = "desiredNumberScheduled: 3, numberAvailable: 3"
	)
	return map[string]sample{
		"CloneSet 0": {
			"no pods are wanted, and there are none",
			object(clone, "replicas: 0", "replicas: 0, readyReplicas: 0, availableReplicas: 0, updatedReplicas: 0, updateRevision: x"),
			"Healthy", "Current",
		},
		"CloneSet 0, bare": {"the same, left out", object(clone, "replicas: 0", "replicas: 0"), "Healthy", "Current"},
		"CloneSet 0, no status": {
			"nobody has to count no pods",
			"{apiVersion: " + clone + ", metadata: {name: demo, generation: 1}, spec: {replicas: 0}}", "Progressing", "Current",
		},
		"CloneSet 1": {
			"replicas are 1 where nobody says how many",
			object(clone, "", "updatedReplicas: 1, updatedAvailableReplicas: 1"), "Healthy", "Current",
		},
		"CloneSet by hand": {
			"somebody wants two old pods to stay", object(clone, "replicas: 5, updateStrategy: {partition: 40%}",
				"updatedReplicas: 3, updatedAvailableReplicas: 3, availableReplicas: 5"),
			"Suspended", "Current",
		},
		"CloneSet by hand, 1": {
			"the same, with a pod down", object(clone, "replicas: 5, updateStrategy: {partition: 40%}",
				"updatedReplicas: 3, updatedAvailableReplicas: 2, availableReplicas: 4"),
			"Progressing", "InProgress",
		},
		"CloneSet, paused": {"for as long as it is", object(clone, "replicas: 5, updateStrategy: {paused: true}",
			"availableReplicas: 5"), "Suspended", "Current"},
		"CloneSet updates": {"nothing holds it", object(clone, "replicas: 5, updateStrategy: {maxSurge: 1}",
			"updatedReplicas: 3, availableReplicas: 5"), "Progressing", "InProgress"},
		"native 0": {"no pods are wanted", object(native, "replicas: 0",
			"replicas: 0, availableReplicas: 0, currentRevision: x"), "", "Current"},
		"native OnDelete": {
			"nobody deletes pods for Flux", object(native, "replicas: 3, updateStrategy: {type: OnDelete}", three), "",
			"Current",
		},
		"native by hand": {"one pod is to stay", object(native, "replicas: 3, updateStrategy: {rollingUpdate: {partition: 1}}",
			three+", updatedReplicas: 2"), "", "Current"},
		"native updates": {"nothing holds it", object(native, "replicas: 3, updateStrategy: {rollingUpdate: {partition: 0}}",
			three+", updatedReplicas: 2"), "", "InProgress"},
		"DaemonSet 0": {"no node wants a pod", object(daemon, "", "desiredNumberScheduled: 0, numberReady: 0"), "Healthy", "Current"},
		"DaemonSet OnDelete": {
			"nobody deletes pods for Argo CD either", object(daemon, "updateStrategy: {type: OnDelete}", nodes), "Healthy", "Current",
		},
		"DaemonSet by hand": {"half of the nodes", object(daemon, "updateStrategy: {rollingUpdate: {partition: 50%}}",
			nodes+", updatedNumberScheduled: 1"), "Suspended", "Current"},
	}
}

// A Deployment in the states that a release takes it through, and others with which slipway has nothing to do. Flux judges these
// by itself: nothing is printed for it.
func deploymentSamples() map[string]sample {
	object := func(annotations, spec, status string) string {
		return fmt.Sprintf(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, generation: 7, annotations: {%s}},
  spec: {replicas: 5, %s}, status: {observedGeneration: 7, %s}}`, annotations, spec, status)
	}
	const (
		released = `slipway.dev/release: 0123abcd, slipway.dev/original: "{}"`
		atRest   = "slipway.dev/release: 0123abcd"
		rests    = "paused: true, progressDeadlineSeconds: 2147483647"
		held     = rests + ", minReadySeconds: 2147483646"
		opened   = "paused: false, progressDeadlineSeconds: 2147483647, minReadySeconds: 2147483646"
		whole    = "replicas: 5, updatedReplicas: 5, readyReplicas: 5, availableReplicas: 5"
		plain    = "progressDeadlineSeconds: 600"
	)
	return map[string]sample{
		"resting": {
			"paused is how it rests in Git",
			object(atRest, rests, whole+", conditions: [{type: Available, status: 'True'}]"), "Healthy", "Current",
		},
		"new template": {"the Job has yet to begin", object(atRest, rests,
			"replicas: 5, readyReplicas: 5, availableReplicas: 5"), "Progressing", "InProgress"},
		"a step": {
			"the controller makes a pod",
			object(released, opened, "replicas: 6, updatedReplicas: 1, readyReplicas: 5, availableReplicas: 5"), "Progressing",
			"InProgress",
		},
		"a batch starts": {"a pod of it is not ready", object(released, held,
			"replicas: 5, updatedReplicas: 2, readyReplicas: 4, availableReplicas: 3"), "Progressing", "InProgress"},
		"between batches": {
			"the others wait for the next one",
			object(released, held, "replicas: 5, updatedReplicas: 2, readyReplicas: 5, availableReplicas: 3"), "Suspended", "InProgress",
		},
		"before its end": {
			"the fields are not as they were",
			object(released, held, "replicas: 5, updatedReplicas: 5, readyReplicas: 5"), "Progressing", "InProgress",
		},
		"goes back": {"by its own rolling update", object(released, plain,
			"replicas: 6, updatedReplicas: 4, readyReplicas: 5, availableReplicas: 5"), "Progressing", "InProgress"},
		"resting, a pod down": {"one is not ready", object(atRest, rests,
			"replicas: 5, updatedReplicas: 5, readyReplicas: 4, availableReplicas: 4"), "Progressing", "InProgress"},
		"paused by hand": {"as Argo CD has it", object("", "paused: true, "+plain, whole), "Suspended", "InProgress"},
		"another's": {"complete", object("", plain,
			whole+", conditions: [{type: Progressing, status: 'True', reason: NewReplicaSetAvailable}, {type: Available, status: "+
				"'True'}]"), "Healthy", "Current"},
		"another's, rolling": {"new pods come", object("", plain,
			"replicas: 6, updatedReplicas: 2, readyReplicas: 5, availableReplicas: 5"), "Progressing", "InProgress"},
		"another's, old pods": {"they are to go", object("", plain,
			"replicas: 6, updatedReplicas: 5, readyReplicas: 6, availableReplicas: 6"), "Progressing", "InProgress"},
		"another's, too slow": {
			"its controller has given up",
			object("", plain, "replicas: 6, updatedReplicas: 1, readyReplicas: 5, conditions: [{type: Progressing, status: 'False', "+
				"reason: ProgressDeadlineExceeded}]"), "Degraded", "Failed",
		},
		"another's, seen late": {
			"the status is not of this template",
			strings.Replace(object("", plain, whole), "observedGeneration: 7", "observedGeneration: 6", 1), "Progressing", "InProgress",
		},
	}
}

// TestHealthOfDeployments runs the printed script, and what Flux thinks by itself of the same Deployments.
func TestHealthOfDeployments(t *testing.T) {
	script := snippets(t, "argocd")[1]["data"].(map[string]any)["resource.customizations.health.apps_Deployment"].(string)
	for name, s := range deploymentSamples() {
		t.Run(name, func(t *testing.T) {
			object := parsed(t, s.object)
			if got, message := health(t, script, object.Object); got != s.argo || message == "" {
				t.Errorf("%s: to Argo CD it is %q (%s), want %q", s.reason, got, message, s.argo)
			}
			if got, err := status.Compute(&object); err != nil || got.Status.String() != s.flux {
				t.Errorf("%s: to Flux it is %v, %v, want %s", s.reason, got, err, s.flux)
			}
		})
	}
}

// snippets is what slipway rollout gitops prints, document by document.
func snippets(t *testing.T, tool string) []map[string]any {
	t.Helper()
	got := finish(t, exec.Command("slipway", "rollout", "gitops", tool))
	if got.code != 0 {
		t.Fatalf("exit code %d\n%s", got.code, got.stderr)
	}
	var out []map[string]any
	for _, text := range strings.Split(got.stdout, "\n---\n") {
		var doc map[string]any
		if err := yaml.UnmarshalStrict([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		out = append(out, doc)
	}
	return out
}

// TestArgoCDHealth runs the printed script as Argo CD runs one of its ConfigMap: with the libraries base and table alone.
func TestArgoCDHealth(t *testing.T) {
	scripts := snippets(t, "argocd")[1]["data"].(map[string]any)
	for name, s := range samples() {
		t.Run(name, func(t *testing.T) {
			var object map[string]any
			if err := yaml.Unmarshal([]byte(s.object), &object); err != nil {
				t.Fatal(err)
			}
			script, ok := scripts["resource.customizations.health.apps.kruise.io_"+object["kind"].(string)].(string)
			if s.argo == "" {
				return
			}
			if !ok {
				t.Fatalf("no script for %s", object["kind"])
			}
			if got, message := health(t, script, object); got != s.argo || message == "" {
				t.Errorf("%s: %q (%s), want %q", s.reason, got, message, s.argo)
			}
		})
	}
}

func health(t *testing.T, script string, object map[string]any) (status, message string) {
	t.Helper()
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	for name, open := range map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase,
		lua.TabLibName: lua.OpenTable,
	} {
		if err := l.CallByParam(lua.P{Fn: l.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			t.Fatal(err)
		}
	}
	l.SetGlobal("obj", luaValue(l, object))
	if err := l.DoString(script); err != nil {
		t.Fatal(err)
	}
	result, ok := l.Get(-1).(*lua.LTable)
	if !ok {
		t.Fatalf("the script returns %s", l.Get(-1).Type())
	}
	return result.RawGetString("status").String(), result.RawGetString("message").String()
}

func luaValue(l *lua.LState, v any) lua.LValue {
	switch v := v.(type) {
	case map[string]any:
		table := l.NewTable()
		for key, value := range v {
			table.RawSetString(key, luaValue(l, value))
		}
		return table
	case []any:
		table := l.NewTable()
		for _, value := range v {
			table.Append(luaValue(l, value))
		}
		return table
	case string:
		return lua.LString(v)
	case bool:
		return lua.LBool(v)
	case float64:
		return lua.LNumber(v)
	case int64:
		return lua.LNumber(v)
	}
	return lua.LNil
}

// TestFluxHealth asks what kustomize-controller asks: the same constructor, which refuses what stalls a Kustomization, and
// the same reader.
func TestFluxHealth(t *testing.T) {
	reader := fluxReader(t)
	for name, s := range samples() {
		t.Run(name, func(t *testing.T) {
			object := parsed(t, s.object)
			got, err := reader.ReadStatusForObject(t.Context(), nil, &object)
			if err != nil {
				t.Fatal(err)
			}
			if got.Status.String() != s.flux {
				t.Errorf("%s: %s, want %s (%v)", s.reason, got.Status, s.flux, got.Error)
			}
		})
	}
}

func parsed(t *testing.T, text string) (object unstructured.Unstructured) {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := object.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return object
}

// fluxReader makes of the printed checks what the controller makes of them.
func fluxReader(t *testing.T) engine.StatusReader {
	t.Helper()
	text, err := yaml.Marshal(snippets(t, "flux")[0])
	if err != nil {
		t.Fatal(err)
	}
	var into struct {
		Spec struct {
			HealthCheckExprs []kustomize.CustomHealthCheck `json:"healthCheckExprs"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &into); err != nil {
		t.Fatal(err)
	}
	construct, err := cel.NewStatusReader(into.Spec.HealthCheckExprs)
	if err != nil {
		t.Fatalf("the controller refuses the checks: %v", err)
	}
	return construct(nil)
}
