// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// wrapper is an executable that runs the function: --exec-path has no way to pass arguments.
const wrapper = "#!/bin/sh\nexec slipway fn\n"

// The pods of the examples after injection.
var (
	logCollectorPods = map[string][]string{
		"Deployment/web":  {"web", "log-collector", "log-volume=persistentVolumeClaim"},
		"CloneSet/worker": {"worker", "log-collector", "log-volume=emptyDir"},
	}
	shopPods = map[string][]string{
		"Deployment/web": {"web", "log-collector", "log-volume=emptyDir"},
		"CronJob/report": {"report"},
	}
)

func TestFnRunInjectsInPlace(t *testing.T) {
	tests := map[string]struct {
		reason  string
		example string
		exec    string // a script; "" for a declared function
		want    map[string][]string
	}{
		"exec-path": {
			reason:  "a script can name the subcommand",
			example: "log-collector",
			exec:    wrapper,
			want:    logCollectorPods,
		},
		"declared": {
			reason:  "the function annotation of fn.yaml names the binary and its arguments",
			example: "kustomize-fn",
			want:    shopPods,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := example(t, test.example)
			args := []string{"fn", "run", dir, "--enable-exec"}
			if test.exec != "" {
				args = append(args, "--exec-path", write(t, t.TempDir(), "function", test.exec, 0o755))
			}
			before := names(t, read(t, dir))
			mustRun(t, dir, args...)
			once := read(t, dir)
			if diff := cmp.Diff(test.want, pods(t, once)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
			if diff := cmp.Diff(before, names(t, once)); diff != "" {
				t.Errorf("objects came or went (-before +after):\n%s", diff)
			}
			if strings.Contains(once, "config.kubernetes.io/index") || strings.Contains(once, "config.k8s.io/id") {
				t.Errorf("an orchestrator's annotation is left in:\n%s", once)
			}
			mustRun(t, dir, args...)
			if diff := cmp.Diff(once, read(t, dir)); diff != "" {
				t.Errorf("a second run changes something (-once +twice):\n%s", diff)
			}
		})
	}
}

func TestFnRunKeepsComments(t *testing.T) {
	dir := example(t, "log-collector")
	before := comments(read(t, dir))
	mustRun(t, dir, "fn", "run", dir, "--enable-exec", "--exec-path", write(t, t.TempDir(), "wrapper", wrapper, 0o755))
	if diff := cmp.Diff(before, comments(read(t, dir))); diff != "" {
		t.Errorf("comments differ (-before +after):\n%s", diff)
	}
}

func TestBuildTransforms(t *testing.T) {
	dir := example(t, "kustomize-transformer")
	tests := map[string]struct{ cwd, path string }{
		"in the folder":       {cwd: dir, path: "."},
		"from somewhere else": {cwd: t.TempDir(), path: dir},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := mustRun(t, test.cwd, "build", "--enable-alpha-plugins", "--enable-exec", test.path)
			if diff := cmp.Diff(shopPods, pods(t, got.stdout)); diff != "" {
				t.Errorf("pods differ (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"CronJob/report", "Deployment/web", "Service/web"}, names(t, got.stdout)); diff != "" {
				t.Errorf("the SidecarSet must not reach the cluster, and nothing else may go (-want +got):\n%s", diff)
			}
		})
	}
}

// The examples as they stand work with each kustomize from the oldest that is still about, which knows neither args nor much
// else.
func TestOlderKustomizes(t *testing.T) {
	for _, version := range []string{"54", "55", "56", "57"} {
		t.Run(version, func(t *testing.T) {
			old := tool(t, "kustomize"+version, "kustomize")
			built := script(t, example(t, "kustomize-transformer"), "commands.sh", old)
			if diff := cmp.Diff(shopPods, pods(t, built.stdout)); diff != "" {
				t.Errorf("build: exit %d, pods differ (-want +got):\n%s%s", built.code, diff, built.stderr)
			}
			dir := example(t, "kustomize-fn")
			for range 2 {
				ran := script(t, dir, "commands.sh", old)
				if diff := cmp.Diff(shopPods, pods(t, read(t, dir))); diff != "" || ran.code != 0 {
					t.Errorf("fn run: exit %d, pods differ (-want +got):\n%s%s", ran.code, diff, ran.stderr)
				}
			}
		})
	}
}

// A mistake in a SidecarSet stops both clients, and the person who made it reads why on stderr: kustomize build shows no
// results, and fn run writes them only where --results-dir asks for it.
func TestMistakesReachThePerson(t *testing.T) {
	tests := map[string]struct {
		example string
		args    []string
	}{
		"fn run": {example: "kustomize-fn", args: []string{"fn", "run", ".", "--enable-exec", "--results-dir", "results"}},
		"build":  {example: "kustomize-transformer", args: []string{"build", "--enable-alpha-plugins", "--enable-exec", "."}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := example(t, test.example)
			set, err := os.ReadFile(filepath.Join(dir, "sidecarset.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			write(t, dir, "sidecarset.yaml", strings.Replace(string(set), "containers:", "containerz:", 1), 0o644)
			if err := os.Mkdir(filepath.Join(dir, "results"), 0o755); err != nil {
				t.Fatal(err)
			}
			before := read(t, dir)
			got := run(t, dir, "kustomize", test.args...)
			if got.code == 0 || got.stdout != "" {
				t.Errorf("exit %d with stdout %q, want a failure and nothing", got.code, got.stdout)
			}
			for _, want := range []string{"log-sidecar", "containerz"} {
				if !strings.Contains(got.stderr, want) {
					t.Errorf("stderr does not say %q:\n%s", want, got.stderr)
				}
			}
			if diff := cmp.Diff(before, read(t, dir)); diff != "" {
				t.Errorf("a failed run changed files (-before +after):\n%s", diff)
			}
		})
	}
}

// What follows holds for kustomize with any function. slipway's documentation rests on it.

func TestWithoutEnableExecNothingRuns(t *testing.T) {
	tests := map[string]struct {
		example string
		args    []string
	}{
		"fn run": {example: "kustomize-fn", args: []string{"fn", "run", ".", "--dry-run"}},
		"build":  {example: "kustomize-transformer", args: []string{"build", "--enable-alpha-plugins", "."}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := mustRun(t, example(t, test.example), test.args...)
			if want := []string{"web"}; !slices.Equal(pods(t, got.stdout)["Deployment/web"], want) || got.stderr != "" {
				t.Errorf("pods %v, stderr %q; want no injection and not a word about it", pods(t, got.stdout), got.stderr)
			}
		})
	}
}

func TestExecPathPassesNoArguments(t *testing.T) {
	dir := example(t, "log-collector")
	log := filepath.Join(t.TempDir(), "log")
	spy := write(t, t.TempDir(), "spy", "#!/bin/sh\n{ echo $#; pwd -P; } > "+log+"\ntee -a "+log+"\n", 0o755)
	cwd, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	mustRun(t, cwd, "fn", "run", dir, "--enable-exec", "--exec-path", spy, "--", "jobs=Skip")
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"0\n" + cwd + "\n", "  kind: ConfigMap\n", "  data: {jobs: Skip}\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not in what the function was given:\n%s", want, text)
		}
	}
}

// mustRun runs kustomize and fails the test unless it succeeds.
func mustRun(t *testing.T, dir string, args ...string) result {
	t.Helper()
	got := run(t, dir, "kustomize", args...)
	if got.code != 0 {
		t.Fatalf("kustomize %s: exit %d\n%s%s", strings.Join(args, " "), got.code, got.stdout, got.stderr)
	}
	return got
}

// comments returns the comment of every line that has one.
func comments(stream string) []string {
	var found []string
	for line := range strings.Lines(stream) {
		if _, comment, ok := strings.Cut(line, "# "); ok {
			found = append(found, comment)
		}
	}
	return found
}

// A function that ends in the middle of its output, or is ended, leaves the files as they were.
func TestFnRunHalfWayLeavesFiles(t *testing.T) {
	tests := map[string]string{
		"half a list": "#!/bin/sh\nslipway fn | head -c 300\nexit 1\n",
		"terminated":  "#!/bin/sh\nslipway fn | head -c 300\nkill -TERM $$\n",
	}
	for name, function := range tests {
		t.Run(name, func(t *testing.T) {
			dir := example(t, "log-collector")
			before := snapshot(t, dir)
			got := run(t, dir, "kustomize", "fn", "run", dir, "--enable-exec", "--exec-path",
				write(t, t.TempDir(), "function", function, 0o755))
			if got.code == 0 {
				t.Error("kustomize takes half a list for a result")
			}
			if diff := cmp.Diff(before, snapshot(t, dir)); diff != "" {
				t.Errorf("files differ (-before +after):\n%s", diff)
			}
		})
	}
}

// What slipway renders of a kustomization is what the command builds of it, in its order and to the byte.
func TestRenderBuildsAsKustomizeDoes(t *testing.T) {
	archive, err := txtar.ParseFile("kustomizations.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var cases []string
	for _, file := range archive.Files {
		folder := filepath.Join(dir, filepath.Dir(file.Name))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, folder, filepath.Base(file.Name), string(file.Data), 0o644)
		if name, found := strings.CutSuffix(file.Name, "/kustomization.yaml"); found && name[0] >= '0' && name[0] <= '9' {
			cases = append(cases, name)
		}
	}
	for _, name := range cases {
		t.Run(name, func(t *testing.T) {
			want := mustRun(t, dir, "build", name)
			got := run(t, dir, "slipway", "render", name)
			if got.code != 0 {
				t.Fatalf("slipway render: exit %d\n%s", got.code, got.stderr)
			}
			if diff := cmp.Diff(want.stdout, got.stdout); diff != "" {
				t.Errorf("-kustomize +slipway:\n%s", diff)
			}
			// The command's own warnings come through, and no others of the library.
			own := slices.DeleteFunc(strings.SplitAfter(got.stderr, "\n"), func(line string) bool {
				return strings.HasPrefix(line, "warning: nothing is injected")
			})
			if diff := cmp.Diff(want.stderr, strings.Join(own, "")); diff != "" {
				t.Errorf("standard error: -kustomize +slipway:\n%s", diff)
			}
		})
	}
}
