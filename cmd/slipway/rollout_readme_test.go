// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/rollout/verify"
)

// TestRolloutReadmeShowsTheTruth runs every command that rollout/README.md shows after a $ and compares the output that
// follows it.
func TestRolloutReadmeShowsTheTruth(t *testing.T) {
	file, err := filepath.Abs("../../rollout/README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir("../../testdata/examples/rollout")
	blocks := regexp.MustCompile("(?s)```console\n\\$ slipway ([^\n]*)\n(.*?)```")
	got := blocks.ReplaceAllStringFunc(string(readme), func(block string) string {
		command := blocks.FindStringSubmatch(block)[1]
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), strings.Fields(command), strings.NewReader(""), &stdout, &stderr); code != 0 {
			t.Fatalf("slipway %s: exit code %d\n%s", command, code, &stderr)
		}
		return "```console\n$ slipway " + command + "\n" + stdout.String() + "```"
	})
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != string(readme) {
		t.Error("rollout/README.md is stale, run go test ./cmd/slipway -run Readme -update")
	}
}

// TestRolloutReadmeNamesEveryFinding compares the table of rollout verify's codes with the code.
func TestRolloutReadmeNamesEveryFinding(t *testing.T) {
	var rows strings.Builder
	for _, c := range verify.Codes() {
		fmt.Fprintf(&rows, "| `%s` | %s | %s |\n", c.Code, c.Severity, c.Meaning)
	}
	holdsTable(t, "../../rollout/README.md", "| code | severity | what is so |\n|---|---|---|\n", rows.String())
}
