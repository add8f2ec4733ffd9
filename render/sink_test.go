// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/render"
)

// TestDiff compares with what diff -u prints.
func TestDiff(t *testing.T) {
	head := func(file string) string {
		return strings.ReplaceAll("diff a/FILE b/FILE\n--- a/FILE\n+++ b/FILE\n", "FILE", "DIR/"+file)
	}
	const change = `@@ -2,8 +2,15 @@
 kind: Pod
 metadata:
   name: web
+  annotations:
+    slipway.dev/injected: '{"sets":{"logs":{"containers":["tail"]}}}'
   labels: {app: web}
 spec:
   containers:
   - name: app
     image: app:v1
+  - name: tail
+    image: tail:v1
+    env:
+    - name: IS_INJECTED
+      value: "true"
`
	for name, c := range map[string]struct {
		reason string
		action render.Action
		files  map[string]string
		want   string // DIR is the folder of the files
	}{
		"nothing changes": {reason: "there is nothing to print", files: map[string]string{"a": plain, "b": set}},
		"one of three": {
			reason: "a file that stays is not named", files: map[string]string{"a": plain, "b": web, "c": other, "d": set},
			want: head("b") + change,
		},
		"a document of a stream": {
			reason: "lines count from the start of the file", files: map[string]string{"a": plain + "---\n" + web, "b": set},
			want: head("a") + strings.Replace(change, "@@ -2,8 +2,15 @@", "@@ -7,8 +7,15 @@", 1),
		},
		"two files": {
			reason: "each has its own part, in the order of the input", files: map[string]string{"a": web, "b": web, "c": set},
			want: head("a") + change + head("b") + change,
		},
		"an ejection": {
			reason: "what was injected goes", action: render.Eject, files: map[string]string{"a": webInjected},
			want: head("a") +
				strings.NewReplacer("\n+", "\n-", "-2,8 +2,15", "-2,15 +2,8").Replace(change),
		},
		"no line break at the end": {
			reason: "it is said as diff says it",
			files:  map[string]string{"a": strings.TrimSuffix(other, "\n"), "b": strings.Replace(set, "web", "other", 1)},
			want: head("a") + `@@ -1,4 +1,4 @@
 apiVersion: v1
 kind: Pod
-metadata: {name: other, labels: {app: other}}
-spec: {containers: [{name: app, image: app:v1}]}
\ No newline at end of file
+metadata: {name: other, annotations: {slipway.dev/injected: '{"sets":{"logs":{"containers":["tail"]}}}'}, labels: {app: other}}
+spec: {containers: [{name: app, image: app:v1}, {name: tail, image: tail:v1, env: [{name: IS_INJECTED, value: "true"}]}]}
\ No newline at end of file
`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			req := request(t, c.files)
			req.Action = c.action
			if outcome, err := render.Run(t.Context(), req, render.NewDiff(&out)); err != nil || outcome.Failed() {
				t.Fatalf("%v, %v", err, outcome)
			}
			dir := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(req.Paths[0])), "/")
			if diff := cmp.Diff(strings.ReplaceAll(c.want, "DIR", dir), out.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

// TestStreamKeepsDocumentsApart: two documents come to stand side by side that did not before, and a reader still sees two.
func TestStreamKeepsDocumentsApart(t *testing.T) {
	const (
		json = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}`
		more = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b"}}`
	)
	crlf := func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }
	for name, c := range map[string]struct {
		reason   string
		one, two string
		want     string
	}{
		"neither has a marker":    {"one comes between", plain, other, plain + "---\n" + other},
		"the second has a marker": {"one is enough", plain, "---\n" + other, plain + "---\n" + other},
		"the first has a marker":  {"it is that of the first", "---\n" + plain, other, "---\n" + plain + "---\n" + other},
		"the first has an end":    {"the next one has its own start", plain + "...\n", other, plain + "...\n---\n" + other},
		"the second has a directive": {
			"a directive stands behind an end", plain, "%YAML 1.1\n---\n" + other, plain + "...\n%YAML 1.1\n---\n" + other,
		},
		"no line break":                 {"it gets one", strings.TrimSuffix(plain, "\n"), other, plain + "---\n" + other},
		"line ends of Windows":          {"the marker ends as the lines behind it", plain, crlf(other), plain + "---\r\n" + crlf(other)},
		"a comment first":               {"it stands below the marker", plain, "# why\n" + other, plain + "---\n# why\n" + other},
		"the second is empty":           {"nothing follows", plain, "", plain},
		"the first is empty":            {"nothing is before it to be kept apart from", "", other, other},
		"a byte order mark":             {"only the first character of a stream may be one", plain, "\ufeff" + other, plain + "---\n" + other},
		"a set is left out":             {"what stood around it is kept apart", plain + "---\n" + set, other, plain + "---\n" + other},
		"values of JSON":                {"each file is a value", json + "\n", more + "\n", json + "\n---\n" + more + "\n"},
		"values of JSON, without lines": {"they are two lines", json, more, json + "\n---\n" + more},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, rendered(t, map[string]string{"a": c.one, "b": c.two, "c": set})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

// full is a writer without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errNoRoom }

var errNoRoom = errors.New("no room")

// TestOutputThatCannotBeWritten is an error of each sink that writes to a stream.
func TestOutputThatCannotBeWritten(t *testing.T) {
	for words, sink := range map[string]render.Sink{
		"writing the manifests: no room": render.NewStream(full{}),
		"writing the diff: no room":      render.NewDiff(full{}),
	} {
		_, err := render.Run(t.Context(), request(t, map[string]string{"a": web, "b": set}), sink)
		if !errors.Is(err, errNoRoom) || err.Error() != words {
			t.Errorf("it says %v", err)
		}
	}
}
