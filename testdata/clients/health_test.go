// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/ext"
	lua "github.com/yuin/gopher-lua"
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
	set := func(version, strategy, status string) string {
		return fmt.Sprintf(`{apiVersion: apps.kruise.io/%s, kind: CloneSet, metadata: {name: demo, generation: 7},
  spec: {replicas: 5, updateStrategy: {%s}}, status: {%s}}`, version, strategy, status)
	}
	counts := func(updated, available int) string {
		return fmt.Sprintf("observedGeneration: 7, replicas: 5, readyReplicas: 5, availableReplicas: 5, updatedReplicas: %d, "+
			"updatedAvailableReplicas: %d, expectedUpdatedReplicas: 0", updated, available)
	}
	daemon := `{apiVersion: apps.kruise.io/%s, kind: DaemonSet, metadata: {name: demo, generation: 7},
  spec: {updateStrategy: {rollingUpdate: {partition: %s}}},
  status: {observedGeneration: 7, desiredNumberScheduled: 3, updatedNumberScheduled: %d, numberAvailable: 3}}`
	stateful := `{apiVersion: %s, kind: StatefulSet, metadata: {name: demo, generation: 7},
  spec: {replicas: 3, updateStrategy: {rollingUpdate: {partition: 1000000}}},
  status: {observedGeneration: 7, replicas: 3, updatedReplicas: %d, updatedAvailableReplicas: %d, availableReplicas: 3}}`
	return map[string]sample{
		"resting":              {"a partition at rest holds nothing", set("v1alpha1", `partition: "100%"`, counts(5, 5)), "Healthy", "Current"},
		"resting, v1beta1":     {"the partition has moved", set("v1beta1", `rollingUpdate: {partition: "100%"}`, counts(5, 5)), "Healthy", "Current"},
		"no strategy":          {"a target of direct mode", set("v1alpha1", "", counts(5, 5)), "Healthy", "Current"},
		"armed, new template":  {"the Job has yet to step the partition", set("v1alpha1", `partition: "100%"`, counts(0, 0)), "Progressing", "InProgress"},
		"in the middle":        {"the partition waits for the next batch", set("v1alpha1", `partition: "60%"`, counts(2, 2)), "Suspended", "InProgress"},
		"in the middle, beta":  {"the partition waits for the next batch", set("v1beta1", `rollingUpdate: {partition: 3}`, counts(2, 2)), "Suspended", "InProgress"},
		"a batch":              {"pods of the batch are to come", set("v1alpha1", `partition: "60%"`, counts(1, 1)), "Progressing", "InProgress"},
		"a batch is not ready": {"pods of the batch are not available", set("v1alpha1", `partition: 3`, counts(2, 1)), "Progressing", "InProgress"},
		"last batch":           {"all are updated and one starts: not Degraded", set("v1alpha1", "partition: 0", counts(5, 4)), "Progressing", "InProgress"},
		"paused":               {"somebody has paused it", set("v1alpha1", "paused: true", counts(2, 2)), "Suspended", "InProgress"},
		"no status": {
			"direct mode, before the agent", `{apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, metadata: {name: demo, generation: 1}, spec: {replicas: 5}}`,
			"Progressing", "Unknown",
		},
		"empty status":   {"nobody has counted", set("v1alpha1", "", ""), "Progressing", "InProgress"},
		"old generation": {"the status is not of this template", set("v1alpha1", "", "observedGeneration: 6, updatedReplicas: 5, updatedAvailableReplicas: 5"), "Progressing", "InProgress"},
		"degraded": {
			"Kruise has given up", set("v1alpha1", "", counts(5, 3)+", conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded, message: too slow}]"),
			"Degraded", "Failed",
		},
		"an old failure": {"FailedUpdate stays for good", set("v1alpha1", "", counts(5, 5)+", conditions: [{type: FailedUpdate, status: 'True'}]"), "Healthy", "Current"},
		"scaled up":      {"new pods are of the released revision", set("v1alpha1", `partition: "100%"`, "observedGeneration: 7, replicas: 5, updatedReplicas: 4, updatedAvailableReplicas: 4"), "Progressing", "InProgress"},
		"DaemonSet":      {"counts by other names", fmt.Sprintf(daemon, "v1beta1", `"100%"`, 3), "Healthy", "Current"},
		"DaemonSet held": {"two of three", fmt.Sprintf(daemon, "v1alpha1", "1", 2), "Suspended", "InProgress"},
		"StatefulSet":    {"Kruise's", fmt.Sprintf(stateful, "apps.kruise.io/v1beta1", 3, 3), "Healthy", "Current"},
		"StatefulSet, 1": {"Kruise's, one to go", fmt.Sprintf(stateful, "apps.kruise.io/v1beta1", 2, 2), "Progressing", "InProgress"},
		"native":         {"Argo CD knows it by itself", fmt.Sprintf(stateful, "apps/v1", 3, 3), "", "Current"},
		"native, 1":      {"Flux by itself calls it done", fmt.Sprintf(stateful, "apps/v1", 2, 2), "", "InProgress"},
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
	for name, open := range map[string]lua.LGFunction{lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
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
	}
	return lua.LNil
}

// TestFluxHealth evaluates the printed expressions in the order and with the functions that Flux has.
func TestFluxHealth(t *testing.T) {
	checks := snippets(t, "flux")[0]["spec"].(map[string]any)["healthCheckExprs"].([]any)
	for name, s := range samples() {
		t.Run(name, func(t *testing.T) {
			var object map[string]any
			if err := yaml.Unmarshal([]byte(s.object), &object); err != nil {
				t.Fatal(err)
			}
			for _, c := range checks {
				check := c.(map[string]any)
				if check["apiVersion"] != object["apiVersion"] || check["kind"] != object["kind"] {
					continue
				}
				if got := fluxStatus(t, check, object); got != s.flux {
					t.Errorf("%s: %s, want %s", s.reason, got, s.flux)
				}
				return
			}
			t.Errorf("no expression for %s %s", object["apiVersion"], object["kind"])
		})
	}
}

func fluxStatus(t *testing.T, check, object map[string]any) string {
	t.Helper()
	env, err := cel.NewEnv(cel.HomogeneousAggregateLiterals(), cel.EagerlyValidateDeclarations(true), cel.DefaultUTCTimeZone(true),
		cel.CrossTypeNumericComparisons(true), cel.OptionalTypes(), ext.Strings(), ext.Sets(), ext.Encoders())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []struct{ field, status string }{{"inProgress", "InProgress"}, {"failed", "Failed"}, {"current", "Current"}} {
		ast, issues := env.Parse(check[e.field].(string))
		if issues != nil {
			t.Fatalf("%s: %v", e.field, issues)
		}
		program, err := env.Program(ast)
		if err != nil {
			t.Fatal(err)
		}
		value, _, err := program.Eval(integers(t, object))
		if err != nil {
			return "Unknown"
		}
		if value.Value() == true {
			return e.status
		}
	}
	return "InProgress"
}

// integers is an object with whole numbers as Kubernetes' own decoder makes them.
func integers(t *testing.T, object map[string]any) map[string]any {
	t.Helper()
	var whole func(v any) any
	whole = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for key, value := range v {
				v[key] = whole(value)
			}
		case []any:
			for i, value := range v {
				v[i] = whole(value)
			}
		case float64:
			return int64(v)
		}
		return v
	}
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return whole(out).(map[string]any)
}
