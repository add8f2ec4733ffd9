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

// TestReadmeShowsTheRelease runs each command after a $ in the example of a release and looks for what is shown below it,
// line by line; ... stands for what is left out.
func TestReadmeShowsTheRelease(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := os.ReadFile("../../testdata/examples/rollout/gitops/shop/shop-plan.yaml")
	if err != nil || !strings.Contains(string(readme), "```yaml\n"+string(plan)+"```") {
		t.Errorf("the README does not show the example's plan: %v", err)
	}
	t.Chdir("../../testdata/examples/rollout")
	blocks := regexp.MustCompile("(?s)```console\n\\$ slipway ([^\n]*)\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(blocks) == 0 {
		t.Fatal("the README shows no command")
	}
	for _, block := range blocks {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), strings.Fields(block[1]), strings.NewReader(""), &stdout, &stderr); code != 0 {
			t.Fatalf("slipway %s: exit code %d\n%s", block[1], code, &stderr)
		}
		rest := "\n" + stdout.String()
		for part := range strings.SplitSeq(block[2], "...\n") {
			_, after, found := strings.Cut(rest, "\n"+part)
			if !found {
				t.Errorf("slipway %s does not print\n%s\nbut\n%s", block[1], part, stdout.String())
			}
			rest = "\n" + after
		}
	}
}

// TestReadmeTableMatchesExamples holds each row of "Use it with" against the example that it links: what the row shows
// as code stands in a file of the example, and no example goes without mention.
func TestReadmeTableMatchesExamples(t *testing.T) {
	t.Chdir("../..")
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^\| (.+?) \| (.+) \| \[(.+)\]\((testdata/examples/.+)\) \|$`)
	code := regexp.MustCompile("`[^`]+`")
	for _, cells := range row.FindAllStringSubmatch(string(readme), -1) {
		example := texts(t, cells[4])
		for _, span := range code.FindAllString(cells[2], -1) {
			want := strings.ReplaceAll(strings.Trim(span, "`"), `\|`, "|")
			if !strings.Contains(example, want) {
				t.Errorf("%s: %q is in no file of %s", cells[1], want, cells[4])
			}
		}
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

// TestEveryKindOfHostileInputIsTried holds the table of hostile input against the scripts: each row is marked in the script that it
// names, and each mark has a row.
func TestEveryKindOfHostileInputIsTried(t *testing.T) {
	readme, err := os.ReadFile("../../render/README.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows, marks []string
	_, table, _ := strings.Cut(string(readme), "|---|---|---|---|\n")
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
