// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/render"
)

// object is a ConfigMap.
func object(metadata string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: " + metadata + "\n"
}

// ledger is the list of the files that slipway has written into a folder.
func ledger(names ...string) string {
	return "{\n  \"files\": [\n    \"" + strings.Join(names, "\",\n    \"") + "\"\n  ]\n}\n"
}

// TestDirNames gives each object a file whose name depends on the object alone.
func TestDirNames(t *testing.T) {
	const (
		file    = "v1_configmap_a.yaml"
		grouped = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n"
		role    = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: \"system:node\"}\n"
	)
	own, there, begun := object("{name: a}"), object("{name: a, namespace: b}"), object("{generateName: job-}")
	long := strings.Repeat("a", 253)
	for name, c := range map[string]struct {
		reason string
		input  string
		want   map[string]string // without the ledger
		err    string
	}{
		"a name":      {"kind, version and name", own, map[string]string{file: own}, ""},
		"a namespace": {"it is a folder", there, map[string]string{"b/" + file: there}, ""},
		"a group":     {"it comes first", grouped, map[string]string{"apps_v1_deployment_a.yaml": grouped}, ""},
		"a marker":    {"a file needs none", "---\n" + own, map[string]string{file: own}, ""},
		"a marker with a comment": {
			"a comment stays, and its marker with it", "--- # first\n" + own, map[string]string{file: "--- # first\n" + own}, "",
		},
		"no object": {"comments are none", "# a\n---\n# b\n---\n" + own, map[string]string{file: own}, ""},
		"no name": {
			"they are numbered, by their places", object("{}") + "---\n" + object("{labels: {a: b}}"),
			map[string]string{"v1_configmap_1.yaml": object("{}"), "v1_configmap_2.yaml": object("{labels: {a: b}}")},
			"",
		},
		"a name that the API server completes": {
			"it is numbered", begun, map[string]string{"v1_configmap_job_1.yaml": begun}, "",
		},
		"a role": {
			"a name of RBAC may hold a colon, which is none in a file's", role,
			map[string]string{"rbac.authorization.k8s.io_v1_clusterrole_system-node.yaml": role},
			"",
		},
		"a long name": {
			"file systems take 255 bytes", object("{name: " + long + "}"),
			map[string]string{"v1_configmap_" + long[:213] + "_60fcb2ab4d97c335.yaml": object("{name: " + long + "}")},
			"",
		},
		"a way out": {
			"no name leads out of the folder", object("{name: ../a}"), nil,
			`a.yaml:1: metadata.name: "../a" is not a name that Kubernetes takes: write lower-case letters, digits, - and ., beginning ` +
				"and ending with a letter or digit, at most 253 (no file was changed)",
		},
		"a folder of slipway": {
			"nor a namespace", object("{name: a, namespace: .git}"), nil,
			`a.yaml:1: metadata.namespace: ".git" is not a name that Kubernetes takes: write lower-case letters, digits and -, at most ` +
				"63 (no file was changed)",
		},
		"one name twice": {
			"one would overwrite the other", own + "---\n" + own, nil,
			"a.yaml:5: the objects ConfigMap/a and ConfigMap/a would both be the file out/v1_configmap_a.yaml (rename one, or render " +
				"them into two folders)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(folderOf(t, map[string]string{"a.yaml": c.input, "set.yaml": set}))
			err := intoDir(t, render.NewDir("out", false), "a.yaml", "set.yaml")
			if c.err != "" {
				if err == nil || err.Error() != c.err {
					t.Errorf("%s: it says %v", c.reason, err)
				}
				if _, err := os.Stat("out"); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s: the folder is there", c.reason)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := filesIn(t, "out")
			delete(got, ".slipway-files")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

// intoDir renders files into a folder.
func intoDir(t *testing.T, sink render.Sink, paths ...string) error {
	t.Helper()
	req := request(t, nil)
	req.Paths = paths
	_, err := render.Run(t.Context(), req, sink)
	return err
}

// TestDirKeepsALedger: of what is in a folder slipway writes over and removes what its ledger lists, and nothing else.
func TestDirKeepsALedger(t *testing.T) {
	const (
		a    = "v1_configmap_a.yaml"
		b    = "v1_configmap_b.yaml"
		gone = "v1_configmap_c.yaml"
		list = ".slipway-files"
	)
	one, two := object("{name: a}"), object("{name: b}")
	for name, c := range map[string]struct {
		reason  string
		before  map[string]string
		after   map[string]string // what differs from before; "" is gone. The input are one and two.
		differs []string
		err     string
	}{
		"an empty folder": {
			reason:  "each file is listed",
			after:   map[string]string{a: one, b: two, list: ledger(a, b)},
			differs: []string{a, b},
		},
		"the same again": {
			reason: "nothing is written",
			before: map[string]string{a: one, b: two, list: ledger(a, b)},
		},
		"an older text": {
			reason:  "the file of the ledger is written over",
			before:  map[string]string{a: "old", b: two, list: ledger(a, b)},
			after:   map[string]string{a: one},
			differs: []string{a},
		},
		"an object that is gone": {
			reason:  "its file goes",
			before:  map[string]string{gone: "old", list: ledger(gone)},
			after:   map[string]string{a: one, b: two, gone: "", list: ledger(a, b)},
			differs: []string{a, b, gone},
		},
		"a file that somebody has taken away": {
			reason:  "it comes back",
			before:  map[string]string{b: two, list: ledger(a, b)},
			after:   map[string]string{a: one},
			differs: []string{a},
		},
		"a file of somebody else": {
			reason:  "it stays",
			before:  map[string]string{"mine.yaml": "mine", gone: "mine"},
			after:   map[string]string{a: one, b: two, list: ledger(a, b)},
			differs: []string{a, b},
		},
		"a file of somebody else in the place of an object": {
			reason: "it is not written over",
			before: map[string]string{a: "mine"},
			err: "out/v1_configmap_a.yaml is there, and slipway has not written it, for out/.slipway-files does not list it: move it " +
				"away, or render into another folder (no file was changed)",
		},
		"a file of somebody else that says the same": {
			reason:  "it is theirs, and right",
			before:  map[string]string{a: one},
			after:   map[string]string{b: two, list: ledger(b)},
			differs: []string{b},
		},
		"a ledger that lists what slipway never writes": {
			reason:  "those files are not slipway's",
			before:  map[string]string{"mine.yaml": "mine", list: ledger("../out.yaml", "mine.yaml")},
			after:   map[string]string{a: one, b: two, list: ledger(a, b)},
			differs: []string{a, b},
		},
		"a ledger of an earlier version": {
			reason:  "one name on a line",
			before:  map[string]string{gone: "old", list: gone + "\n"},
			after:   map[string]string{a: one, b: two, gone: "", list: ledger(a, b)},
			differs: []string{a, b, gone},
		},
		"a ledger that is none": {
			reason: "nobody knows whose the files are",
			before: map[string]string{list: "{"},
			err: "reading out/.slipway-files: unexpected end of JSON input (restore it, or remove it and the files that slipway has " +
				"written beside it)",
		},
		"a folder in the place of a file that is gone": {
			reason:  "somebody has made it",
			before:  map[string]string{gone + "/a": "mine", list: ledger(gone)},
			after:   map[string]string{a: one, b: two, list: ledger(a, b)},
			differs: []string{a, b, gone},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(folderOf(t, map[string]string{"a.yaml": one + "---\n" + two, "set.yaml": set, "out/mine.txt": "mine"}))
			before := map[string]string{"mine.txt": "mine"}
			for file, text := range c.before {
				put(t, filepath.Join("out", filepath.FromSlash(file)), text)
				before[file] = text
			}
			check, sink := render.NewDir("out", true), render.NewDir("out", false)
			if err := intoDir(t, check, "a.yaml", "set.yaml"); words(err) != c.err {
				t.Errorf("%s: a check says %v", c.reason, err)
			}
			if diff := cmp.Diff(before, filesIn(t, "out")); diff != "" {
				t.Errorf("a check writes (-want +got):\n%s", diff)
			}
			if err := intoDir(t, sink, "a.yaml", "set.yaml"); words(err) != c.err {
				t.Errorf("%s: it says %v", c.reason, err)
			}
			maps.Copy(before, c.after)
			maps.DeleteFunc(before, func(file, text string) bool { return text == "" })
			if diff := cmp.Diff(before, filesIn(t, "out")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
			var differs []string
			for _, file := range c.differs {
				differs = append(differs, filepath.Join("out", file))
			}
			if diff := cmp.Diff([][]string{differs, differs}, [][]string{check.Differs, sink.Differs}); diff != "" {
				t.Errorf("%s: told (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

// words are what an error says, "" without one.
func words(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
