// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"encoding/json"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// workflow is the part of the example's workflow that the tests look at.
type workflow struct {
	Permissions map[string]string
	Jobs        map[string]struct {
		Permissions map[string]string
		Steps       []struct{ If, Run, Shell, Uses string }
	}
}

func readWorkflow(t *testing.T) workflow {
	t.Helper()
	var w workflow
	if err := yaml.Unmarshal([]byte(readFile(t, "../examples/ci/.github/workflows/sidecars.yaml")), &w); err != nil {
		t.Fatal(err)
	}
	return w
}

// github runs the steps of the workflow that are commands, as GitHub's runner does, but for the installation.
func github(t *testing.T, dir string) (all result) {
	t.Helper()
	t.Setenv("GITHUB_STEP_SUMMARY", filepath.Join(dir, "summary.md"))
	for _, step := range readWorkflow(t).Jobs["check"].Steps {
		if step.Run == "" || strings.HasPrefix(step.Run, "go install ") || all.code != 0 && step.If != "always()" {
			continue
		}
		shell := []string{"-e"}
		if step.Shell == "bash" {
			shell = []string{"--noprofile", "--norc", "-eo", "pipefail"}
		}
		cmd := exec.Command("bash", append(shell, write(t, t.TempDir(), "step.sh", step.Run, 0o644))...)
		cmd.Dir = dir
		got := finish(t, cmd)
		all.stdout += got.stdout
		all.stderr += got.stderr
		all.code = max(all.code, got.code)
	}
	return all
}

// gitlab runs the script of the pipeline.
func gitlab(t *testing.T, dir string) result {
	t.Helper()
	return gitlabScript(t, dir, readFile(t, "../examples/ci/.gitlab-ci.yml"))
}

// gitlabScript runs the script of a pipeline's job: GitLab's runner stops at the first command that fails.
func gitlabScript(t *testing.T, dir, text string) result {
	t.Helper()
	var pipeline map[string]struct{ Script []string }
	if err := yaml.Unmarshal([]byte(text), &pipeline); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-e", write(t, t.TempDir(), "script.sh", strings.Join(pipeline["sidecars"].Script, "\n")+"\n", 0o644))
	cmd.Dir = dir
	return finish(t, cmd)
}

// Each pipeline fails on manifests without their sidecars, say so at the line, and pass once they carry them.
func TestPipelines(t *testing.T) {
	type pipeline struct {
		run     func(*testing.T, string) result
		results func(*testing.T, string) []string
	}
	for name, p := range map[string]pipeline{
		"GitHub": {github, sarifResults}, "GitLab": {gitlab, qualityIssues},
		"GitHub, by the action": {action, sarifResults}, "GitLab, by the component": {component, qualityIssues},
	} {
		t.Run(name, func(t *testing.T) {
			dir := example(t, "ci")
			got := p.run(t, dir)
			if got.code != 3 {
				t.Fatalf("exit %d, want 3\n%s%s", got.code, got.stdout, got.stderr)
			}
			contains(t, got.stdout, "+++ b/manifests/app.yaml")
			contains(t, got.stdout+got.stderr, "impact on 2 pod templates: 2 restart", "manifests/app.yaml would change")
			if results := p.results(t, dir); len(results) != 2 || results[0] != "would-change manifests/app.yaml" {
				t.Errorf("results %v", results)
			}
			if strings.HasPrefix(name, "GitHub") {
				contains(t, readFile(t, filepath.Join(dir, "summary.md")), "~~~~~~diff\n", "+++ b/manifests/app.yaml", "2 restart")
			}
			if got := run(t, dir, "slipway", "render", "--in-place", "-s", "sidecars", "manifests"); got.code != 0 {
				t.Fatal(got.stderr)
			}
			if got := p.run(t, dir); got.code != 0 {
				t.Errorf("exit %d with sidecars in place\n%s%s", got.code, got.stdout, got.stderr)
			}
			if results := p.results(t, dir); len(results) != 0 {
				t.Errorf("results %v", results)
			}
		})
	}
}

// The workflow has no right that it can do without, and tries no upload where there is no report or no right to it.
func TestWorkflowPermissions(t *testing.T) {
	w := readWorkflow(t)
	if diff := cmp.Diff(map[string]string{"contents": "read"}, w.Permissions); diff != "" {
		t.Errorf("permissions of the workflow (-want +got):\n%s", diff)
	}
	want := map[string]string{"contents": "read", "security-events": "write"}
	if diff := cmp.Diff(want, w.Jobs["check"].Permissions); diff != "" {
		t.Errorf("permissions of the job (-want +got):\n%s", diff)
	}
	steps := w.Jobs["check"].Steps
	upload := steps[len(steps)-1]
	if want := "always() && hashFiles('slipway.sarif') != '' && !github.event.pull_request.head.repo.fork"; upload.If != want {
		t.Errorf("%s runs if %s, want %s", upload.Uses, upload.If, want)
	}
}

// qualityIssues lists check and file of each issue in GitLab's report, and holds each to what GitLab asks for.
func qualityIssues(t *testing.T, dir string) []string {
	t.Helper()
	var issues []struct {
		Description, Fingerprint, Severity string
		CheckName                          string `json:"check_name"`
		Location                           struct {
			Path  string
			Lines struct{ Begin int }
		}
	}
	if err := json.Unmarshal([]byte(readFile(t, filepath.Join(dir, "gl-code-quality-report.json"))), &issues); err != nil {
		t.Fatal(err)
	}
	var out []string
	seen := map[string]bool{}
	for _, i := range issues {
		if i.Description == "" || i.Location.Lines.Begin < 2 || seen[i.Fingerprint] ||
			!slices.Contains([]string{"info", "minor", "major", "critical", "blocker"}, i.Severity) {
			t.Errorf("GitLab does not take %+v, or takes it for another", i)
		}
		seen[i.Fingerprint] = true
		out = append(out, i.CheckName+" "+i.Location.Path)
	}
	return out
}

// Dependabot is told of every folder with a go.mod.
func TestDependabotKnowsEveryModule(t *testing.T) {
	var config struct {
		Updates []struct {
			Ecosystem   string `json:"package-ecosystem"`
			Directories []string
		}
	}
	if err := yaml.Unmarshal([]byte(readFile(t, "../../.github/dependabot.yml")), &config); err != nil {
		t.Fatal(err)
	}
	var told, want []string
	for _, u := range config.Updates {
		if u.Ecosystem == "gomod" {
			told = append(told, u.Directories...)
		}
	}
	for _, file := range strings.Fields(git(t, "../..", "ls-files", "go.mod", "*/go.mod")) {
		want = append(want, path.Join("/", path.Dir(file)))
	}
	slices.Sort(told)
	slices.Sort(want)
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("folders of go.mod files (-want +got):\n%s", diff)
	}
}

// sarifResults lists rule and file of each result.
func sarifResults(t *testing.T, dir string) []string {
	t.Helper()
	var log struct {
		Version string
		Runs    []struct {
			Results []struct {
				RuleID    string
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(readFile(t, filepath.Join(dir, "slipway.sarif"))), &log); err != nil || log.Version != "2.1.0" {
		t.Fatalf("version %q, %v", log.Version, err)
	}
	var out []string
	for _, r := range log.Runs[0].Results {
		place := r.Locations[0].PhysicalLocation
		if place.Region.StartLine == 0 {
			t.Errorf("%s has no line", r.RuleID)
		}
		out = append(out, r.RuleID+" "+place.ArtifactLocation.URI)
	}
	return out
}

// pre-commit builds slipway from a repository and runs it as the hooks say.
func TestPreCommit(t *testing.T) {
	if _, err := exec.LookPath("pre-commit"); err != nil {
		t.Skip("pre-commit is not on PATH: install Debian's package pre-commit")
	}
	t.Setenv("PRE_COMMIT_HOME", t.TempDir())
	for _, variable := range []string{"GOMODCACHE", "GOCACHE"} {
		dir, err := goCommand(".", "env", variable)
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv(variable, strings.TrimSpace(dir))
	}
	t.Setenv("CGO_ENABLED", "0")
	source := repository(t)
	dir := checkout(t, "ci")
	replaceIn(t, dir, ".pre-commit-config.yaml", "https://github.com/slipway-dev/slipway", source)
	git(t, dir, "commit", "-qam", "use the repository at hand")
	write(t, dir, "hooks.sh", "pre-commit run --all-files\n", 0o644)
	got := script(t, dir, "hooks.sh")
	if got.code != 1 {
		t.Errorf("exit %d, want 1", got.code)
	}
	contains(t, got.stdout, "exit code: 3", "manifests/app.yaml would change", "SidecarSets are valid")
	if changed := git(t, dir, "status", "--porcelain", "--untracked-files=no"); changed != "" {
		t.Errorf("a check has changed:\n%s", changed)
	}
	if got := run(t, dir, "slipway", "render", "--in-place", "-s", "sidecars", "manifests"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	git(t, dir, "commit", "-qam", "inject sidecars")
	if got := script(t, dir, "hooks.sh"); got.code != 0 {
		t.Errorf("exit %d with sidecars in place\n%s%s", got.code, got.stdout, got.stderr)
	}
	// A commit that only deletes a set, or changes a template, leaves files behind that are not as they are rendered.
	write(t, filepath.Join(dir, "sidecars"), ".keep", "", 0o644)
	git(t, dir, "add", "sidecars/.keep")
	git(t, dir, "rm", "-q", "sidecars/sidecarset.yaml")
	write(t, dir, "hooks.sh", "pre-commit run slipway\n", 0o644)
	got = script(t, dir, "hooks.sh")
	if got.code != 1 {
		t.Errorf("a set is deleted: exit %d, want 1\n%s", got.code, got.stdout)
	}
	contains(t, got.stdout, "manifests/app.yaml would change")
}

// repository makes a repository of this checkout as it is now, committed or not, with the tag that the example names.
func repository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	files := strings.Split(strings.TrimSpace(git(t, "../..", "ls-files", "-co", "--exclude-standard", ":!testdata")), "\n")
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join("../..", file))
		if err != nil {
			continue // deleted, but not yet in Git
		}
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(file)), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, dir, file, string(text), 0o644)
	}
	for _, args := range [][]string{
		{"init", "-q"},
		{"add", "-A"},
		{"-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false", "commit", "-qm", "slipway"},
		{"tag", "v0.1.0"},
	} {
		git(t, dir, args...)
	}
	return dir
}

// A branch of rendered manifests: one file an object under names that stay, only slipway's own files go, and nothing new
// is committed where nothing has changed.
func TestRenderedBranch(t *testing.T) {
	dir := checkout(t, "rendered-branch")
	git(t, dir, "branch", "env/prod")
	files := func() []string {
		return strings.Fields(git(t, dir, "ls-tree", "-r", "--name-only", "env/prod", "shop/"))
	}
	publish := func() {
		t.Helper()
		if got := script(t, dir, "publish.sh"); got.code != 0 {
			t.Fatalf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
		}
	}
	publish()
	want := []string{
		"shop/.slipway-files", "shop/shop/apps.kruise.io_v1alpha1_cloneset_worker.yaml", "shop/shop/apps_v1_deployment_web.yaml",
		"shop/shop/v1_service_web.yaml",
	}
	if diff := cmp.Diff(want, files()); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	contains(t, git(t, dir, "show", "env/prod:shop/shop/apps_v1_deployment_web.yaml"), "name: log-collector")
	head := git(t, dir, "rev-parse", "env/prod")
	publish()
	if again := git(t, dir, "rev-parse", "env/prod"); again != head {
		t.Error("nothing has changed, and something is committed")
	}
	git(t, dir, "worktree", "add", "-q", "../by-hand", "env/prod")
	byHand := filepath.Join(filepath.Dir(dir), "by-hand")
	write(t, filepath.Join(byHand, "shop"), "README.md", "written by hand\n", 0o644)
	git(t, byHand, "add", "-A")
	git(t, byHand, "commit", "-qm", "say what this is")
	git(t, dir, "worktree", "remove", "../by-hand")
	text := readFile(t, filepath.Join(dir, "base/app.yaml"))
	write(t, filepath.Join(dir, "base"), "app.yaml", text[:strings.LastIndex(text, "---\n")], 0o644)
	git(t, dir, "commit", "-qam", "retire the worker")
	publish()
	want = []string{
		"shop/.slipway-files", "shop/README.md", "shop/shop/apps_v1_deployment_web.yaml",
		"shop/shop/v1_service_web.yaml",
	}
	if diff := cmp.Diff(want, files()); diff != "" {
		t.Errorf("files after an object has gone (-want +got):\n%s", diff)
	}
}

// Whatever goes wrong, the branch that is deployed stays as it was, and the next run goes on.
func TestRenderedBranchPublishesNothingBroken(t *testing.T) {
	for name, test := range map[string]struct{ reason, file, old, changed, want string }{
		"set": {"a mistake in a set", "sidecars/sidecarset.yaml", "containers:", "containerz:", "containerz"},
		"nothing": {
			"a kustomization of nothing, with which slipway has no quarrel", "base/kustomization.yaml",
			"resources:\n- app.yaml\n", "resources: []\n", "base renders to nothing",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := checkout(t, "rendered-branch")
			git(t, dir, "branch", "env/prod")
			if got := script(t, dir, "publish.sh"); got.code != 0 {
				t.Fatalf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
			}
			head := git(t, dir, "rev-parse", "env/prod")
			replaceIn(t, dir, test.file, test.old, test.changed)
			got := script(t, dir, "publish.sh")
			if got.code == 0 || git(t, dir, "rev-parse", "env/prod") != head {
				t.Errorf("%s: exit %d, and the branch has moved: %v", test.reason, got.code, git(t, dir, "log", "-1", "--stat", "env/prod"))
			}
			contains(t, got.stderr, test.want)
			replaceIn(t, dir, test.file, test.changed, test.old)
			if got := script(t, dir, "publish.sh"); got.code != 0 {
				t.Errorf("mended: exit %d\n%s%s", got.code, got.stdout, got.stderr)
			}
		})
	}
}
