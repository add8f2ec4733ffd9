// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/render"
)

// told are the findings of an outcome in words, as people read them.
func told(o *render.Outcome) []string {
	var words []string
	for _, f := range o.Findings {
		words = append(words, f.Source.String()+": "+f.Code)
	}
	return words
}

// TestSources reads what paths name: files, folders, kustomizations.
func TestSources(t *testing.T) {
	const deploy = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n" +
		"  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: tail, image: app:v1}]}\n"
	for name, c := range map[string]struct {
		reason string
		files  map[string]string
		paths  []string // "": the folder
		req    render.Request
		want   string
		told   []string // places and codes of findings
		err    string
	}{
		"a folder": {
			reason: "files are read by their paths, others and hidden ones are not",
			files: map[string]string{
				"b.yaml": plain, "a/z.yml": other, "a.json": "{}\n", "notes.txt": "a: [", ".hidden.yaml": "a: [", ".git/a.yaml": "a: [",
				"Kptfile": "a: [",
			},
			want: other + "---\n{}\n---\n" + plain, told: []string{": nothing-injected"},
		},
		"a kustomization": {
			reason: "it is built as kustomize build does: a Namespace comes first, and keeps its name",
			files: map[string]string{
				"kustomization.yaml": "resources: [web.yaml, space.yaml]\nnamePrefix: x-\n", "web.yaml": other,
				"space.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n",
			},
			want: "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n---\napiVersion: v1\nkind: Pod\nmetadata:\n" +
				"  labels:\n    app: other\n  name: x-other\nspec:\n  containers:\n  - image: app:v1\n    name: app\n",
			told: []string{": nothing-injected"},
		},
		"a kustomization, file by file": {
			reason: "its patches and values are no manifests",
			files: map[string]string{
				"kustomization.yaml": "resources: [web.yaml]\npatches: [{path: patch.yaml}]\n" +
					"configMapGenerator: [{name: a, files: [values.yaml, b=more.yaml]}]\n",
				"web.yaml": other, "patch.yaml": other, "values.yaml": "a: [", "more.yaml": "a: [",
			},
			req: render.Request{AsFiles: true}, want: "resources: [web.yaml]\npatches: [{path: patch.yaml}]\n" +
				"configMapGenerator: [{name: a, files: [values.yaml, b=more.yaml]}]\n---\n" + other,
			told: []string{": nothing-injected"},
		},
		"a mistake in a base": {
			reason: "it is told where the object was written",
			files: map[string]string{
				"kustomization.yaml": "resources: [base]\nnamePrefix: x-\n", "base/kustomization.yaml": "resources: [web.yaml]\n",
				"base/web.yaml": plain + "---\n# web\n" + deploy, "sets/set.yaml": set,
			},
			req: render.Request{SetPaths: []string{"sets"}}, told: []string{"base/web.yaml:7: name-conflict"},
		},
		"a mistake in what is generated": {
			reason: "it is told with its number among what is built",
			files: map[string]string{
				"kustomization.yaml": "resources: [pod.yaml]\npatches:\n- target: {kind: Pod}\n" +
					"  patch: |-\n    - {op: replace, path: /metadata/name, value: web}\n",
				"pod.yaml": strings.NewReplacer("name: web", "name: nobody", "name: app", "name: tail").Replace(web), "sets/set.yaml": set,
			},
			req: render.Request{SetPaths: []string{"sets"}}, told: []string{". (document 1): name-conflict"},
		},
		"a base outside the repository": {
			reason: "the Argo CD plugin reads no file of others",
			files: map[string]string{
				"in/kustomization.yaml": "resources: [../out]\n", "out/kustomization.yaml": "resources: [web.yaml]\n", "out/web.yaml": web,
			},
			paths: []string{"in"}, req: render.Request{Within: "in"}, err: "/out is outside the repository",
		},
		"a chart": {
			reason: "its templates are no manifests",
			files:  map[string]string{"Chart.yaml": "name: web\n", "templates/web.yaml": web},
			err:    "this is a Helm chart: render it first (helm template . | slipway render -s ...)",
		},
		"a folder without manifests": {
			reason: "a wrong path is not taken for nothing to do", files: map[string]string{"notes.txt": ""},
			err: ".: no .yaml, .yml or .json file there",
		},
		"a path that is not there": {
			reason: "the system's words are enough", files: map[string]string{"a.yaml": plain}, paths: []string{"b.yaml"},
			err: "reading b.yaml: no such file or directory",
		},
		"an error in a later document": {
			reason: "lines count from the start of the file", files: map[string]string{"a.yaml": plain + "---\na: 1\na: 2\n"},
			told: []string{"a.yaml:7: malformed-yaml"},
		},
		"no object": {
			reason: "a list is none", files: map[string]string{"a.yaml": plain + "---\n\n- a\n"}, told: []string{"a.yaml:7: not-an-object"},
		},
		"a chart's file": {
			reason: "the template is told from broken YAML", files: map[string]string{"a.yaml": "a: 1\nb: {{ .Values.b }}\n"},
			told: []string{"a.yaml:2: unrendered-template"},
		},
		"a separator without a line break": {
			reason: "no tool sees the second document", files: map[string]string{"a.yaml": plain + "---apiVersion: v1\nkind: Pod\n"},
			told: []string{"a.yaml:5: glued-separator"},
		},
		"a byte order mark inside": {
			reason: "it would be a part of the key", files: map[string]string{"a.yaml": plain + "---\n\ufeff" + other},
			told: []string{"a.yaml:6: byte-order-mark"},
		},
		"a set that is none": {
			reason: "-s names sets", files: map[string]string{"a.yaml": plain, "set.yaml": other}, paths: []string{"a.yaml"},
			req: render.Request{SetPaths: []string{"set.yaml"}}, told: []string{"set.yaml: no-sidecarset"},
		},
		"a set that cannot be read": {
			reason: "it is told with its line", files: map[string]string{"a.yaml": plain, "set.yaml": set + "spec: {}\n"}, paths: []string{"a.yaml"},
			req: render.Request{SetPaths: []string{"set.yaml"}}, told: []string{"set.yaml:7: malformed-yaml"},
		},
		"the last set is gone": {
			reason: "its sidecars go with it", files: map[string]string{"a.yaml": webInjected, "sets/.keep": ""}, paths: []string{"a.yaml"},
			req: render.Request{SetPaths: []string{"sets"}}, want: web, told: []string{": nothing-injected"},
		},
		"the sets are forgotten": {
			reason: "no sidecar is taken out in silence", files: map[string]string{"a.yaml": webInjected},
			told: []string{"a.yaml:6: sets-forgotten"},
		},
		"no set is known to a check": {
			reason: "it would only seem to have checked something", files: map[string]string{"a.yaml": plain},
			req: render.Request{NeedsSets: true}, told: []string{": no-sidecarset"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(folderOf(t, c.files))
			req := c.req
			req.Options, req.Paths = inject.DefaultOptions(), c.paths
			if req.Paths == nil {
				req.Paths = []string{"."}
			}
			if req.Within != "" {
				req.Within = real(t, req.Within)
			}
			var out strings.Builder
			outcome, err := render.Run(t.Context(), req, render.NewStream(&out))
			if c.err != "" {
				if err == nil || !strings.HasSuffix(err.Error(), c.err) {
					t.Errorf("%s: it says %v", c.reason, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.told, told(outcome)); diff != "" {
				t.Errorf("%s: told (-want +got):\n%s", c.reason, diff)
			}
			if diff := cmp.Diff(c.want, out.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

// real is a path without links.
func real(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	if abs, err = filepath.EvalSymlinks(abs); err != nil {
		t.Fatal(err)
	}
	return abs
}
