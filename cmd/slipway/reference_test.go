// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/slipway-dev/slipway/cmd/internal/command"
)

//go:generate go test -run TestReference -update .

// TestReference keeps REFERENCE.md what the commands say of themselves.
func TestReference(t *testing.T) {
	root := newRootCommand(command.Streams{In: strings.NewReader(""), Out: new(bytes.Buffer), Err: new(bytes.Buffer)})
	root.InitDefaultCompletionCmd()
	var b bytes.Buffer
	b.WriteString("# Command line reference\n\nWritten by `make docs` from the commands themselves.\n\n")
	writeReference(t, &b, root)
	got := strings.ReplaceAll(b.String(), "\t", "  ")
	if *update {
		if err := os.WriteFile("REFERENCE.md", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile("REFERENCE.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("REFERENCE.md is stale, run make docs (-file +commands):\n%s", diff)
	}
}

// writeReference writes a command's page and those of its subcommands, with links that stay in the page.
func writeReference(t *testing.T, b *bytes.Buffer, c *cobra.Command) {
	t.Helper()
	c.DisableAutoGenTag = true
	link := func(file string) string {
		return "#" + strings.ReplaceAll(strings.TrimSuffix(file, ".md"), "_", "-")
	}
	if err := doc.GenMarkdownCustom(c, b, link); err != nil {
		t.Fatal(fmt.Errorf("describing %s: %w", c.CommandPath(), err))
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			writeReference(t, b, sub)
		}
	}
}
