// SPDX-License-Identifier: Apache-2.0

package inject_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
)

// annotated is a Deployment with annotations on itself and on its template.
func annotated(object, template string) string {
	return "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, annotations: {" + object + "}}\nspec:\n  template:\n" +
		"    metadata: {labels: {app: web}, annotations: {" + template + "}}\n    spec: {containers: [{name: app}]}\n"
}

func TestOverrideAnnotations(t *testing.T) {
	sets := setText("s", `containers:
- name: c
  image: c:v1
  args: [a, b]
  env: [{name: A, value: a}, {name: B, value: b}]
  ports: [{containerPort: 80, name: http}]
  resources: {limits: {cpu: 1, memory: 1Gi}}
  mystery: {of: the future}
initContainers: [{name: i, image: i:v1}]`)
	const c = "{name: c, image: c:v1, args: [a, b], env: [{name: A, value: a}, {name: B, value: b}, {name: IS_INJECTED, value: " +
		"'true'}], ports: [{containerPort: 80, name: http}], resources: {limits: {cpu: 1, memory: 1Gi}}, mystery: {of: the future}}"
	for _, e := range []struct {
		name, object, template, want string
		findings                     []string
	}{
		{"no annotation", "", "", c, nil},
		{"a scalar", `slipway.dev/override.c: '{"image":"c:v2"}'`, "", strings.Replace(c, "c:v1", "c:v2", 1), nil},
		{
			"the template's annotation prevails", `slipway.dev/override.c: '{"image":"c:v2"}'`,
			`slipway.dev/override.c: '{"image":"c:v3"}'`, strings.Replace(c, "c:v1", "c:v3", 1), nil,
		},
		{
			"env by name", "", `slipway.dev/override.c: '{"env":[{"name":"B","value":"x"},{"name":"N","value":"n"}]}'`,
			"{name: c, image: c:v1, args: [a, b], env: [{name: A, value: a}, {name: B, value: x}, {name: N, value: n}, {name: " +
				"IS_INJECTED, value: 'true'}], ports: [{containerPort: 80, name: http}], resources: {limits: {cpu: 1, memory: 1Gi}}, " +
				"mystery: {of: the future}}", nil,
		},
		{
			"env deleted", "", `slipway.dev/override.c: '{"env":[{"name":"A","$patch":"delete"}]}'`,
			strings.Replace(c, "{name: A, value: a}, ", "", 1), nil,
		},
		{
			"ports by number", "", `slipway.dev/override.c: '{"ports":[{"containerPort":80,"name":"web"}]}'`,
			strings.Replace(c, "name: http", "name: web", 1), nil,
		},
		{
			"lists without a key are replaced", "", `slipway.dev/override.c: '{"args":["x"]}'`, strings.Replace(c, "[a, b]", "[x]", 1),
			nil,
		},
		{
			"null deletes", "", `slipway.dev/override.c: '{"resources":{"limits":{"cpu":null}},"args":null}'`,
			strings.Replace(strings.Replace(c, "args: [a, b], ", "", 1), "cpu: 1, ", "", 1), nil,
		},
		{
			"not JSON", "", `slipway.dev/override.c: 'image: x'`, "",
			[]string{"error bad-override spec.template.metadata.annotations[slipway.dev/override.c]"},
		},
		{
			"another name", "", `slipway.dev/override.c: '{"name":"d"}'`, "",
			[]string{"error bad-override spec.template.metadata.annotations[slipway.dev/override.c]"},
		},
		{
			"no such container", "", `slipway.dev/override.cc: '{"image":"x"}'`, c,
			[]string{"warning unused-annotation spec.template.metadata.annotations[slipway.dev/override.cc]"},
		},
		{
			"skip a container", "slipway.dev/skip: 'i, nothing'", "", c,
			[]string{"warning unused-annotation metadata.annotations[slipway.dev/skip]"},
		},
		{"skip a set", "slipway.dev/skip: s", "", "", nil},
		{"opt out on the object", `slipway.dev/inject: "false"`, "", "", nil},
		{"opt out on the template", "", `slipway.dev/inject: "false"`, "", nil},
		{"the template opts in again", `slipway.dev/inject: "false"`, `slipway.dev/inject: "true"`, c, nil},
		{
			"neither true nor false", "", `slipway.dev/inject: "no"`, "",
			[]string{"error bad-annotation spec.template.metadata.annotations[slipway.dev/inject]"},
		},
	} {
		t.Run(e.name, func(t *testing.T) {
			w := readWorld(t, inject.Options{}, sets+annotated(e.object, e.template))
			result := w.run(w.objects[0])
			if diff := cmp.Diff(e.findings, say(result.Findings)); diff != "" {
				t.Errorf("findings, -want +got\n%s", diff)
			}
			spec := valueAt(treeOf(t, result.Object), "spec", "template", "spec")
			want := "[{name: app}]"
			if e.want != "" {
				want = "[{name: app}, " + e.want + "]"
			}
			if diff := cmp.Diff(treeOf(t, mustParse(t, want)), valueAt(spec, "containers")); diff != "" {
				t.Errorf("containers, -want +got\n%s", diff)
			}
			if strings.Contains(e.object, "skip: 'i") && valueAt(spec, "initContainers") != nil {
				t.Error("the init container was not skipped")
			}
			checkRoundTrip(t, w, w.objects[0], result)
		})
	}
}

func TestProvenance(t *testing.T) {
	sets := setText("s", "containers: [{name: c, volumeMounts: [{name: v, mountPath: /v}]}, {name: app}]\ninitContainers: "+
		"[{name: i}]\nvolumes: [{name: v, emptyDir: {}}]\nimagePullSecrets: [{name: x}]\npatchPodMetadata: [{annotations: {k: v, "+
		"old: new}, patchPolicy: Overwrite}]") +
		setText("t", "containers: [{name: d}]")
	pod := "!annotations {old: was}\ninitContainers: []\ncontainers: [{name: app, image: mine}]"
	w := readWorld(t, inject.Options{OnNameConflict: inject.Replace}, sets+podWith(pod))
	mark := func(w world, object *yamlNode) string {
		s, _ := valueAt(treeOf(t, w.run(object).Object), "metadata", "annotations", inject.InjectedAnnotation).(string)
		return s
	}
	want := `{"sets":{"s":{"initContainers":["i"],"containers":["c","app"],"volumes":["v"],"imagePullSecrets":["x"],"annotations":["k","old"]},"t":{"containers":["d"]}},` +
		`"was":{"annotations[old]":" was","containers[app]":" {name: app, image: mine}","initContainers":" []"}}`
	got := mark(w, w.objects[0])
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	other := readWorld(t, inject.Options{OnNameConflict: inject.Replace},
		sets+strings.Replace(podWith(pod), "name: p,", "name: other,", 1))
	if mark(other, other.objects[0]) != got {
		t.Error("a change of the annotation restarts pods, and so it depends on what is injected alone")
	}
	if strings.Contains(got, "in.yaml") {
		t.Error("a path is in the annotation")
	}
}

func TestDamagedProvenance(t *testing.T) {
	for _, mark := range []string{"text", `{"sets":[]}`, `{"other":1}`, ""} {
		w := readWorld(t, inject.Options{}, setText("s", "containers: [{name: c}]")+
			podWith("!annotations {slipway.dev/injected: '"+mark+"'}\ncontainers: [{name: app}]"))
		result := w.injector.Eject(w.objects[0], manifest.Source{})
		if result.Object != w.objects[0] || len(result.Findings) != 1 || result.Findings[0].Code != "damaged-provenance" {
			t.Errorf("%q: %v", mark, result.Findings)
		}
	}
}

// TestSetsChange states what re-injection does when the sets are no longer those of the last time.
func TestSetsChange(t *testing.T) {
	pod := podWith("!annotations {a: app}\ncontainers: [{name: app}, {name: mine, image: old}]\nvolumes: []\ninitContainers: null")
	first := setText("s", "containers: [{name: c}, {name: gone, volumeMounts: [{name: v, mountPath: /v}]}, {name: mine, image: "+
		"new}]\ninitContainers: [{name: i}]\nvolumes: [{name: v, emptyDir: {}}]\npatchPodMetadata: [{annotations: {a: set}, "+
		"patchPolicy: Overwrite}]")
	for _, c := range []struct{ name, second string }{
		{"a sidecar, a volume and a patch are gone", setText("s", "containers: [{name: c, image: x}]")},
		{"the set is gone", ""},
		{"other sets", setText("t", "containers: [{name: d}]\ninitContainers: [{name: j}]")},
	} {
		t.Run(c.name, func(t *testing.T) {
			opts := inject.Options{Compatibility: inject.Kruise}
			before := readWorld(t, opts, first+pod)
			after := readWorld(t, opts, c.second+pod)
			injected := before.run(before.objects[0])
			want := after.run(after.objects[0])
			got := after.run(injected.Object)
			if diff := cmp.Diff(treeOf(t, want.Object), treeOf(t, got.Object)); diff != "" {
				t.Errorf("what is injected over an earlier injection is what is injected into the original:\n%s", diff)
			}
		})
	}
}

func TestAnchors(t *testing.T) {
	sets := setText("s", "containers: [{name: c}]")
	const head = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n"
	for _, c := range []struct{ name, text, finding string }{
		{"an alias for the template", head + "x: &t\n  metadata: {labels: {app: web}}\n  spec: {containers: [{name: app}]}\nspec: " +
			"{template: *t}", "error behind-alias spec.template:8"},
		{"an alias for the containers", head + "x: &c [{name: app}]\nspec: {template: {metadata: {labels: {app: web}}, spec: " +
			"{containers: *c}}}", "error behind-alias spec.template.spec.containers:6"},
		{"an anchor that is repeated", head + "spec:\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers: " +
			"&c\n      - {name: app}\nx: *c", "error behind-anchor spec.template:9"},
		{"an alias for the spec", head + "x: &s {containers: [{name: app}]}\nspec: {template: {metadata: {labels: {app: web}}, " +
			"spec: *s}}", "error behind-alias spec.template.spec:6"},
		{"an alias for annotations", head + "x: &a {k: v}\nspec: {template: {metadata: {labels: {app: web}, annotations: *a}, spec: " +
			"{containers: [{name: app}]}}}", "error behind-alias spec.template.metadata.annotations:6"},
		{"an alias where no set matches", head + "x: &t\n  metadata: {labels: {app: other}}\n  spec: {containers: [{name: " +
			"app}]}\nspec: {template: *t}", "-"},
		{"an alias for an item", "---\napiVersion: v1\nkind: List\nx: &d {apiVersion: apps/v1, kind: Deployment, metadata: {name: " +
			"d}, spec: {template: " + podTemplateText + "}}\nitems: [*d]", "error behind-alias spec.template:5"},
		{
			"a template by merge key", head + "x: &s {template: " + podTemplateText + "}\nspec: {<<: *s}",
			"error behind-alias spec.template:5",
		},
		{"a merge key", head + "x: &s {containers: [{name: app}]}\nspec: {template: {metadata: {labels: {app: web}}, spec: {<<: *s, " +
			"restartPolicy: Always}}}", "error behind-merge-key spec.template.spec.containers:5"},
		{"an anchor that no one repeats", head + "spec: {template: &t {metadata: {labels: {app: web}}, spec: {containers: [{name: " +
			"app}]}}}", ""},
		{"labels by merge key", head + "x: &l {app: web}\nspec: {template: {metadata: {labels: {<<: *l}}, spec: {containers: " +
			"[{name: app}]}}}", ""},
		{"an alias inside a container", head + "x: &i image\nspec: {template: {metadata: {labels: {app: web}}, spec: {containers: " +
			"[{name: app, image: *i}]}}}", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := readWorld(t, inject.Options{}, c.text+"\n"+sets)
			result := w.run(w.objects[0])
			got := ""
			for _, f := range result.Findings {
				field := f.Field
				if field == "" {
					field = "spec.template"
				}
				got += string(f.Severity) + " " + f.Code + " " + field + lineOf(f)
				if f.Hint == "" {
					t.Error("says not what to do")
				}
			}
			if got != strings.TrimPrefix(c.finding, "-") {
				t.Errorf("%q, want %q: %v", got, c.finding, result.Findings)
			}
			if result.Changed(w.objects[0]) != (c.finding == "") {
				t.Error("edited in spite of an error, or not edited")
			}
			checkRoundTrip(t, w, w.objects[0], result)
		})
	}
}

// TestWrongTypes has what a set could match, as far as words go: else an object is nobody's business.
func TestWrongTypes(t *testing.T) {
	const head = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, labels: {app: web}}\nspec:\n  template:\n"
	const meta = "    metadata: {labels: {app: web}}\n"
	for _, c := range []struct{ name, text, want string }{
		{
			"template", "---\napiVersion: apps/v1\nkind: Deployment\nspec: {app: web,\n  template: []}",
			"spec.template:5 is a list, must be a pod template",
		},
		{"metadata", head + "    metadata: text", `spec.template.metadata:7 is the string "text", must be a mapping`},
		{"labels", head + "    metadata:\n      labels: [a]", "spec.template.metadata.labels:8 is a list, must be a mapping"},
		{
			"annotations", head + "    metadata: {labels: {app: web}, annotations: 1}",
			"spec.template.metadata.annotations:7 is the int 1, must be a mapping",
		},
		{"spec", head + meta + "    spec: true", "spec.template.spec:8 is the bool true, must be a mapping"},
		{
			"containers", head + meta + "    spec:\n      containers: {name: app}",
			"spec.template.spec.containers:9 is a mapping, must be a list",
		},
		{
			"init containers", head + meta + "    spec:\n      initContainers: x",
			`spec.template.spec.initContainers:9 is the string "x", must be a list`,
		},
		{
			"a container", head + meta + "    spec:\n      containers:\n      - app",
			`spec.template.spec.containers[0]:10 is the string "app", must be a mapping`,
		},
		{
			"an empty element", head + meta + "    spec:\n      containers:\n      - name: app\n      -",
			"spec.template.spec.containers[1]:11 is null, must be a mapping",
		},
		{
			"volumes", head + meta + "    spec:\n      volumes: {}\n      containers: [{name: app}]",
			"spec.template.spec.volumes:9 is a mapping, must be a list",
		},
		{
			"pull secrets", head + meta + "    spec:\n      imagePullSecrets: [a]\n      containers: [{name: app}]",
			`spec.template.spec.imagePullSecrets[0]:9 is the string "a", must be a mapping`,
		},
		{
			"a label that is no text", head + "    metadata: {labels: {app: web, x: 5}}\n    spec:\n      containers: [{name: app}]",
			"spec.template.metadata.labels[x]:7 is the int 5, must be a string",
		},
		{"items", "---\napiVersion: v1\nkind: List\nitems: {app: web}", "items:4 is a mapping, must be a list"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := readWorld(t, inject.Options{}, c.text+"\n"+setText("s",
				"containers: [{name: c, volumeMounts: [{name: v, mountPath: /v}]}]\nvolumes: [{name: v, emptyDir: {}}]\nimagePullSecrets: "+
					"[{name: x}]"))
			result := w.injector.Inject(w.objects[0], manifest.Source{File: "in.yaml", Line: 1}, inject.FlowText)
			if len(result.Findings) != 1 || result.Changed(w.objects[0]) {
				t.Fatal(result.Findings)
			}
			f := result.Findings[0]
			if got := f.Field + lineOf(f) + " " + f.Message; got != c.want || f.Severity != manifest.SeverityError {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}
