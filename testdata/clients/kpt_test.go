// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// kpt runs a script of kpt's example, with the programs of more folders at hand.
func kpt(t *testing.T, dir, name string, path ...string) result {
	t.Helper()
	return script(t, dir, name, append(path, tool(t, "kpt", "kpt"))...)
}

// kptResults is what kpt writes into its results folder.
type kptResults struct {
	ExitCode int
	Items    []struct {
		ExitCode int
		Stderr   string
		Results  []struct {
			Message, Severity string
			File              struct{ Path string }
			ResourceRef       struct{ Kind, Name string }
		}
	}
}

// resultsIn is the text of what kpt found, which lies outside of the package, or kpt would take it for a resource.
func resultsIn(t *testing.T, ran result) string {
	t.Helper()
	_, rest, found := strings.Cut(ran.stdout, "results: ")
	folder, _, _ := strings.Cut(rest, "\n")
	if !found {
		t.Fatalf("the script does not say where the results are:\n%s", ran.stdout)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return readFile(t, filepath.Join(folder, "results.yaml"))
}

func resultsOf(t *testing.T, ran result) kptResults {
	t.Helper()
	var r kptResults
	if err := yaml.Unmarshal([]byte(resultsIn(t, ran)), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Items) == 0 {
		t.Fatal("the results are empty")
	}
	return r
}

func TestKptInjectsInPlace(t *testing.T) {
	engine := t.TempDir()
	write(t, engine, "docker", containerEngine, 0o755)
	const name = "ghcr.io/slipway-dev/slipway"
	digest := "@sha256:" + strings.Repeat("0", 64)
	t.Setenv("IMAGE", name+":v0.1.0"+digest) // as image.txt of a release has it
	t.Setenv("WANT_IMAGE", name+digest)
	for _, c := range []struct {
		name, commands string
		image          bool // the Kptfile names an image
	}{
		{name: "as the Kptfile says", commands: "commands.sh"},
		{name: "as the command says", commands: "eval.sh"},
		{name: "in a container, as the Kptfile says", commands: "commands.sh", image: true},
		{name: "in a container, as the command says", commands: "container.sh"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := example(t, "kpt")
			if c.image {
				replaceIn(t, dir, "Kptfile", "exec: slipway fn", "image: "+name+digest)
				replaceIn(t, dir, c.commands, " --allow-exec", "")
			}
			before := read(t, dir)
			files := slices.Sorted(maps.Keys(snapshot(t, dir)))
			ran := kpt(t, dir, c.commands, engine)
			if ran.code != 0 {
				t.Fatalf("exit %d\n%s", ran.code, ran.stderr)
			}
			if diff := cmp.Diff(files, slices.Sorted(maps.Keys(snapshot(t, dir)))); diff != "" {
				t.Errorf("files of the package (-before +after):\n%s", diff)
			}
			once := read(t, dir)
			injectedByKpt(t, before, once)
			if r := resultsOf(t, ran); r.ExitCode != 0 || r.Items[0].ExitCode != 0 {
				t.Errorf("results %+v", r)
			}
			if got := kpt(t, dir, c.commands, engine); got.code != 0 {
				t.Fatalf("exit %d\n%s", got.code, got.stderr)
			}
			if diff := cmp.Diff(once, read(t, dir)); diff != "" {
				t.Errorf("a second run changes something (-once +twice):\n%s", diff)
			}
		})
	}
}

// injectedByKpt looks at a package before and after: the pods have their sidecars, and nothing else came or went.
func injectedByKpt(t *testing.T, before, after string) {
	t.Helper()
	if diff := cmp.Diff(shopPods, pods(t, after)); diff != "" {
		t.Errorf("pods differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(names(t, before), names(t, after)); diff != "" {
		t.Errorf("objects came or went (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(comments(before), comments(after)); diff != "" {
		t.Errorf("comments differ (-before +after):\n%s", diff)
	}
	if strings.Contains(after, "config.kubernetes.io/index") || strings.Contains(after, "config.k8s.io/id") {
		t.Errorf("an orchestrator's annotation is left in:\n%s", after)
	}
}

// containerEngine stands in for docker where kpt runs a function in a container, which no test can count on: it is as new as kpt
// wants, and runs slipway as the image does, without an environment. What the image does with a list, image_test.go shows.
const containerEngine = `#!/bin/sh
case "$1" in
version) echo 27.0.0 ;;
run)
	for last; do :; done
	[ "$last" = "$WANT_IMAGE" ] || { echo "docker is given $*" >&2; exit 1; }
	exec env -i "$(command -v slipway)" fn
	;;
*) exit 1 ;;
esac
`

func TestKptResults(t *testing.T) {
	dir := example(t, "kpt")
	replaceIn(t, dir, "app.yaml", "app-type: batch", "app-type: long-term")
	ran := kpt(t, dir, "commands.sh")
	if ran.code != 0 {
		t.Fatalf("exit %d\n%s", ran.code, ran.stderr)
	}
	results := resultsOf(t, ran)
	for _, r := range results.Items[0].Results {
		if r.Severity == "warning" && r.File.Path == "app.yaml" && r.ResourceRef.Kind == "CronJob" && r.ResourceRef.Name == "report" {
			return
		}
	}
	t.Errorf("no warning about the CronJob in %+v", results)
}

// Whatever stops the pipeline, the package stays as it was.
func TestKptFailuresLeaveThePackage(t *testing.T) {
	half := write(t, t.TempDir(), "half", "#!/bin/sh\nslipway fn > $0.out\nhead -c 300 $0.out\nexit 1\n", 0o755)
	tests := map[string]struct {
		reason             string
		file, old, changed string
		want               string // in the results
	}{
		"broken set": {
			reason: "a mistake in a set",
			file:   "sidecarset.yaml", old: "containers:", changed: "containerz:",
			want: "containerz",
		},
		"second function": {
			reason: "slipway has done its work when the next function fails",
			file:   "Kptfile", old: "    configPath: slipway.yaml\n", changed: "    configPath: slipway.yaml\n  - exec: false\n",
		},
		"half a list": {
			reason: "the function ends in the middle of its output",
			file:   "Kptfile", old: "exec: slipway fn", changed: "exec: " + half,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := example(t, "kpt")
			replaceIn(t, dir, test.file, test.old, test.changed)
			before := snapshot(t, dir)
			got := kpt(t, dir, "commands.sh")
			if got.code == 0 {
				t.Errorf("%s: exit 0", test.reason)
			}
			if strings.Contains(test.changed, half) {
				contains(t, readFile(t, half+".out"), "log-collector")
			}
			contains(t, resultsIn(t, got), test.want)
			if diff := cmp.Diff(before, snapshot(t, dir)); diff != "" {
				t.Errorf("%s, and the package has changed (-before +after):\n%s", test.reason, diff)
			}
		})
	}
}

// snapshot returns the text of every file below a folder.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, dir)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestKptNeedsAnImage(t *testing.T) {
	dir := example(t, "kpt")
	before := snapshot(t, dir)
	got := kpt(t, dir, "container.sh")
	if got.code == 0 || !strings.Contains(got.stderr, "name the image of slipway by its digest") {
		t.Errorf("without an image: exit %d, %s", got.code, got.stderr)
	}
	if diff := cmp.Diff(before, snapshot(t, dir)); diff != "" {
		t.Errorf("the package has changed (-before +after):\n%s", diff)
	}
}
