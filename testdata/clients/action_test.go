// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

const actionFolder = "../../.github/actions/sidecars"

// composite is what the tests look at of the action.
type composite struct {
	Inputs map[string]struct{ Default string }
	Runs   struct {
		Using string
		Steps []struct {
			Name, If, Run, Shell string
			Env                  map[string]string
		}
	}
}

func readAction(t *testing.T) composite {
	t.Helper()
	var a composite
	if err := yaml.Unmarshal([]byte(readFile(t, actionFolder+"/action.yml")), &a); err != nil {
		t.Fatal(err)
	}
	if a.Runs.Using != "composite" || len(a.Runs.Steps) != 5 {
		t.Fatalf("%+v", a)
	}
	return a
}

// action runs the steps of the action with its defaults, as GitHub's runner does, and with a comment: gh keeps comments in a
// folder.
func action(t *testing.T, dir string) (all result) {
	t.Helper()
	a := readAction(t)
	folder, err := filepath.Abs(actionFolder)
	if err != nil {
		t.Fatal(err)
	}
	runner := t.TempDir()
	environment := append(os.Environ(),
		"GITHUB_ACTION_PATH="+folder, "RUNNER_TEMP="+runner, "GITHUB_OUTPUT="+filepath.Join(runner, "output"),
		"GITHUB_PATH="+filepath.Join(runner, "path"), "GITHUB_STEP_SUMMARY="+filepath.Join(dir, "summary.md"),
		"GITHUB_REPOSITORY=shop/manifests", "COMMENTS="+commentsOf(t, dir),
		"PATH="+ghFolder(t)+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, step := range a.Runs.Steps {
		if all.code != 0 && !strings.HasPrefix(step.If, "always()") {
			continue
		}
		if step.Shell != "bash" {
			t.Fatalf("%s runs in %q", step.Name, step.Shell)
		}
		cmd := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", write(t, t.TempDir(), "step.sh", step.Run, 0o644))
		cmd.Dir, cmd.Env = dir, environment
		for name, value := range step.Env {
			cmd.Env = append(cmd.Env, name+"="+a.evaluate(value))
		}
		got := finish(t, cmd)
		all.stdout += got.stdout
		all.stderr += got.stderr
		all.code = max(all.code, got.code)
	}
	if !strings.Contains(readFile(t, filepath.Join(runner, "output")), "report=slipway.sarif\n") ||
		readFile(t, filepath.Join(runner, "path")) == "" {
		t.Error("the action does not say where its report and its program are")
	}
	return all
}

// evaluate puts defaults in the place of the expressions that the action uses.
func (a composite) evaluate(text string) string {
	return regexp.MustCompile(`\$\{\{ (\S+) \}\}`).ReplaceAllStringFunc(text, func(e string) string {
		name := strings.Trim(e, "${} ")
		if input, ok := strings.CutPrefix(name, "inputs."); ok {
			return a.Inputs[input].Default
		}
		return map[string]string{"github.event.pull_request.number": "7"}[name]
	})
}

// commentsOf is the folder with the comments of the pull request from an example.
func commentsOf(t *testing.T, dir string) string {
	t.Helper()
	comments := dir + "-comments"
	if err := os.MkdirAll(comments, 0o755); err != nil {
		t.Fatal(err)
	}
	return comments
}

// ghFolder has a gh that answers the requests of comment.sh: a file for each comment, whose name is its number.
func ghFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "gh", `#!/bin/sh
set -eu
case "$*" in
"api --paginate repos/shop/manifests/issues/7/comments --jq "*)
	for f in "$COMMENTS"/*; do
		if [ -e "$f" ] && head -n 1 "$f" | grep -q '^<!-- slipway: sidecars -->'; then basename "$f"; fi
	done ;;
"api --silent repos/shop/manifests/issues/7/comments -F body=@"*) cp "${5#body=@}" "$COMMENTS/$(($(ls "$COMMENTS" | wc -l) + 1))" ;;
"api --silent -X PATCH repos/shop/manifests/issues/comments/"*) cp "${7#body=@}" "$COMMENTS/${5##*/}" ;;
*) echo "gh: what is $*?" >&2; exit 1 ;;
esac
`, 0o755)
	return dir
}

// The pull request has one comment, that of today, beside those of others; and none where nothing was ever wrong.
func TestActionComments(t *testing.T) {
	dir := example(t, "ci")
	comments := commentsOf(t, dir)
	said := func() (out []string) {
		t.Helper()
		files, err := os.ReadDir(comments)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			out = append(out, readFile(t, filepath.Join(comments, f.Name())))
		}
		return out
	}
	write(t, comments, "1", "somebody else: <!-- slipway: sidecars -->\n", 0o644)
	for range 2 {
		if got := action(t, dir); got.code != 3 {
			t.Fatalf("exit %d, want 3\n%s%s", got.code, got.stdout, got.stderr)
		}
		if got := said(); len(got) != 2 || !strings.HasPrefix(got[0], "somebody else") {
			t.Fatalf("%q", got)
		}
		contains(t, said()[1], "~~~~~~diff\n", "+++ b/manifests/app.yaml", "impact on 2 pod templates: 2 restart")
	}
	if got := run(t, dir, "slipway", "render", "--in-place", "-s", "sidecars", "manifests"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	if got := action(t, dir); got.code != 0 {
		t.Fatalf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	if got := said(); len(got) != 2 || got[1] != "<!-- slipway: sidecars -->\nAll manifests carry their sidecars.\n" {
		t.Errorf("%q", got)
	}
	if err := os.Remove(filepath.Join(comments, "2")); err != nil {
		t.Fatal(err)
	}
	if got := action(t, dir); got.code != 0 || len(said()) != 1 {
		t.Errorf("exit %d, comments %q", got.code, said())
	}
}

// A long diff is cut to what GitHub takes.
func TestActionCutsItsComment(t *testing.T) {
	dir := example(t, "ci")
	diff := write(t, dir, "long.diff", strings.Repeat("+ a line of a diff that does not end\n", 5000), 0o644)
	cmd := exec.Command("bash", actionFolder+"/comment.sh", diff)
	cmd.Env = append(os.Environ(), "NUMBER=7", "GITHUB_REPOSITORY=shop/manifests", "COMMENTS="+commentsOf(t, dir),
		"PATH="+ghFolder(t)+string(os.PathListSeparator)+os.Getenv("PATH"))
	if got := finish(t, cmd); got.code != 0 {
		t.Fatal(got.stderr)
	}
	comment := readFile(t, filepath.Join(commentsOf(t, dir), "1"))
	if len(comment) > 65536 || !strings.HasSuffix(comment, "\n~~~~~~\nIt goes on in the log.\n") {
		t.Errorf("%d bytes, at the end %q", len(comment), comment[len(comment)-60:])
	}
}

// What a pull request holds reaches a script as the value of a variable only, and forks get no comment: they have no right to
// it.
func TestActionIsSafe(t *testing.T) {
	for _, step := range readAction(t).Runs.Steps {
		if strings.Contains(step.Run, "${{") {
			t.Errorf("%s: an expression in a script runs as one", step.Name)
		}
		want := "always() && inputs.comment == 'true' && github.event_name == 'pull_request' && " +
			"!github.event.pull_request.head.repo.fork"
		if step.Name == "comment" && step.If != want {
			t.Errorf("the comment is made if %s, want %s", step.If, want)
		}
	}
}

// actionlint knows the action's inputs where a workflow of this repository uses it.
func TestActionIsCalledAsItIsWritten(t *testing.T) {
	for name, test := range map[string]struct{ input, want string }{
		"the example's inputs": {"comment: true", ""},
		"another input":        {"coment: true", `input "coment" is not defined in action "sidecars"`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			git(t, dir, "init", "-q")
			if err := os.CopyFS(filepath.Join(dir, ".github/actions/sidecars"), os.DirFS(actionFolder)); err != nil {
				t.Fatal(err)
			}
			text := readFile(t, "../examples/ci/.github/workflows/action.yaml")
			text = strings.Replace(text, "slipway-dev/slipway/.github/actions/sidecars@v0.1.0", "./.github/actions/sidecars", 1)
			if err := os.Mkdir(filepath.Join(dir, ".github/workflows"), 0o755); err != nil {
				t.Fatal(err)
			}
			file := write(t, filepath.Join(dir, ".github/workflows"), "action.yaml",
				strings.Replace(text, "comment: true", test.input, 1), 0o644)
			program, err := goCommand(".", "tool", "-n", "actionlint")
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(strings.TrimSpace(program), "-no-color", file)
			cmd.Dir = dir
			got := finish(t, cmd)
			if (got.code == 0) != (test.want == "") || !strings.Contains(got.stdout, test.want) {
				t.Errorf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
			}
		})
	}
}

// The problem matcher finds file, line, severity and message of what slipway says.
func TestProblemMatcher(t *testing.T) {
	dir := example(t, "ci")
	replaceIn(t, dir, "sidecars/sidecarset.yaml", "image: busybox:1.37.0", `image: ""`)
	lint := run(t, dir, "slipway", "lint", "sidecars")
	check := run(t, example(t, "ci"), "slipway", "render", "--check", "-s", "sidecars", "manifests")
	var got []string
	for line := range strings.Lines(lint.stdout + lint.stderr + check.stderr) {
		got = append(got, problems(t, strings.TrimRight(line, "\n"))...)
	}
	want := []string{
		"error|sidecars/sidecarset.yaml|12|SidecarSet/log-sidecar: spec.containers[0].image: a container needs an image|no-image",
		"error|manifests/app.yaml||manifests/app.yaml would change|",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s\n%s%s", diff, lint.stderr, check.stderr)
	}
}

// problems are what the matcher makes of a line: severity, file, line, message and code.
func problems(t *testing.T, line string) (out []string) {
	t.Helper()
	var config struct {
		ProblemMatcher []struct {
			Owner, Severity string
			Pattern         []struct {
				Regexp                              string
				Severity, File, Line, Message, Code int
			}
		}
	}
	if err := json.Unmarshal([]byte(readFile(t, actionFolder+"/matcher.json")), &config); err != nil {
		t.Fatal(err)
	}
	for _, m := range config.ProblemMatcher {
		p := m.Pattern[0]
		found := regexp.MustCompile(p.Regexp).FindStringSubmatch(line)
		if found == nil {
			continue
		}
		group := func(i int) string {
			if i == 0 {
				return ""
			}
			return found[i]
		}
		out = append(out, strings.Join([]string{
			m.Severity + group(p.Severity), group(p.File), group(p.Line), group(p.Message),
			group(p.Code),
		}, "|"))
	}
	return out
}

// component runs the script of GitLab's component, with its inputs put in as GitLab puts them.
func component(t *testing.T, dir string) result {
	t.Helper()
	head, job, found := strings.Cut(readFile(t, "../examples/ci/gitlab/templates/sidecars.yml"), "\n---\n")
	var spec struct {
		Spec struct {
			Inputs map[string]struct{ Default string }
		}
	}
	if err := yaml.Unmarshal([]byte(head), &spec); err != nil || !found {
		t.Fatal(err)
	}
	var use struct {
		Include []struct{ Inputs map[string]string }
	}
	if err := yaml.Unmarshal([]byte(readFile(t, "../examples/ci/gitlab/include.yml")), &use); err != nil || len(use.Include) != 1 {
		t.Fatal(err, use)
	}
	used := map[string]string{}
	for name, input := range spec.Spec.Inputs {
		used[name] = input.Default
	}
	for name, value := range use.Include[0].Inputs {
		if _, known := used[name]; !known {
			t.Errorf("the component has no input %s", name)
		}
		used[name] = value
	}
	job = regexp.MustCompile(`\$\[\[ inputs\.(\w+) \]\]`).ReplaceAllStringFunc(job, func(e string) string {
		value, known := used[strings.TrimPrefix(strings.Trim(e, "$[] "), "inputs.")]
		if !known {
			t.Errorf("%s is no input", e)
		}
		return value
	})
	return gitlabScript(t, dir, job)
}

// Renovate's rule finds name, tag and digest of the images of sidecars, however they are written.
func TestRenovateFindsImages(t *testing.T) {
	var config struct {
		CustomManagers []struct{ ManagerFilePatterns, MatchStrings []string }
	}
	if err := json.Unmarshal([]byte(readFile(t, "../examples/ci/renovate.json")), &config); err != nil {
		t.Fatal(err)
	}
	rule := config.CustomManagers[0]
	images := regexp.MustCompile(rule.MatchStrings[0])
	find := func(text string) (out []string) {
		for _, m := range images.FindAllStringSubmatch(text, -1) {
			out = append(out, strings.Join(m[1:], " "))
		}
		return out
	}
	digest := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	for text, want := range map[string]string{
		"    image: busybox:1.37.0\n":                                           "busybox 1.37.0 ",
		`  - image: "registry.example.com:5000/team/logs:v2"`:                   "registry.example.com:5000/team/logs v2 ",
		"containers: [{name: logs, image: example.com/logs:v1}, {name: other}]": "example.com/logs v1 ",
		"image: 'example.com/logs:v1@" + digest + "'":                           "example.com/logs v1 " + digest,
		"image: registry.example.com/slipway:v1@" + digest:                      "registry.example.com/slipway v1 " + digest,
	} {
		if diff := cmp.Diff([]string{want}, find(text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	if got := find("imagePullPolicy: Always\nimage: logs\n# an image: none\n"); len(got) != 0 {
		t.Errorf("images where there is no version: %q", got)
	}
	file := regexp.MustCompile(strings.Trim(rule.ManagerFilePatterns[0], "/"))
	if got := find(readFile(t, "../examples/ci/sidecars/sidecarset.yaml")); len(got) != 1 ||
		!file.MatchString("sidecars/sidecarset.yaml") {
		t.Errorf("the example's set: %q", got)
	}
}
