// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

// layout draws a way to write a CloneSet down, and returns it with the lines of comments in it.
func layout(t *rapid.T) (text string, comments []string) {
	one := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	text = one("head", "", "---\n", "# the shop\n", "# a\n---\n# b\n") + `apiVersion: apps.kruise.io/v1alpha1
kind: CloneSet
metadata:` + one("metadata",
		" {name: demo}", " {name: demo, annotations: {}}", " {name: demo, annotations: {a: b}} # c1",
		"\n  name: demo\n  annotations:\n", "\n  name: demo\n  annotations: {} # c2", "\n  # c3\n  name: demo",
		"\n    annotations:\n        a: b # c4\n    name: demo",
		"\n  name: demo\n  annotations:\n    slipway.dev/release: \"0badcafe\" # c5", ` {"name": "demo"}`) + `
spec:` + one("strategy",
		"", "\n  updateStrategy:", "\n  updateStrategy: {}", "\n  updateStrategy: {} # c6", "\n  updateStrategy: {maxSurge: 1} # c7",
		"\n  updateStrategy:\n    maxSurge: 1",
		"\n  updateStrategy:\n    partition: 0 # c8\n    maxSurge: 1", "\n  updateStrategy:\n    partition: \"50%\"",
		"\n  updateStrategy: {partition: 100%}",
		"\n  updateStrategy:\n    partition:\n    maxSurge: 1") + `
  replicas: 5 # c9
  selector: {matchLabels: {app: demo}}
  template:
    metadata: {labels: {app: demo}}
    spec:
      containers:
      - name: app # c10
        image: example.com/app:v1` + one("end", "\n", "", "\n# c11\n", "\n\n")
	for _, line := range strings.Split(text, "\n") {
		if _, comment, found := strings.Cut(line, "#"); found {
			comments = append(comments, "#"+comment)
		}
	}
	if rapid.Bool().Draw(t, "crlf") {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return text, comments
}

// TestReleaseInAnyLayout arms targets that are written in many ways: every comment stays, nothing but the two fields
// changes, and rendering the result changes nothing more.
func TestReleaseInAnyLayout(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plan := file("plan.yaml", `{apiVersion: slipway.dev/v1alpha1, kind: BatchPlan, metadata: {name: demo},
spec: {target: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: demo}, mode: Partition, batches: [{replicas: 100%}]}}`)
	flags := []string{"--release-image", slipwayImage, "--keep-sidecarsets"}
	rapid.Check(t, func(rt *rapid.T) {
		text, comments := layout(rt)
		once := slipwayOutput(t, append([]string{"render", file("app.yaml", text), plan}, flags...)...)
		for _, c := range comments {
			if !strings.Contains(once, c) {
				rt.Errorf("the comment %q is lost:\n%s", c, once)
			}
		}
		if twice := slipwayOutput(t, append([]string{"render", file("once.yaml", once)}, flags...)...); twice != once {
			rt.Errorf("a second run changes something (-once +twice):\n%s", cmp.Diff(once, twice))
		}
		var before, after map[string]any
		if err := yaml.Unmarshal([]byte(text), &before); err != nil {
			rt.Fatal(err)
		}
		target, _, _ := strings.Cut(once[strings.Index(once, "kind: CloneSet"):], "\n---")
		if err := yaml.Unmarshal([]byte("apiVersion: apps.kruise.io/v1alpha1\n"+target), &after); err != nil {
			rt.Fatalf("%v\n%s", err, once)
		}
		if kubetest.Field(after, "spec", "updateStrategy", "partition") != "100%" ||
			kubetest.Field(after, "metadata", "annotations", "slipway.dev/release") == nil {
			rt.Errorf("not armed:\n%s", once)
		}
		strip(before)
		strip(after)
		if diff := cmp.Diff(before, after); diff != "" {
			rt.Errorf("more has changed (-before +after):\n%s", diff)
		}
	})
}

// strip takes out of a CloneSet what a release sets, and what is empty then.
func strip(set map[string]any) {
	for _, path := range [][2]string{{"metadata", "annotations"}, {"spec", "updateStrategy"}} {
		holder, _ := set[path[0]].(map[string]any)
		fields, _ := holder[path[1]].(map[string]any)
		delete(fields, "partition")
		delete(fields, "slipway.dev/release")
		if len(fields) == 0 {
			delete(holder, path[1])
		}
	}
}
