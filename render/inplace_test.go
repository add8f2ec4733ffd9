// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/render"
	"github.com/slipway-dev/slipway/rollout/manifests"
)

// webInjected is web with the container of set: two places gain lines, and no other byte differs.
const webInjected = `apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    slipway.dev/injected: '{"sets":{"logs":{"containers":["tail"]}}}'
  labels: {app: web}
spec:
  containers:
  - name: app
    image: app:v1
  - name: tail
    image: tail:v1
    env:
    - name: IS_INJECTED
      value: "true"
`

// folderOf writes files, by their paths with slashes, into a new folder.
func folderOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		put(t, filepath.Join(dir, filepath.FromSlash(name)), text)
	}
	return dir
}

// put writes a file, and the folders that it is in.
func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// filesIn are the files of a folder and of those below it.
func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		found[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// inPlace rewrites what is at some paths, as render --in-place and eject --in-place do.
func inPlace(t *testing.T, req render.Request) (*render.Outcome, *render.InPlace, error) {
	t.Helper()
	req.Options, req.AsFiles, req.KeepSidecarSets = inject.DefaultOptions(), true, true
	sink := &render.InPlace{}
	outcome, err := render.Run(t.Context(), req, sink)
	return outcome, sink, err
}

// TestInPlace rewrites folders, and takes the change back: the bytes of before are there again.
func TestInPlace(t *testing.T) {
	crlf := func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }
	for name, c := range map[string]struct {
		reason        string
		before, after string
	}{
		"nothing matches": {"a file without a match stays", plain + "---\n" + other, plain + "---\n" + other},
		"an empty file":   {"it holds nothing to inject into", "", ""},
		"only comments":   {"they are nobody's object", "# later\n---\n# more\n", "# later\n---\n# more\n"},
		"one document":    {"the injection is added", web, webInjected},
		"the second of three": {
			"its neighbours stay", plain + "---\n" + web + "---\n" + other, plain + "---\n" + webInjected + "---\n" + other,
		},
		"each of two": {"one edit does not move the other", web + "---\n" + web, webInjected + "---\n" + webInjected},
		"line ends of Windows": {
			"what is added ends its lines as its neighbours do", crlf(plain + "---\n" + web), crlf(plain + "---\n" + webInjected),
		},
		"no line break at the end": {
			"the last line gets one, as another follows it", strings.TrimSuffix(web, "\n"), strings.TrimSuffix(webInjected, "\n"),
		},
		"a byte order mark": {"it stays where it is", "\ufeff" + web, "\ufeff" + webInjected},
		"markers and comments": {
			"all that stands around an object stays", "# top\n---  # first\n" + web + "# between\n...\n# end\n",
			"# top\n---  # first\n" + webInjected + "# between\n...\n# end\n",
		},
		"comments inside": {
			"they stay with what they are about", strings.Replace(web, "image: app:v1", "image: app:v1   # pinned", 1),
			strings.Replace(webInjected, "image: app:v1", "image: app:v1   # pinned", 1),
		},
		"a tail with white space": {"blank lines at the end stay there", web + "\n\n", webInjected + "\n\n"},
		"JSON": {
			"it stays JSON",
			`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","labels":{"app":"web"}},"spec":{"containers":[{"name":"app"}]}}`,
			`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web",` +
				`"annotations":{"slipway.dev/injected":"{\"sets\":{\"logs\":{\"containers\":[\"tail\"]}}}"},"labels":{"app":"web"}},` +
				`"spec":{"containers":[{"name":"app"},{"name":"tail","image":"tail:v1","env":[{"name":"IS_INJECTED","value":"true"}]}]}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folderOf(t, map[string]string{"below/app.yaml": c.before, "set.yaml": set})
			want := map[string]string{"below/app.yaml": c.after, "set.yaml": set}
			for _, run := range []string{"one run", "another one, which finds its work done"} {
				outcome, _, err := inPlace(t, render.Request{Paths: []string{dir}})
				if err != nil || outcome.Failed() {
					t.Fatalf("%s: %v, %v", run, outcome, err)
				}
				if diff := cmp.Diff(want, filesIn(t, dir)); diff != "" {
					t.Errorf("%s: %s (-want +got):\n%s", run, c.reason, diff)
				}
			}
			if _, _, err := inPlace(t, render.Request{Action: render.Eject, Paths: []string{dir}}); err != nil {
				t.Fatal(err)
			}
			want["below/app.yaml"] = c.before
			if diff := cmp.Diff(want, filesIn(t, dir)); diff != "" {
				t.Errorf("ejected (-want +got):\n%s", diff)
			}
		})
	}
}

// TestInPlaceLeavesTheRest: what a run has no reason to write is the same file afterwards, down to its place on the disk.
func TestInPlaceLeavesTheRest(t *testing.T) {
	dir := folderOf(t, map[string]string{
		"app.yaml": web, "same.yaml": plain, "set.yaml": set, "kustomization.yaml": "resources: [app.yaml]\n",
		"notes.txt": web, ".hidden.yaml": web,
	})
	before := statOf(t, dir, "same.yaml", "set.yaml", "kustomization.yaml", "notes.txt", ".hidden.yaml")
	outcome, _, err := inPlace(t, render.Request{Paths: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{filepath.Join(dir, "app.yaml")}, outcome.Changed); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	want := map[string]string{
		"app.yaml": webInjected, "same.yaml": plain, "set.yaml": set, "kustomization.yaml": "resources: [app.yaml]\n",
		"notes.txt": web, ".hidden.yaml": web,
	}
	if diff := cmp.Diff(want, filesIn(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	for name, was := range before {
		if now := statOf(t, dir, name)[name]; !os.SameFile(was, now) {
			t.Errorf("%s was written anew", name)
		}
	}
}

// statOf looks at files of a folder.
func statOf(t *testing.T, dir string, names ...string) map[string]fs.FileInfo {
	t.Helper()
	found := map[string]fs.FileInfo{}
	for _, name := range names {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		found[name] = info
	}
	return found
}

// symlink makes a link. Windows lets only those make one who have the right or Developer Mode: for others there is no link that
// slipway could meet. Anywhere else it is an error.
func symlink(t *testing.T, to, path string) {
	t.Helper()
	err := os.Symlink(to, path)
	if err != nil && runtime.GOOS == "windows" {
		t.Skip("this user of Windows has no right to make links, and the test is about one: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestInPlaceKeepsWhatAFileIs: a link stays a link, the file at its end changes, and permissions stay.
func TestInPlaceKeepsWhatAFileIs(t *testing.T) {
	dir := folderOf(t, map[string]string{"in/set.yaml": set, "far/web.yaml": web})
	link := filepath.Join(dir, "in", "app.yaml")
	symlink(t, filepath.Join("..", "far", "web.yaml"), link)
	if err := os.Chmod(link, 0o640); err != nil {
		t.Fatal(err)
	}
	mode := statOf(t, dir, "far/web.yaml")["far/web.yaml"].Mode()
	if _, _, err := inPlace(t, render.Request{Paths: []string{filepath.Join(dir, "in")}}); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(link); err != nil || to != filepath.Join("..", "far", "web.yaml") {
		t.Errorf("the link leads to %q: %v", to, err)
	}
	if text := filesIn(t, dir)["far/web.yaml"]; text != webInjected {
		t.Errorf("the file at its end is %q", text)
	}
	if now := statOf(t, dir, "far/web.yaml")["far/web.yaml"].Mode(); now != mode {
		t.Errorf("it was %v and is %v", mode, now)
	}
}

// TestInPlaceWritesAllOrNothing: whatever is wrong with one file, the others stay as they were.
func TestInPlaceWritesAllOrNothing(t *testing.T) {
	for name, c := range map[string]struct {
		reason  string
		files   map[string]string             // beside the set and a file that would change
		between func(dir string) error        // what happens when everything is read and nothing is written
		after   func(files map[string]string) // what that has done
		stdin   bool
		err     string // "": a finding says what is wrong
	}{
		"a mistake": {
			reason: "a finding that is an error keeps all files",
			files:  map[string]string{"b.yaml": strings.Replace(web, "name: app", "name: tail", 1)},
		},
		"text that is no YAML": {
			reason: "so does a document that cannot be read", files: map[string]string{"b.yaml": "a: [\n"},
		},
		"standard input": {
			reason: "there is no file to write to", stdin: true,
			err: "stdin cannot be changed in place: it is not a file (name files or folders)",
		},
		"an editor was faster": {
			reason:  "what somebody has written in the meantime is not lost",
			between: func(dir string) error { return os.WriteFile(filepath.Join(dir, "app.yaml"), []byte(other), 0o600) },
			after:   func(files map[string]string) { files["app.yaml"] = other },
			err:     "app.yaml: it has changed since slipway has read it: run slipway again (no file was changed)",
		},
		"the file is gone": {
			reason:  "it is not made anew",
			between: func(dir string) error { return os.Remove(filepath.Join(dir, "app.yaml")) },
			after:   func(files map[string]string) { delete(files, "app.yaml") },
			err:     "app.yaml: no such file or directory (no file was changed)",
		},
		"a folder in its place": {
			reason: "a folder is no file",
			between: func(dir string) error {
				app := filepath.Join(dir, "app.yaml")
				return errors.Join(os.Remove(app), os.Mkdir(app, 0o700))
			},
			after: func(files map[string]string) { delete(files, "app.yaml") },
			err:   "app.yaml: a folder is there (no file was changed)",
		},
		"a second name": {
			reason: "a rename would part a file from its other names",
			between: func(dir string) error {
				return os.Link(filepath.Join(dir, "app.yaml"), filepath.Join(dir, "second.txt"))
			},
			after: func(files map[string]string) { files["second.txt"] = web },
			err: "app.yaml: it has 2 names (hard links), and only this one would change: copy it, or remove the other names " +
				"(no file was changed)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"app.yaml": web, "set.yaml": set, "z.yaml": strings.Replace(web, "name: web", "name: last", 1)}
			maps.Copy(files, c.files)
			dir := folderOf(t, files)
			req := render.Request{Paths: []string{dir}}
			if c.stdin {
				req.Paths, req.Stdin = append(req.Paths, "-"), strings.NewReader(web)
			}
			req.Report = func(*render.Outcome) error {
				if c.between == nil {
					return nil
				}
				return c.between(dir)
			}
			outcome, _, err := inPlace(t, req)
			switch {
			case c.err == "" && (err != nil || !outcome.Failed()):
				t.Errorf("%s: %v, %v", c.reason, outcome, err)
			case c.err != "" && (err == nil || !strings.HasSuffix(err.Error(), c.err)):
				t.Errorf("%s: %v", c.reason, err)
			}
			if c.after != nil {
				c.after(files)
			}
			if diff := cmp.Diff(files, filesIn(t, dir)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

// TestInPlaceClearsUpAfterAKilledRun: temporary files of slipway go, files of others that are called alike stay.
func TestInPlaceClearsUpAfterAKilledRun(t *testing.T) {
	const left, alike = ".slipway-AAAAAAAAAAAAAAAAAAAAAAAAAA", ".slipway-mine"
	dir := folderOf(t, map[string]string{
		"app.yaml": web, left: "half", alike: "mine", "below/same.yaml": plain, "below/" + left: "half", "beside/" + left: "half",
	})
	sets := filepath.Join(folderOf(t, map[string]string{"set.yaml": set}), "set.yaml")
	req := render.Request{Paths: []string{filepath.Join(dir, "app.yaml"), filepath.Join(dir, "below")}, SetPaths: []string{sets}}
	_, sink, err := inPlace(t, req)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"app.yaml": webInjected, alike: "mine", "below/same.yaml": plain, "beside/" + left: "half"}
	if diff := cmp.Diff(want, filesIn(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{dir, filepath.Join(dir, "below")}, sink.Resumed); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if _, sink, err = inPlace(t, req); err != nil || len(sink.Resumed) > 0 {
		t.Errorf("the next run tells it again: %v, %v", sink.Resumed, err)
	}
}

const (
	target = `apiVersion: apps.kruise.io/v1alpha1
kind: CloneSet
metadata: {name: demo}
spec:
  selector: {matchLabels: {app: demo}}
  template:
    metadata: {labels: {app: demo}}
    spec: {containers: [{name: app, image: app:v1}]}
`
	batchPlan = `apiVersion: slipway.dev/v1alpha1
kind: BatchPlan
metadata: {name: demo}
spec:
  target: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: demo}
  batches: [{replicas: 100%}]
`
)

// kindsOf are the kinds of the objects of a text, in order.
func kindsOf(text string) []string {
	var kinds []string
	for line := range strings.Lines(text) {
		if kind, ok := strings.CutPrefix(line, "kind: "); ok {
			kinds = append(kinds, strings.TrimSpace(kind))
		}
	}
	return kinds
}

// TestInPlaceWritesReleases follows the file that a BatchPlan's release goes to.
func TestInPlaceWritesReleases(t *testing.T) {
	all := []string{"ServiceAccount", "Role", "RoleBinding", "ConfigMap", "Job"}
	for name, c := range map[string]struct {
		reason string
		change func(generated string) string // what becomes of the file before a second run with another template; nil: nothing
		named  string                        // how the second run is told of the file; "": by its folder
		want   []string
	}{
		"another template": {reason: "objects are replaced where they stand", want: all},
		"the file is named": {
			reason: "it is one input, whatever else names it", named: "in/release-demo.yaml", want: all,
		},
		"an object is gone": {
			reason: "it comes back, at the end", change: withoutFirst,
			want: []string{"Role", "RoleBinding", "ConfigMap", "Job", "ServiceAccount"},
		},
		"an object is gone, and the file has another name": {
			reason: "a file is one file, whatever the names that lead to it", change: withoutFirst, named: "./in/release-demo.yaml",
			want: []string{"Role", "RoleBinding", "ConfigMap", "Job", "ServiceAccount"},
		},
		"an object is gone, and the file is named from the root": {
			reason: "so it is from the root", change: withoutFirst, named: "$PWD/in/release-demo.yaml",
			want: []string{"Role", "RoleBinding", "ConfigMap", "Job", "ServiceAccount"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(folderOf(t, map[string]string{"in/app.yaml": target, "in/plan.yaml": batchPlan}))
			req := render.Request{Paths: []string{"in"}, Release: &manifests.Config{Image: "slipway:v1"}}
			if _, _, err := inPlace(t, req); err != nil {
				t.Fatal(err)
			}
			first := filesIn(t, "in")
			if diff := cmp.Diff(all, kindsOf(first["release-demo.yaml"])); diff != "" {
				t.Fatalf("a first run (-want +got):\n%s", diff)
			}
			if first["plan.yaml"] != batchPlan {
				t.Errorf("the plan is %q", first["plan.yaml"])
			}
			put(t, "in/app.yaml", strings.Replace(first["app.yaml"], "app:v1", "app:v2", 1))
			if c.change != nil {
				put(t, "in/release-demo.yaml", c.change(first["release-demo.yaml"]))
			}
			if c.named != "" {
				req.Paths = []string{os.ExpandEnv(c.named), "in/app.yaml", "in/plan.yaml"}
			}
			if _, _, err := inPlace(t, req); err != nil {
				t.Fatal(err)
			}
			second := filesIn(t, "in")
			if diff := cmp.Diff(c.want, kindsOf(second["release-demo.yaml"])); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
			if outcome, _, err := inPlace(t, req); err != nil || len(outcome.Changed) > 0 {
				t.Errorf("another run changes %v: %v", outcome.Changed, err)
			}
			if diff := cmp.Diff(second, filesIn(t, "in")); diff != "" {
				t.Errorf("another run (-want +got):\n%s", diff)
			}
		})
	}
}

// withoutFirst is a stream without its first document.
func withoutFirst(text string) string {
	_, rest, _ := strings.Cut(text, "---\n")
	return rest
}

// TestInPlaceLeavesAFileOfSomebodyElse: a file that is called like that of a release, and is none, stays.
func TestInPlaceLeavesAFileOfSomebodyElse(t *testing.T) {
	files := map[string]string{"app.yaml": target, "plan.yaml": batchPlan, "release-demo.yaml": plain}
	dir := folderOf(t, files)
	_, _, err := inPlace(t, render.Request{Paths: []string{dir}, Release: &manifests.Config{Image: "slipway:v1"}})
	want := filepath.Join(dir, "release-demo.yaml") + " is there, and slipway has not generated it: rename it, for the release " +
		"of the plan goes there (no file was changed)"
	if err == nil || err.Error() != want {
		t.Errorf("it says %v", err)
	}
	if diff := cmp.Diff(files, filesIn(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}
