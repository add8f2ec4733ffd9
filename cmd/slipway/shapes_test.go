// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRenderAndFunctionAgreeOnShapes gives both commands values of every shape where a workload has its own: what one takes for
// a mistake, or injects into, the other one does too, in the same words, whether or not the document spells out what a set asks
// for.
func TestRenderAndFunctionAgreeOnShapes(t *testing.T) {
	shapes := []string{
		"null", "[]", "{}", "[a]", "x", "5", "yes", "{a: b}", "{app: 5}", "{app: [web]}", "{app: web, x: null}", "{app: web, x: 5}",
		"{app: web, x: {y: z}}", "[{app: web}]", `""`,
	}
	const head = "metadata:\n  name: d\nspec:\n  template:\n"
	const meta = "    metadata:\n      labels: {app: web}\n"
	const spec, app = "    spec:\n", "      containers:\n      - name: a\n"
	for _, word := range []string{"web", "other"} {
		set := filepath.Join(t.TempDir(), "set.yaml")
		if err := os.WriteFile(set, []byte(setOf(word)), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{
			head + meta + spec + "      containers: %s\n",
			head + meta + spec + app + "      initContainers: %s\n",
			head + meta + spec + app + "      volumes: %s\n",
			head + meta + spec + app + "      imagePullSecrets: %s\n",
			head + meta + spec + app + "        env: %s\n",
			head + meta + "    spec: %s\n",
			head + "    metadata:\n      labels: %s\n" + spec + app,
			head + meta + "      annotations: %s\n" + spec + app,
			head + "    metadata: %s\n" + spec + app,
			"metadata:\n  name: d\nspec:\n  template: %s\n",
			"metadata:\n  name: d\nspec: %s\n",
			"metadata:\n  name: d\n  labels: %s\nspec:\n  template:\n" + meta + spec + app,
			"metadata:\n  name: d\n  annotations: %s\nspec:\n  template:\n" + meta + spec + app,
		} {
			for _, shape := range shapes {
				checkShape(t, set, word, "apiVersion: apps/v1\nkind: Deployment\n"+fmt.Sprintf(form, shape))
			}
		}
	}
}

func setOf(word string) string {
	return "apiVersion: apps.kruise.io/v1alpha1\nkind: SidecarSet\nmetadata: {name: s}\nspec:\n" +
		"  selector: {matchLabels: {app: " + word + "}}\n  containers: [{name: c, image: c}]\n"
}

// checkShape runs both commands on an object.
func checkShape(t *testing.T, set, word, object string) {
	t.Helper()
	rendered, told, code := runWith(object, "render", "-s", set)
	list := "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- " + indented(object) + "- " + indented(setOf(word))
	returned, toldByFn, codeOfFn := runWith(list, "fn")
	r, f := outcomeOf(code, told, rendered), outcomeOf(codeOfFn, toldByFn, returned)
	if r != f {
		t.Errorf("with a set for app: %s\n%s\nrender    %s\nfunction  %s", word, object, r, f)
	}
}

// outcomeOf is what a run came to, and what it said first but for where.
func outcomeOf(code int, told, out string) string {
	first, _, _ := strings.Cut(told, "\n")
	if severity, rest, found := strings.Cut(first, ": "); found && strings.HasPrefix(rest, "stdin:") {
		_, rest, _ = strings.Cut(rest, ": ")
		first = severity + ": " + rest
	}
	return fmt.Sprintf("exit %d, injected %v: %s", code, strings.Contains(out, "slipway.dev/injected"), first)
}

func indented(text string) string {
	return strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
}
