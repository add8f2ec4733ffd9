// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The chart of the example after injection.
var chartPods = map[string][]string{
	"Deployment/shop-web": {"web", "log-collector", "log-volume=emptyDir"},
	"Pod/shop-warm-up":    {"warm-up"},
}

func TestHelmInjects(t *testing.T) {
	for _, version := range []string{"3", "42", "4"} {
		t.Run(version, func(t *testing.T) {
			dir := example(t, "helm")
			got := script(t, dir, "helm"+version[:1]+".sh", helm(t, version))
			if got.code != 0 {
				t.Fatalf("exit %d\n%s", got.code, got.stderr)
			}
			manifests := manifestsOf(got.stdout)
			if diff := cmp.Diff(chartPods, pods(t, manifests)); diff != "" {
				t.Errorf("pods differ (-want +got):\n%s", diff)
			}
			for _, source := range []string{
				"# Source: shop/templates/web.yaml\n# The shop's front end.\n",
				"# Source: shop/templates/warm-up.yaml\n",
			} {
				if !strings.Contains(manifests, source) {
					t.Errorf("%q is not in the output: a document has lost its file", source)
				}
			}
			if strings.Contains(manifests, "postrender") {
				t.Errorf("Helm's own annotation is left in, or a file has a made-up name:\n%s", manifests)
			}
			if version != "3" {
				contains(t, readFile(t, filepath.Join(dir, "report.txt")), "Deployment/shop-web",
					"Pod/shop-warm-up: is a hook, nothing was injected")
			}
		})
	}
}

// Helm 4 hands hooks to a post-renderer and Helm 3 keeps them to itself. Without hooks: Skip they are objects as others.
func TestHelmHooks(t *testing.T) {
	both := []string{"warm-up", "log-collector", "log-volume=emptyDir"}
	hook := map[string][]string{"3": {"warm-up"}, "42": both, "4": both}
	for version, want := range hook {
		t.Run(version, func(t *testing.T) {
			dir := example(t, "helm")
			replaceIn(t, dir, "slipway.yaml", "hooks: Skip", "jobs: Inject")
			got := script(t, dir, "helm"+version[:1]+".sh", helm(t, version))
			if diff := cmp.Diff(want, pods(t, manifestsOf(got.stdout))["Pod/shop-warm-up"]); diff != "" {
				t.Errorf("the hook differs (-want +got):\n%s%s", diff, got.stderr)
			}
		})
	}
}

// A Pod that is a hook has to end, as a Job has: Helm waits for it.
func TestHelm4HookPodEnds(t *testing.T) {
	dir := example(t, "helm")
	replaceIn(t, dir, "slipway.yaml", "hooks: Skip", "hooks: Inject")
	got := script(t, dir, "helm4.sh", helm(t, "4"))
	if diff := cmp.Diff(chartPods, pods(t, manifestsOf(got.stdout))); diff != "" {
		t.Errorf("pods differ (-want +got):\n%s", diff)
	}
	contains(t, readFile(t, filepath.Join(dir, "report.txt")), "this hook would never complete")
}

// Where nobody names a report the plugin has its own, and never leaves that of an earlier run.
func TestHelm4OwnReport(t *testing.T) {
	dir := example(t, "helm")
	replaceIn(t, dir, "helm4.sh", " --post-renderer-args=--report-file=report.txt", "")
	report := filepath.Join(homeOf(dir), ".cache", "slipway", "helm-report.txt")
	if got := script(t, dir, "helm4.sh", helm(t, "4")); got.code != 0 {
		t.Fatalf("exit %d\n%s", got.code, got.stderr)
	}
	contains(t, readFile(t, report), "Deployment/shop-web", "is a hook, nothing was injected")

	replaceIn(t, dir, "sidecars/sidecarset.yaml", "containers:", "containerz:")
	if got := script(t, dir, "helm4.sh", helm(t, "4")); got.code == 0 {
		t.Error("a broken set: exit 0")
	}
	if told := readFile(t, report); !strings.Contains(told, "containerz") ||
		strings.Contains(told, "Deployment/shop-web: injected") {
		t.Errorf("the report says:\n%s", told)
	}

	replaceIn(t, dir, "slipway/post-render", "command -v slipway", "command -v no-slipway")
	if got := script(t, dir, "helm4.sh", helm(t, "4")); got.code == 0 {
		t.Error("no program: exit 0")
	}
	if told := readFile(t, report); told != "error: slipway is not on PATH, and Helm's plugin calls it: install it there\n" {
		t.Errorf("the report says:\n%s", told)
	}
}

// What goes wrong in a post-renderer stops Helm. Helm 3 shows why; Helm 4 does not, so that the report has to.
func TestHelmFailures(t *testing.T) {
	tests := map[string]struct {
		reason            string
		file, old, broken string
		want              string
	}{
		"no namespace": {
			reason: "without the release's namespace the set cannot be decided",
			file:   "helm%.sh", old: " --post-renderer-args=-n=shop", broken: "",
			want: "cannot decide whether SidecarSet log-sidecar matches",
		},
		"set": {
			reason: "a mistake in a set",
			file:   "sidecars/sidecarset.yaml", old: "containers:", broken: "containerz:",
			want: "containerz",
		},
		"no set": {
			reason: "a wrong path is not a mistake in a manifest, and is told all the same",
			file:   "helm%.sh", old: "-s=sidecars", broken: "-s=sidecar",
			want: "reading sidecar: no such file or directory",
		},
		"nothing": {
			reason: "a set that nothing matches would be a warning that Helm 4 throws away",
			file:   "sidecars/sidecarset.yaml", old: "app-type: long-term", broken: "app-type: long-trem",
			want: "nothing is injected: no SidecarSet matches",
		},
		"flag": {
			reason: "a wrong flag is found before any other is read",
			file:   "helm%.sh", old: "-s=sidecars", broken: "--sidecarset=sidecars",
			want: "unknown flag: --sidecarset",
		},
	}
	for name, test := range tests {
		for _, version := range []string{"3", "4"} {
			t.Run(name+" "+version, func(t *testing.T) {
				dir := example(t, "helm")
				replaceIn(t, dir, strings.ReplaceAll(test.file, "%", version), test.old, test.broken)
				got := script(t, dir, "helm"+version+".sh", helm(t, version))
				if got.code == 0 || manifestsOf(got.stdout) != "" {
					t.Errorf("%s: exit %d, stdout %q; want a failure and nothing", test.reason, got.code, got.stdout)
				}
				told := got.stderr
				if version == "4" {
					told = readFile(t, filepath.Join(dir, "report.txt"))
				}
				contains(t, told, test.want)
			})
		}
	}
}

// manifestsOf leaves out what helm plugin install says before the first document.
func manifestsOf(stdout string) string {
	if i := strings.Index(stdout, "---\n"); i >= 0 {
		return stdout[i:]
	}
	return ""
}

// readFile returns a file's text.
func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// replaceIn changes a file of a copied example; old must be in it.
func replaceIn(t *testing.T, dir, name, old, with string) {
	t.Helper()
	text := readFile(t, filepath.Join(dir, name))
	if !strings.Contains(text, old) {
		t.Fatalf("%q is not in %s", old, name)
	}
	info, err := os.Stat(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, name, strings.ReplaceAll(text, old, with), info.Mode().Perm())
}

// contains checks that a text holds every part.
func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in:\n%s", part, text)
		}
	}
}
