// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render"
)

const (
	set = `apiVersion: apps.kruise.io/v1alpha1
kind: SidecarSet
metadata: {name: logs}
spec:
  selector: {matchLabels: {app: web}}
  containers: [{name: tail, image: tail:v1}]
`
	plain = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}   # kept\ndata: {a:   b}\n"
	web   = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  labels: {app: web}\nspec:\n  containers:\n  - name: app\n    image: app:v1\n"
	other = "apiVersion: v1\nkind: Pod\nmetadata: {name: other, labels: {app: other}}\nspec: {containers: [{name: app, image: app:v1}]}\n"
)

// request is one run over files, which are written first, in the order of their names.
func request(t *testing.T, files map[string]string) render.Request {
	t.Helper()
	dir := t.TempDir()
	req := render.Request{Options: inject.DefaultOptions()}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(dir, name)
		put(t, path, files[name])
		req.Paths = append(req.Paths, path)
	}
	return req
}

// codes are the codes of the findings that are errors.
func codes(o *render.Outcome) []string {
	var found []string
	for _, f := range o.Findings {
		if f.Severity == manifest.SeverityError {
			found = append(found, f.Code)
		}
	}
	return found
}

// TestRun leads inputs through a stream: source, transformation, sink.
func TestRun(t *testing.T) {
	for name, c := range map[string]struct {
		reason   string
		files    map[string]string
		same     string   // what the output is; "": it has tail once and begins as the input
		errors   []string // codes; nothing is written then
		injected int
	}{
		"nothing matches": {
			reason: "a document that nothing matched leaves byte for byte, and sets stay behind",
			files:  map[string]string{"a": plain + "---\n" + other, "b": set}, same: plain + "---\n" + other,
		},
		"inputs in order": {
			reason: "two inputs get the marker that keeps them apart",
			files:  map[string]string{"a": other, "b": plain, "c": set}, same: other + "---\n" + plain,
		},
		"one matches": {
			reason: "a set may come after what it goes into",
			files:  map[string]string{"a": web, "b": set}, injected: 1,
		},
		"a name that is taken": {
			reason: "a finding that is an error keeps the other documents unwritten, too",
			files:  map[string]string{"a": plain + "---\n" + strings.Replace(web, "name: app", "name: tail", 1), "b": set},
			errors: []string{"name-conflict"},
		},
		"text that is no YAML": {
			reason: "a malformed document keeps the other inputs unwritten",
			files:  map[string]string{"a": plain, "b": "a: [\n", "c": set}, errors: []string{"malformed-yaml"},
		},
		"two mistakes": {
			reason: "one run tells of each",
			files: map[string]string{
				"a": strings.Replace(web, "name: app", "name: tail", 1), "b": set,
				"c": strings.NewReplacer("name: app", "name: tail", "name: web", "name: web2").Replace(web),
			},
			errors: []string{"name-conflict", "name-conflict"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			outcome, err := render.Run(t.Context(), request(t, c.files), render.NewStream(&out))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.errors, codes(outcome)); diff != "" {
				t.Errorf("%s: errors (-want +got):\n%s", c.reason, diff)
			}
			switch {
			case len(c.errors) > 0:
				if out.Len() > 0 || !outcome.Failed() {
					t.Errorf("%s: wrote %q", c.reason, &out)
				}
			case c.same != "":
				if diff := cmp.Diff(c.same, out.String()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", c.reason, diff)
				}
			case outcome.Injected != c.injected || strings.Count(out.String(), "image: tail:v1") != c.injected:
				t.Errorf("%s: injected %d: %s", c.reason, outcome.Injected, &out)
			}
		})
	}
}

// TestReportThatFailsKeepsTheOutputBack: what nobody could be told of is not written.
func TestReportThatFailsKeepsTheOutputBack(t *testing.T) {
	refused := errors.New("no room for the report")
	req := request(t, map[string]string{"a": plain, "b": set})
	req.Report = func(*render.Outcome) error { return refused }
	var out bytes.Buffer
	if _, err := render.Run(t.Context(), req, render.NewStream(&out)); !errors.Is(err, refused) || out.Len() > 0 {
		t.Errorf("%v, wrote %q", err, &out)
	}
}

// TestDirOwnsWhatItListed runs one after the other into one folder, which holds a file of somebody else.
func TestDirOwnsWhatItListed(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "notes.yaml")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		reason string
		input  string
		check  bool
		differ int
		kinds  []string // of the objects that stand in the folder afterwards
	}{
		{"a check writes nothing", plain + "---\n" + other, true, 2, nil},
		{"each object gets its file", plain + "---\n" + other, false, 2, []string{"ConfigMap", "Pod"}},
		{"the same again changes nothing", plain + "---\n" + other, false, 0, []string{"ConfigMap", "Pod"}},
		{"the file of an object that is gone leaves", plain, false, 1, []string{"ConfigMap"}},
		{"an object that is new comes beside it", plain + "---\n" + web, false, 1, []string{"ConfigMap", "Pod"}},
	} {
		sink := render.NewDir(dir, c.check)
		if _, err := render.Run(t.Context(), request(t, map[string]string{"a": c.input, "b": set}), sink); err != nil {
			t.Fatalf("%s: %v", c.reason, err)
		}
		if len(sink.Differs) != c.differ {
			t.Errorf("%s: differs in %v", c.reason, sink.Differs)
		}
		if diff := cmp.Diff(c.kinds, kindsIn(t, dir)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.reason, diff)
		}
		if text, err := os.ReadFile(mine); err != nil || string(text) != "mine" {
			t.Errorf("%s: somebody else's file is %q, %v", c.reason, text, err)
		}
	}
}

// kindsIn are the kinds of the objects in the files of a folder.
func kindsIn(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if kind, ok := strings.CutPrefix(line, "kind: "); ok {
				kinds = append(kinds, strings.TrimSpace(kind))
			}
		}
	}
	slices.Sort(kinds)
	return kinds
}
