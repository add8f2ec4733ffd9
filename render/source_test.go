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
			reason: "a list is none", files: map[string]string{"a.yaml": plain + "---\n\n- a\n"},
			told: []string{"a.yaml:7: not-an-object"},
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
			reason: "it is told with its line",
			files:  map[string]string{"a.yaml": plain, "set.yaml": set + "spec: {}\n"}, paths: []string{"a.yaml"},
			req: render.Request{SetPaths: []string{"set.yaml"}}, told: []string{"set.yaml:7: malformed-yaml"},
		},
		"the last set is gone": {
			reason: "its sidecars go with it",
			files:  map[string]string{"a.yaml": webInjected, "sets/.keep": ""}, paths: []string{"a.yaml"},
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

// TestFoldersWithLinks: what links lead to is read once, under its own name where the folder has it.
func TestFoldersWithLinks(t *testing.T) {
	const both, far = plain + "---\n" + other, "../far/c.yaml"
	link := func(t *testing.T, to, path string) {
		t.Helper()
		symlink(t, filepath.FromSlash(to), filepath.FromSlash(path))
	}
	for name, c := range map[string]struct {
		reason string
		links  [][2]string // to, path
		want   string
		err    string
	}{
		"to a file of the folder":   {"it is read under its own name", [][2]string{{"a.yaml", "in/z.yaml"}}, both, ""},
		"to a folder of the folder": {"so is what it holds", [][2]string{{"below", "in/a"}}, both, ""},
		"to a file elsewhere":       {"it is read where the link is", [][2]string{{far, "in/0.yaml"}}, "{}\n---\n" + both, ""},
		"two links to one file": {
			"it is read once", [][2]string{{far, "in/0.yaml"}, {far, "in/z.yaml"}}, "{}\n---\n" + both, "",
		},
		"to a folder elsewhere": {"it is read there", [][2]string{{"../far", "in/z"}}, both + "---\n{}\n", ""},
		"to the folder above": {
			"there is no end to it",
			[][2]string{{"..", "in/below/up"}},
			"",
			"reading in/below/up: the folder contains itself through a symbolic link (remove the link, or name the files)",
		},
		"to nothing": {
			"a manifest is missing", [][2]string{{"nothing.yaml", "in/z.yaml"}}, "", "reading in/z.yaml: no such file or directory",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(folderOf(t, map[string]string{"in/a.yaml": plain, "in/below/b.yaml": other, "far/c.yaml": "{}\n"}))
			for _, l := range c.links {
				link(t, l[0], l[1])
			}
			var out strings.Builder
			req := request(t, nil)
			req.Paths = []string{"in"}
			if _, err := render.Run(t.Context(), req, render.NewStream(&out)); words(err) != c.err {
				t.Errorf("%s: it says %v", c.reason, err)
			}
			if diff := cmp.Diff(c.want, out.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

// TestLargeStream: what is more than the memory that a run takes goes through a file without a name, and comes out as it was.
func TestLargeStream(t *testing.T) {
	large := plain + strings.Repeat("# "+strings.Repeat("x", 1022)+"\n", 1<<10) + "---\n"
	input := strings.Repeat(large, 9) + web
	req := request(t, map[string]string{"set": set})
	req.Paths, req.Stdin = append(req.Paths, "-"), strings.NewReader(input)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	var out strings.Builder
	if outcome, err := render.Run(t.Context(), req, render.NewStream(&out)); err != nil || outcome.Injected != 1 {
		t.Fatalf("%v, %v", err, outcome)
	}
	if want := strings.TrimSuffix(input, web) + webInjected; out.String() != want {
		t.Errorf("%d bytes have become %d", len(want), out.Len())
	}
	if left := filesIn(t, temp); len(left) > 0 {
		t.Errorf("%d files stay behind", len(left))
	}
	t.Setenv("TMPDIR", filepath.Join(temp, "nothing"))
	req.Stdin = strings.NewReader(input)
	_, err := render.Run(t.Context(), req, render.NewStream(&out))
	const noRoom = "keeping large manifests in a temporary file: no such file or directory (set TMPDIR to a folder with space)"
	if words(err) != "reading stdin: "+noRoom {
		t.Errorf("without room it says %v", err)
	}
}

// TestReadObject reads a file that holds one object.
func TestReadObject(t *testing.T) {
	const mapping = "(a manifest is a mapping with apiVersion, kind and metadata)"
	for name, c := range map[string]struct{ text, source, err string }{
		"an object": {"# why\n" + plain, "a.yaml:1", ""},
		"a marker":  {"# why\n---\n" + plain, "a.yaml:1", ""},
		"nothing":   {"# why\n", "", ""},
		"two": {
			plain + "---\n" + other, "",
			"reading a.yaml: it holds more than one document (put the configuration into a file of its own)",
		},
		"a list":      {"\n- a\n", "", "reading a.yaml:2: the document is a list, not a Kubernetes object " + mapping},
		"text":        {"a\n", "", "reading a.yaml:1: the document is a single value, not a Kubernetes object " + mapping},
		"a key twice": {"a: 1\na: 2\n", "", `reading a.yaml:2: duplicate key "a", first on line 1; remove one of them`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(folderOf(t, map[string]string{"a.yaml": c.text}))
			object, source, err := render.ReadObject("a.yaml")
			if words(err) != c.err {
				t.Fatalf("it says %v", err)
			}
			if err == nil && (source.String() != c.source || (object == nil) != (c.source == "")) {
				t.Errorf("%v at %q", object, source)
			}
		})
	}
}

// TestLint checks what a run would read.
func TestLint(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		told  []string
	}{
		"a set":  {map[string]string{"a.yaml": set}, nil},
		"no set": {map[string]string{"a.yaml": plain}, []string{": no-sidecarset"}},
		"a set with a mistake": {
			map[string]string{"a.yaml": plain + "---\n" + strings.Replace(set, "spec:", "spec:\n  updateStategy: {}", 1)},
			[]string{"a.yaml:10: unknown-field"},
		},
		"a plan": {map[string]string{"a.yaml": batchPlan, "b.yaml": target}, nil},
		"a plan with a mistake": {
			map[string]string{"a.yaml": batchPlan + "  batchs: []\n", "b.yaml": target}, []string{"a.yaml:7: bad-plan"},
		},
		"text": {map[string]string{"a.yaml": "a: [\n"}, []string{"a.yaml:1: malformed-yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(folderOf(t, c.files))
			req := request(t, nil)
			req.Paths = []string{"."}
			outcome, err := render.Lint(t.Context(), req, inject.Policies{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.told, told(outcome)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
