// SPDX-License-Identifier: Apache-2.0

package fn_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn"
)

const deployment = `
- apiVersion: apps/v1
  kind: Deployment
  metadata:
    name: web
    namespace: shop
    annotations:
      config.kubernetes.io/index: '1'
      config.kubernetes.io/path: deploy/web.yaml
      internal.config.kubernetes.io/index: '1'
      internal.config.kubernetes.io/path: deploy/web.yaml
      internal.config.kubernetes.io/seqindent: compact
      internal.config.kubernetes.io/id: '7'
      config.k8s.io/id: '7'
      example.com/keep: me
  spec:
    template:
      metadata:
        labels: {app: web}
      spec:
        containers:
        - name: app # the app
          image: app:v1`

const sidecarSet = `
- apiVersion: apps.kruise.io/v1alpha1
  kind: SidecarSet
  metadata:
    name: logs
    annotations: {config.kubernetes.io/local-config: 'true'}
  spec:
    selector: {matchLabels: {app: web}}
    containers: [{name: collector, image: collector:v1}]`

// resourceList is a ResourceList of items and, where it is not "", a functionConfig.
func resourceList(items, config string) string {
	out := "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:" + items + "\n"
	if config != "" {
		out += "functionConfig:\n  " + strings.ReplaceAll(strings.Trim(config, "\n"), "\n", "\n  ") + "\n"
	}
	return out
}

func run(t testing.TB, in string) (out, messages string, err error) {
	t.Helper()
	var o, m bytes.Buffer
	err = fn.Run(strings.NewReader(in), &o, &m)
	return o.String(), m.String(), err
}

// list reads what a function wrote.
func list(t testing.TB, text string) (items, results []any) {
	t.Helper()
	var v struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string `yaml:"kind"`
		Items      []any  `yaml:"items"`
		Results    []any  `yaml:"results"`
	}
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if v.Kind != "ResourceList" || !strings.HasPrefix(v.APIVersion, "config.kubernetes.io/") {
		t.Fatalf("not a ResourceList:\n%s", text)
	}
	return v.Items, v.Results
}

func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

func TestRunInjectsAndKeepsWhatOrchestratorsNeed(t *testing.T) {
	in := resourceList(sidecarSet+deployment, "")
	out, messages, err := run(t, in)
	if err != nil || messages != "" {
		t.Fatalf("%v, %q", err, messages)
	}
	before, _ := list(t, in)
	items, results := list(t, out)
	if len(items) != 2 || len(results) != 0 {
		t.Fatalf("%d items, results %v", len(items), results)
	}
	if diff := cmp.Diff(before[0], items[0]); diff != "" {
		t.Errorf("the SidecarSet changed:\n%s", diff)
	}
	if diff := cmp.Diff(at(before[1], "metadata"), at(items[1], "metadata")); diff != "" {
		t.Errorf("annotations of orchestrators must stay:\n%s", diff)
	}
	if got := at(items[1], "spec", "template", "spec", "containers", 1, "name"); got != "collector" {
		t.Errorf("container 1 is %v", got)
	}
	if !strings.Contains(out, "# the app") {
		t.Error("a comment was lost")
	}
}

func TestRunTwiceIsOnce(t *testing.T) {
	once, _, err := run(t, resourceList(sidecarSet+deployment, ""))
	if err != nil {
		t.Fatal(err)
	}
	twice, _, err := run(t, once)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(once, twice); diff != "" {
		t.Error(diff)
	}
}

func TestRunRestoresWhatItReplacedWhenTheSetGoes(t *testing.T) {
	app := strings.Replace(deployment, "        containers:",
		"        volumes: []\n        initContainers: null\n        containers:\n        - {name: collector, image: &i mine, "+
			"args: [*i]}", 1)
	config := "apiVersion: slipway.dev/v1alpha1\nkind: SidecarInjector\nspec: {compatibility: Kruise}"
	in := resourceList(sidecarSet+app, config)
	out, _, err := run(t, in)
	if err != nil {
		t.Fatal(err)
	}
	out = strings.Replace(out, "matchLabels: {app: web}", "matchLabels: {app: none}", 1)
	back, _, err := run(t, out)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := list(t, in)
	got, _ := list(t, back)
	if diff := cmp.Diff(want[1], got[1]); diff != "" {
		t.Errorf("-before +after\n%s", diff)
	}
}

// TestRunFailures states what a person sees of each mistake, and that every item then comes back as it came.
func TestRunFailures(t *testing.T) {
	bad := strings.Replace(sidecarSet, "containers: [{", "containerz: [{}]\n    containers: [{", 1)
	type result = map[string]any
	for _, c := range []struct {
		name, reason, in string
		results          []result
		messages         string
	}{
		{
			name: "unknown field of a set", reason: "the result names object, field and the word that was meant",
			in: resourceList(strings.Replace(bad, "annotations: {config.kubernetes.io/local-config: 'true'}",
				"annotations:\n      internal.config.kubernetes.io/path: sets/logs.yaml\n      internal.config.kubernetes.io/index: '2'\n "+
					"     config.kubernetes.io/path: sets/logs.yaml\n      config.kubernetes.io/index: '2'", 1)+deployment, ""),
			results: []result{{
				"message": `unknown field "containerz" (did you mean "containers"?)`, "severity": "error",
				"tags":        result{"code": "unknown-field"},
				"resourceRef": result{"apiVersion": "apps.kruise.io/v1alpha1", "kind": "SidecarSet", "name": "logs"},
				"field":       result{"path": "spec.containerz"},
				"file":        result{"path": "sets/logs.yaml", "index": 2},
			}},
			messages: `error: sets/logs.yaml (document 3): SidecarSet/logs: spec.containerz: unknown field`,
		},
		{
			name: "name conflict", reason: "the file is the one that the orchestrator names",
			in: resourceList(strings.ReplaceAll(sidecarSet, "name: collector", "name: app")+deployment, ""),
			results: []result{{
				"message": "SidecarSet logs injects a container of the same name, app (rename one of the two, or set onNameConflict " +
					"to Replace (as the webhook does) or Keep)",
				"severity":    "error",
				"tags":        result{"code": "name-conflict"},
				"resourceRef": result{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "namespace": "shop"},
				"field":       result{"path": "spec.template.spec.containers[0]"},
				"file":        result{"path": "deploy/web.yaml", "index": 1},
			}},
			messages: "error: deploy/web.yaml (document 2): Deployment/shop/web: spec.template.spec.containers[0]: ",
		},
		{
			name: "unknown field of the configuration", reason: "a mistake in it has no file, and never an item's",
			in: resourceList(deployment, "apiVersion: slipway.dev/v1alpha1\nkind: SidecarInjector\nmetadata: {name: x}\nspec: "+
				"{onUndecidd: Skip}"),
			results: []result{{
				"message": `unknown field "onUndecidd" (did you mean "onUndecided"?)`, "severity": "error",
				"tags":        result{"code": "unknown-field"},
				"resourceRef": result{"apiVersion": "slipway.dev/v1alpha1", "kind": "SidecarInjector", "name": "x"},
				"field":       result{"path": "spec.onUndecidd"},
			}},
			messages: "error: functionConfig: SidecarInjector/x: spec.onUndecidd: ",
		},
		{
			name: "a key twice", reason: "the first is not taken in silence",
			in: resourceList(sidecarSet+strings.Replace(deployment, "      spec:", "      spec: {}\n      spec:", 1), ""),
			results: []result{{
				"message": `the key "spec" stands twice in one mapping`, "severity": "error", "tags": result{"code": "duplicate-key"},
				"resourceRef": result{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "namespace": "shop"},
				"file":        result{"path": "deploy/web.yaml", "index": 1},
			}},
			messages: "error: deploy/web.yaml (document 2):",
		},
		{
			name: "self-referential alias", reason: "a tree without end is refused, not walked",
			in: resourceList(sidecarSet+"\n- &x {apiVersion: v1, kind: Pod, metadata: {name: p, labels: {app: web}}, spec: "+
				"{containers: [*x]}}", ""),
			results: []result{{
				"message":  "the YAML alias *x stands for a value that holds itself or more than 1000000 others (write the value out)",
				"severity": "error", "tags": result{"code": "alias-bomb"},
				"resourceRef": result{"apiVersion": "v1", "kind": "Pod", "name": "p"},
			}},
			messages: "error: ",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, messages, err := run(t, c.in)
			if err == nil || !strings.Contains(err.Error(), "nothing was injected") {
				t.Errorf("%s: error %v", c.reason, err)
			}
			if !strings.HasPrefix(messages, c.messages) {
				t.Errorf("%s: messages %q", c.reason, messages)
			}
			if c.name == "self-referential alias" || c.name == "a key twice" {
				return // an ordinary reader cannot read the list back
			}
			_, results := list(t, out)
			var want []any
			for _, r := range c.results {
				want = append(want, r)
			}
			if diff := cmp.Diff(want, results); diff != "" {
				t.Errorf("%s: -want +got\n%s", c.reason, diff)
			}
			before, _ := list(t, c.in)
			after, _ := list(t, out)
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("%s: items changed in spite of a failure:\n%s", c.reason, diff)
			}
		})
	}
}

func TestRunWarningsStandInBothPlaces(t *testing.T) {
	config := "apiVersion: slipway.dev/v1alpha1\nkind: SidecarInjector\nspec: {onNameConflict: Keep}"
	out, messages, err := run(t, resourceList(strings.ReplaceAll(sidecarSet, "name: collector", "name: app")+deployment, config))
	if err != nil {
		t.Fatal(err)
	}
	_, results := list(t, out)
	if len(results) != 1 || at(results[0], "severity") != "warning" {
		t.Errorf("results %v", results)
	}
	if !strings.HasPrefix(messages, "warning: deploy/web.yaml (document 2):") || strings.Count(messages, "\n") != 1 {
		t.Errorf("kustomize build shows no results, so messages must: %q", messages)
	}
}

func TestFunctionConfigForms(t *testing.T) {
	inline := "sidecarSets:\n- apiVersion: apps.kruise.io/v1beta1\n  kind: SidecarSet\n  metadata: {name: logs}\n  spec: " +
		"{selector: {matchLabels: {app: web}}, containers: [{name: collector}]}"
	indented := "  " + strings.ReplaceAll(inline, "\n", "\n  ")
	const head = "apiVersion: slipway.dev/v1alpha1\nkind: SidecarInjector\nmetadata: {name: x}\n"
	for name, config := range map[string]string{
		"fields under spec": head + "spec:\n" + indented,
		"fields at the top": head + inline,
		"a SidecarSet": "apiVersion: apps.kruise.io/v1alpha1\nkind: SidecarSet\nmetadata: {name: logs, annotations: " +
			"{config.kubernetes.io/function: 'exec: {path: x}'}}\nspec: {selector: {matchLabels: {app: web}}, containers: [{name: " +
			"collector}]}",
		"a ConfigMap": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  compatibility: Kruise\n  " +
			strings.Replace(strings.ReplaceAll(inline, "\n", "\n    "), "sidecarSets:", "sidecarSets: |", 1),
		"no apiVersion or kind": inline,
	} {
		t.Run(name, func(t *testing.T) {
			out, messages, err := run(t, resourceList(deployment, config))
			if err != nil {
				t.Fatal(err, messages)
			}
			items, _ := list(t, out)
			if len(items) != 1 {
				t.Errorf("a functionConfig is no item: %d items", len(items))
			}
			if got := at(items[0], "spec", "template", "spec", "containers", 1, "name"); got != "collector" {
				t.Errorf("container 1 is %v", got)
			}
		})
	}
}

func TestFunctionConfigMistakes(t *testing.T) {
	const head = "apiVersion: slipway.dev/v1alpha1\nkind: SidecarInjector\n"
	for _, c := range []struct{ name, config, want string }{
		{
			"another kind", "apiVersion: v1\nkind: Secret\nmetadata: {name: x}",
			"kind: v1 Secret is not a configuration of slipway (write a SidecarInjector (slipway.dev/v1alpha1), a SidecarSet or a " +
				"ConfigMap)",
		},
		{"a value that is none", head + "spec: {compatibility: Krise}", `compatibility: "Krise" is not one of Safe, Kruise`},
		{"a list for a word", head + "spec: {jobs: [Skip]}", "spec.jobs: is a list, must be a string"},
		{
			"a path that is none", head + "spec: {workloads: [{kind: X, podTemplatePaths: ['spec.a[0]']}]}",
			`workloads[0]: pod template path "spec.a[0]": "a[0]" is neither a key nor a key with [*]`,
		},
		{
			"ConfigMap with an unknown key", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {job: Skip}",
			`data.job: unknown field "job" (did you mean "jobs"?)`,
		},
		{
			"ConfigMap with bad YAML", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {jobs: '['}",
			"data.jobs: is not YAML",
		},
		{
			"ConfigMap with a key that reads otherwise", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {on: 'x'}",
			`data.on: unknown field "on"`,
		},
		{"an empty spec", head + "spec:", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, messages, err := run(t, resourceList(deployment, c.config))
			if (err != nil) != (c.want != "") || !strings.Contains(messages, c.want) {
				t.Errorf("%v, messages %q, want %q", err, messages, c.want)
			}
		})
	}
}

func TestInputThatIsNoResourceList(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"nothing", "", "stdin holds no ResourceList"},
		{"a plain stream", strings.TrimPrefix(strings.ReplaceAll(deployment, "\n  ", "\n"), "\n- "), "slipway render"},
		{"broken YAML", "kind: ResourceList\nitems: [", "running the function"},
		{"a scalar", "text", "ResourceList"},
		{"a list and another document", resourceList(deployment, "") + "---\nkind: ConfigMap\n", "is not alone"},
		{"a list and a marker", resourceList(deployment, "") + "---\n", "no --- behind it"},
		{"a list without items", "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n", "has no items"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, _, err := run(t, c.in)
			if err == nil || !strings.Contains(err.Error(), c.want) || out != "" {
				t.Errorf("error %v, want %q; output:\n%s", err, c.want, out)
			}
		})
	}
}

func TestVersionsOfResourceList(t *testing.T) {
	for _, version := range []string{"config.kubernetes.io/v1", "config.kubernetes.io/v1beta1"} {
		in := strings.Replace(resourceList(sidecarSet+deployment, ""), "config.kubernetes.io/v1", version, 1)
		out, _, err := run(t, in)
		if err != nil {
			t.Fatal(err)
		}
		if items, _ := list(t, out); at(items[1], "spec", "template", "spec", "containers", 1) == nil {
			t.Errorf("%s: not injected", version)
		}
	}
}

func TestEmptyList(t *testing.T) {
	for _, items := range []string{" []", ""} {
		out, messages, err := run(t, resourceList(items, ""))
		if err != nil || messages != "" {
			t.Errorf("items:%s: %v %q", items, err, messages)
		}
		list(t, out)
	}
}

// bigList is a ResourceList of n Deployments, a tenth of which match the SidecarSet that comes first.
func bigList(n int) string {
	var b strings.Builder
	b.WriteString(sidecarSet)
	for i := range n {
		d := strings.ReplaceAll(deployment, "name: web", fmt.Sprintf("name: web-%d", i))
		if i%10 != 0 {
			d = strings.ReplaceAll(d, "app: web", "app: other")
		}
		b.WriteString(d)
	}
	return resourceList(b.String(), "")
}

func TestLongList(t *testing.T) {
	out, _, err := run(t, bigList(1000))
	if err != nil {
		t.Fatal(err)
	}
	items, _ := list(t, out)
	injected := 0
	for i, item := range items[1:] {
		if at(item, "metadata", "name") != fmt.Sprintf("web-%d", i) {
			t.Fatalf("item %d is out of order", i)
		}
		if at(item, "spec", "template", "spec", "containers", 1) != nil {
			injected++
		}
	}
	if len(items) != 1001 || injected != 100 {
		t.Errorf("%d items, %d injected", len(items), injected)
	}
}
