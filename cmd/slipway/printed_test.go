// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"k8s.io/client-go/util/jsonpath"

	"github.com/slipway-dev/slipway/cmd/internal/command"
	"github.com/slipway-dev/slipway/cmd/internal/release"
)

// elsewhere lists what is shown to people and needs a cluster or another program, by how it begins, with the test that does the
// same there. Everything else that is shown runs in TestWhatIsShownRuns.
var elsewhere = []struct{ begins, test string }{
	{"make test", "Makefile"},
	{"kubeconform ", "TestKubeconformKnowsTheSchemas"},
	{"kustomize build . | slipway render", "TestRenderBuildsAsKustomizeDoes"},
	{"kubectl get sidecarsets -o yaml", "TestDoctorOnALiveCluster"},
	{"kubectl -n kruise-system get controllerrevisions", "TestScript/render_revisions"},
	{"kubectl get pods -A -o jsonpath=", "TestMigrationAsksForWhatWasInjected"},
	{"kubectl apply -f testdata/examples/deployment/deployment.yaml", "TestDeployment"},
	{"kubectl apply -f deployment.yaml", "TestDeployment"},
	{"kubectl apply -f daemonset.yaml", "TestDaemonSetByNodes"},
	{"slipway doctor --permissions | kubectl apply", "TestDoctorOnALiveCluster"},
	{"slipway doctor", "TestDoctorOnALiveCluster"},
	{"slipway rollout job --image example.com/slipway:v1 --plan fleet.yaml targets.yaml | kubectl apply", "TestTargetsAsIndexedJob"},
	{"slipway rollout job --image example.com/slipway:v1 --plan plan.yaml cloneset.yaml | kubectl apply", "TestLaunch"},
	{"slipway rollout job --policy -n shop --plan plan.yaml statefulset.yaml | kubectl apply", "TestPolicyOfAStatefulSet"},
	{"slipway rollout arm", "TestArmAtTheCommandLine"},
	{"slipway rollout crds --install", "TestRolloutCRDs"},
	{"slipway rollout run", "TestRolloutRun"},
	{"slipway rollout verify", "TestRolloutVerify"},
	{"slipway rollout approve", "TestRolloutPeople"},
	{"slipway rollout promote", "TestPromoteEndsThePause"},
	{"slipway rollout pause", "TestRolloutPeople"},
	{"slipway rollout resume", "TestRolloutPeople"},
	{"slipway rollout abort", "TestRolloutPeople"},
	{"slipway rollout undo", "TestRolloutPeople"},
	{"slipway rollout status", "TestRolloutPeople"},
	{"slipway rollout watch", "TestRolloutPeople"},
	{"slipway rollout serve", "TestRolloutPeople"}, // until ctrl-C
	{"kubectl exec agent -- cat /audit/release.jsonl | slipway rollout report", "TestScript/rollout_report"},
	{"kubectl logs job/demo-rollout", "TestScript/rollout_report"},
}

// answers are blocks that show what is said of a live cluster, by how they begin, with the test of these words.
var answers = map[string]string{
	"error: ResourceQuota ": "TestRolloutVerify", "batch 1 of 3: 0 of 2 updated pods ready; ": "TestWords",
	"target   CloneSet shop/demo\n": "TestReadmeShowsTheScreen",
}

// endsWith are the exit codes of commands that show how something is found or ends badly.
var endsWith = map[string]int{
	"slipway rollout simulate --plan plan.yaml --check error-rate=fail@2 cloneset.yaml": release.ExitStopped,
	"slipway render --check --diff -s sidecars/ manifests/":                             command.ExitDifference,
}

// drawings are the files whose blocks without a language show no command, but how something works or what a cluster answers.
var drawings = []string{"rollout/DESIGN.md", "rollout/surge/DESIGN.md", "rollout/ondelete/DESIGN.md"}

// TestWhatIsShownRuns runs each command that a document or a help text shows, but for those that stand in elsewhere, where the
// files are that it names. It must end well. What is printed is compared by TestReadmeShowsTheTruth, TestReadmeShowsTheRelease
// and TestRolloutReadmeShowsTheTruth.
func TestWhatIsShownRuns(t *testing.T) {
	tests := everyTest(t)
	used := map[string]bool{}
	for _, block := range slices.Concat(shownInDocuments(t), shownInHelp()) {
		var here []string
		for _, command := range block.commands {
			i := slices.IndexFunc(elsewhere, func(e struct{ begins, test string }) bool { return strings.HasPrefix(command, e.begins) })
			if i < 0 {
				here = append(here, command)
				continue
			}
			used[elsewhere[i].begins] = true
			if !tests[elsewhere[i].test] {
				t.Errorf("%s: there is no test %s, which should do the same", command, elsewhere[i].test)
			}
		}
		if len(here) == 0 {
			continue
		}
		t.Run(block.place, func(t *testing.T) {
			dir := filepath.Join(sandbox(t), block.folder)
			for _, command := range here {
				sh := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(command, "go run ./cmd/slipway", "slipway"))
				sh.Dir = dir
				out, err := sh.CombinedOutput()
				if code := sh.ProcessState.ExitCode(); err != nil && code != endsWith[command] {
					t.Errorf("%s: %v\n%s", command, err, out)
				}
			}
		})
	}
	for _, e := range elsewhere {
		if !used[e.begins] {
			t.Errorf("nobody shows %q any more", e.begins)
		}
	}
}

// walk is the page whose commands TestWalk types, terminal by terminal.
const walk = "testdata/examples/rollout/WALK.md"

// shown are commands that stand together.
type shown struct {
	place    string
	commands []string
	folder   string // of an example, below the sandbox
}

// shownInHelp are the examples of every command.
func shownInHelp() []shown {
	var out []shown
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		if commands := commandsOf(c.Example); len(commands) > 0 {
			out = append(out, shown{place: "help of " + c.CommandPath(), commands: commands})
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newRootCommand(command.Streams{In: strings.NewReader(""), Out: new(bytes.Buffer), Err: new(bytes.Buffer)}))
	return out
}

// shownInDocuments are the blocks of every document that show commands without what they print, and the commands in the text of
// MIGRATION.md. A block in no known language, and one of a console that nobody compares, is an error.
func shownInDocuments(t *testing.T) []shown {
	t.Helper()
	var out []shown
	for _, path := range markdown(t) {
		data, err := os.ReadFile(filepath.Join("../..", path))
		if err != nil {
			t.Fatal(err)
		}
		folder := ""
		if strings.HasPrefix(path, "testdata/examples/") {
			folder = filepath.Dir(path)
		}
		fenced := regexp.MustCompile("(?ms)^ *```(\\w*)\n(.*?)^ *```$")
		for i, m := range fenced.FindAllStringSubmatch(string(data), -1) {
			place := fmt.Sprintf("%s, block %d", path, i+1)
			language, text := m[1], m[2]
			_, excerpt := excerpts[path]
			compared := (excerpt || path == "rollout/README.md") && strings.HasPrefix(text, "$ slipway ")
			switch commands := commandsOf(text); {
			case path == walk && everyTest(t)["TestWalk"]: // types all of it
			case language == "yaml" || language == "diff" || language == "console" && compared:
			case (language == "" || language == "text") && (slices.Contains(drawings, path) || answered(t, text)):
			case len(commands) > 0 && slices.Contains([]string{"sh", "console", ""}, language):
				out = append(out, shown{place, commands, folder})
			default:
				t.Errorf("%s is shown, and nothing runs it: %s", place, text)
			}
		}
		rest := fenced.ReplaceAllString(string(data), "")
		indented := regexp.MustCompile(`(?m)^    ((?:\$ )?(?:slipway|kubectl) .*)$`)
		if strings.HasSuffix(path, "MIGRATION.md") {
			indented = regexp.MustCompile("`((?:slipway|kubectl) (?:-n )?[a-z-]+ [^`]+)`")
		}
		for _, m := range indented.FindAllStringSubmatch(rest, -1) {
			out = append(out, shown{path + ", " + m[1], commandsOf(m[1]), folder})
		}
	}
	return out
}

// answered says whether a block is one of answers, whose test exists.
func answered(t *testing.T, text string) bool {
	t.Helper()
	for begins, test := range answers {
		if strings.HasPrefix(text, begins) {
			return everyTest(t)[test]
		}
	}
	return false
}

// commandsOf are the commands of a block, without prompts, comments and what is printed.
func commandsOf(text string) []string {
	var out []string
	text = strings.ReplaceAll(text, "\\\n", " ")
	for line := range strings.Lines(text) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "$ ")
		line, _, _ = strings.Cut(line, "   #")
		line, _, _ = strings.Cut(line, "    # ")
		word, _, _ := strings.Cut(line, " ")
		if slices.Contains([]string{"slipway", "kubectl", "kustomize", "kubeconform", "make", "go", "cat"}, word) {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

// markdown are the repository's Markdown files, but for those that are written from help texts or tell the past.
func markdown(t *testing.T) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel("../..", path)
		if err == nil && strings.HasSuffix(name, ".md") && name != "CHANGELOG.md" && d.Name() != "REFERENCE.md" {
			out = append(out, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// everyTest lists the repository's tests, the scripts of TestScript and the Makefile.
func everyTest(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{"Makefile": true}
	err := filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
		if script, ok := strings.CutSuffix(filepath.Base(path), ".txtar"); ok {
			out["TestScript/"+script] = true
		}
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(text, -1) {
			out[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sandbox is a folder with the files that help texts and documents name.
func sandbox(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	const examples = "../../testdata/examples/"
	for to, from := range map[string]string{
		"app.yaml": "log-collector/app.yaml", "manifests/app.yaml": "log-collector/app.yaml",
		"base/app.yaml":            "log-collector/app.yaml",
		"sidecars/sidecarset.yaml": "log-collector/sidecarset.yaml", "sidecars.yaml": "log-collector/sidecarset.yaml",
		"slipway.yaml": "argocd/apps/manifests/slipway.yaml", "cloneset.yaml": "rollout/cloneset.yaml",
		"running.yaml": "rollout/running.yaml",
		"old.yaml":     "rollout/running.yaml", "plan.yaml": "rollout/checks.yaml", "fleet.yaml": "rollout/fleet.yaml",
		"targets.yaml": "rollout/targets.yaml",
	} {
		text, err := os.ReadFile(examples + from)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, to), text)
	}
	for to, from := range map[string]string{"shop": "rollout/gitops/shop", "gitops": "rollout/gitops", "testdata/examples": "."} {
		if err := os.CopyFS(filepath.Join(dir, to), os.DirFS(examples+from)); err != nil {
			t.Fatal(err)
		}
	}
	var log, stderr bytes.Buffer
	if code := run(t.Context(), []string{"rollout", "simulate", "-o", "audit", examples + "rollout/cloneset.yaml"},
		strings.NewReader(""), &log, &stderr); code != 0 {
		t.Fatal(&stderr)
	}
	for _, name := range []string{"release", "release-0"} {
		write(t, filepath.Join(dir, name+".jsonl"), log.Bytes())
	}
	return dir
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestExitCodesAreListed holds the tables of exit codes against what the help of slipway rollout says.
func TestExitCodesAreListed(t *testing.T) {
	help := release.NewCommand(command.Streams{}).Long
	_, list, found := strings.Cut(help, "Exit codes: ")
	codes := regexp.MustCompile(`(?:^|, )(\d+) `).FindAllStringSubmatch(strings.Join(strings.Fields(list), " "), -1)
	if !found || len(codes) < 9 {
		t.Fatalf("the help lists %v", codes)
	}
	for _, file := range []string{"render/README.md", "rollout/README.md"} {
		text, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range codes {
			if !strings.Contains(string(text), "\n| "+code[1]+" | ") {
				t.Errorf("%s: exit code %s is not in the table", file, code[1])
			}
		}
	}
}

// TestMigrationAsksForWhatWasInjected gives kubectl's query of MIGRATION.md, through the library that kubectl has, a list of
// pods.
func TestMigrationAsksForWhatWasInjected(t *testing.T) {
	document, err := os.ReadFile("../../fn/inject/MIGRATION.md")
	if err != nil {
		t.Fatal(err)
	}
	query := regexp.MustCompile(`jsonpath='([^']+)'`).FindSubmatch(document)
	if query == nil {
		t.Fatal("MIGRATION.md shows no query")
	}
	var pods any
	if err := json.Unmarshal([]byte(`{"kind": "List", "items": [
		{"metadata": {"namespace": "shop", "name": "a", "annotations": {"kruise.io/sidecarset-injected-list": "log,mesh"}}},
		{"metadata": {"namespace": "shop", "name": "b"}}]}`), &pods); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	p := jsonpath.New("pods").AllowMissingKeys(true)
	if err := p.Parse(string(query[1])); err != nil {
		t.Fatal(err)
	}
	if err := p.Execute(&out, pods); err != nil {
		t.Fatal(err)
	}
	if want := "shop/a log,mesh\nshop/b \n"; out.String() != want {
		t.Errorf("got %q, want %q", &out, want)
	}
}
