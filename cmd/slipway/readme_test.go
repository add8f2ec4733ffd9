// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
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
