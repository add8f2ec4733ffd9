// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReadmeShowsTheTruth runs what the README shows first and looks for its diff in the output.
func TestReadmeShowsTheTruth(t *testing.T) {
	t.Chdir("../..")
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```diff\n")
	shown, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the README shows no diff")
	}
	var stdout, stderr bytes.Buffer
	args := []string{"render", "--diff", "testdata/examples/log-collector"}
	if code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d\n%s", code, &stderr)
	}
	if !strings.Contains(stdout.String(), shown) {
		t.Errorf("the README's diff is not in the output of slipway %s:\n%s", strings.Join(args, " "), &stdout)
	}
}

// TestReadmeFitsTwoPages keeps the README to what a tired person can scan; all else has a document of its own.
func TestReadmeFitsTwoPages(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if lines, words := bytes.Count(readme, []byte("\n")), len(bytes.Fields(readme)); lines > 140 || words > 1100 {
		t.Errorf("the README has %d lines and %d words: more than two pages; move what is not for a first reading", lines, words)
	}
}

// excerpts are the documents that show the beginnings of what commands print, with the folder in which these run.
var excerpts = map[string]string{"README.md": ".", "testdata/examples/rollout/README.md": "testdata/examples/rollout"}

// TestReadmeShowsTheRelease runs each command after a $ in the examples of a release and looks for what is shown below it,
// line by line; ... stands for what is left out.
func TestReadmeShowsTheRelease(t *testing.T) {
	t.Chdir("../..")
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for document, folder := range excerpts {
		t.Chdir(root)
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		t.Chdir(folder)
		blocks := regexp.MustCompile("(?s)```console\n\\$ slipway ([^\n]*)\n(.*?)```").FindAllStringSubmatch(string(text), -1)
		if len(blocks) == 0 {
			t.Fatalf("%s shows no command", document)
		}
		for _, block := range blocks {
			shows(t, document, block[1], block[2])
		}
	}
}

// shows runs a command of a document and looks for each part of what is shown of it in what it prints, in order.
func shows(t *testing.T, document, command, shown string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), strings.Fields(command), strings.NewReader(""), &stdout, &stderr); code != 0 {
		t.Fatalf("%s: slipway %s: exit code %d\n%s", document, command, code, &stderr)
	}
	rest := "\n" + stdout.String()
	for part := range strings.SplitSeq(shown, "...\n") {
		_, after, found := strings.Cut(rest, "\n"+part)
		if !found {
			t.Errorf("%s: slipway %s does not print\n%s\nbut\n%s", document, command, part, stdout.String())
		}
		rest = "\n" + after
	}
}

// TestExampleShowsItsPlan holds the plan that the document of the example of a release shows against its file.
func TestExampleShowsItsPlan(t *testing.T) {
	t.Chdir("../../testdata/examples/rollout")
	document, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := os.ReadFile("gitops/shop/shop-plan.yaml")
	if err != nil || !strings.Contains(string(document), "```yaml\n"+string(plan)+"```") {
		t.Errorf("the document does not show the example's plan: %v", err)
	}
}

// TestTableMatchesExamples holds each row of "Use it with" against the example that it links: what the row shows as code stands
// in a file of the example, and no example goes without mention in the README.
func TestTableMatchesExamples(t *testing.T) {
	t.Chdir("../..")
	document, err := os.ReadFile("render/README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (.+?) \| (.+) \| \[(.+)\]\(\.\./(testdata/examples/.+)\) \|$`).FindAllStringSubmatch(
		string(document), -1)
	if len(rows) < 14 {
		t.Errorf("the table has %d rows", len(rows))
	}
	code := regexp.MustCompile("`[^`]+`")
	for _, cells := range rows {
		example := texts(t, cells[4])
		for _, span := range code.FindAllString(cells[2], -1) {
			want := strings.ReplaceAll(strings.Trim(span, "`"), `\|`, "|")
			if !strings.Contains(example, want) {
				t.Errorf("%s: %q is in no file of %s", cells[1], want, cells[4])
			}
		}
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := os.ReadDir("testdata/examples")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range examples {
		if !strings.Contains(string(readme), "](testdata/examples/"+e.Name()+")") {
			t.Errorf("testdata/examples/%s is not in the README", e.Name())
		}
	}
}

// texts returns the names and texts of all files below a folder, white space collapsed.
func texts(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all.WriteString(" " + path + " " + strings.Join(strings.Fields(string(text)), " "))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// TestEveryKindOfHostileInputIsTried holds the table of hostile input against the scripts: each row is marked in the script that
// it names, and each mark has a row.
func TestEveryKindOfHostileInputIsTried(t *testing.T) {
	readme, err := os.ReadFile("../../render/README.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows, marks []string
	_, table, _ := strings.Cut(string(readme), "| input | limit | outcome | script |\n|---|---|---|---|\n")
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		rows = append(rows, strings.TrimPrefix(cells[0], "| ")+" in "+strings.TrimSuffix(cells[len(cells)-1], " |"))
	}
	scripts, err := filepath.Glob("../../testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if kind, ok := strings.CutPrefix(strings.TrimSpace(line), "# kind: "); ok {
				marks = append(marks, kind+" in "+strings.TrimSuffix(filepath.Base(script), ".txtar"))
			}
		}
	}
	slices.Sort(rows)
	slices.Sort(marks)
	if diff := cmp.Diff(rows, marks); diff != "" {
		t.Errorf("render/README.md and the scripts differ (-rows +marks):\n%s", diff)
	}
}
