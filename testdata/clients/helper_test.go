// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"

	"sigs.k8s.io/yaml"
)

// bin holds the clients and slipway under their own names; it is first on PATH while the tests run.
var bin string

// TestMain runs the tests with the clients at hand.
func TestMain(m *testing.M) {
	code, err := runWithClients(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

// runWithClients builds what the tests drive and runs them.
func runWithClients(m *testing.M) (code int, err error) {
	bin, err = os.MkdirTemp("", "slipway-clients-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(bin)
	kustomize, err := goCommand(".", "tool", "-n", "kustomize")
	if err != nil {
		return 0, err
	}
	if err := os.Symlink(strings.TrimSpace(kustomize), filepath.Join(bin, "kustomize")); err != nil {
		return 0, err
	}
	if _, err := goCommand("../..", "build", "-o", filepath.Join(bin, "slipway"), "./cmd/slipway"); err != nil {
		return 0, err
	}
	if err := os.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH")); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// goCommand runs the go command in dir and returns what it prints. Without cgo the result needs no C compiler.
func goCommand(dir string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out), nil
}

// helm builds a version of Helm, which takes minutes the first time, and returns the folder that it is in.
func helm(t *testing.T, version string) string {
	t.Helper()
	return tool(t, "helm"+version, "helm")
}

// tool builds the client that a module below this one pins, and returns the folder that it is in.
func tool(t *testing.T, module, name string) string {
	t.Helper()
	built.Lock()
	defer built.Unlock()
	dir := filepath.Join(bin, module)
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	t.Logf("building %s (some minutes the first time, then cached)", module)
	path, err := goCommand(module, "tool", "-n", name)
	if err == nil {
		err = os.Mkdir(dir, 0o755)
	}
	if err == nil {
		err = os.Symlink(strings.TrimSpace(path), filepath.Join(dir, name))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// built guards the folders below bin.
var built sync.Mutex

// script runs a script of an example as it stands, with more folders on PATH and a home of its own.
func script(t *testing.T, dir, name string, path ...string) result {
	t.Helper()
	home := homeOf(dir)
	if err := os.MkdirAll(home, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", name)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CACHE_HOME=", "SLIPWAY_CACHE=",
		"PATH="+strings.Join(append(path, os.Getenv("PATH")), string(os.PathListSeparator)))
	return finish(t, cmd)
}

// homeOf is the home folder in which the scripts of an example run.
func homeOf(dir string) string { return filepath.Join(filepath.Dir(dir), filepath.Base(dir)+"-home") }

// git runs git in dir and returns what it prints.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	got := finish(t, cmd)
	if got.code != 0 {
		t.Fatalf("git %s: exit %d\n%s", strings.Join(args, " "), got.code, got.stderr)
	}
	return got.stdout
}

// result is what one run of a client left behind.
type result struct {
	stdout, stderr string
	code           int
}

// run runs a client in dir with an empty standard input.
func run(t *testing.T, dir, name string, args ...string) result {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin, name), args...)
	cmd.Dir = dir
	return finish(t, cmd)
}

// finish runs a command to its end.
func finish(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatalf("starting %s: %v", cmd, err)
	}
	return result{stdout: stdout.String(), stderr: stderr.String(), code: cmd.ProcessState.ExitCode()}
}

// example copies a folder of testdata/examples into a new one that the test may change.
func example(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "examples", name))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// write puts a file into dir.
func write(t *testing.T, dir, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// read returns every YAML file of dir as one stream, in order of their names.
func read(t *testing.T, dir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(paths)
	var stream strings.Builder
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&stream, "---\n%s", text)
	}
	return stream.String()
}

// object is the part of a manifest that the tests look at.
type object struct {
	Kind     string
	Metadata struct {
		Name        string
		Annotations map[string]string
	}
	Spec struct {
		podSpec     `json:",inline"`
		Replicas    int
		Template    podTemplate
		JobTemplate struct {
			Spec struct{ Template podTemplate }
		}
	}
}

type podTemplate struct {
	Spec podSpec
}

type podSpec struct {
	Containers []struct{ Name string }
	Volumes    []map[string]any
}

// parse reads a stream into its objects by "Kind/name"; two objects of one name fail the test.
func parse(t *testing.T, stream string) map[string]object {
	t.Helper()
	objects := map[string]object{}
	for doc := range strings.SplitSeq("\n"+stream, "\n---\n") {
		var o object
		if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
			t.Fatalf("%v in:\n%s", err, doc)
		}
		if o.Kind == "" {
			continue
		}
		key := o.Kind + "/" + o.Metadata.Name
		if _, twice := objects[key]; twice {
			t.Fatalf("%s is there twice in:\n%s", key, stream)
		}
		objects[key] = o
	}
	return objects
}

// pods returns, for every object with a pod template, its containers and then its volumes, each volume as name=type.
func pods(t *testing.T, stream string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for key, o := range parse(t, stream) {
		spec := o.Spec.Template.Spec
		switch o.Kind {
		case "CronJob":
			spec = o.Spec.JobTemplate.Spec.Template.Spec
		case "Pod":
			spec = o.Spec.podSpec
		}
		for _, c := range spec.Containers {
			found[key] = append(found[key], c.Name)
		}
		for _, v := range spec.Volumes {
			for source := range v {
				if source != "name" {
					found[key] = append(found[key], fmt.Sprintf("%v=%s", v["name"], source))
				}
			}
		}
	}
	return found
}

// names returns the keys of all objects in a stream, sorted.
func names(t *testing.T, stream string) []string {
	t.Helper()
	var keys []string
	for key := range parse(t, stream) {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
