// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// positioned is a message that starts with a place: FILE:LINE: what. In a script's patterns the brackets are quoted.
var positioned = regexp.MustCompile(`(?m)(?:error: |warning: |info: |reading ` +
	`|'|\()([\w./-]+\.(?:ya?ml|json)):(\d+)(:\d+)?(?:: |\)|\$)(.*)`)

// TestPositionsAreThoseOfTheFile takes every message of the scripts that names a place in one of the script's files, and
// looks there: the line must be in the file, and must show what the message is about. A second number, which editors read as
// a column, is none of ours.
func TestPositionsAreThoseOfTheFile(t *testing.T) {
	scripts, err := filepath.Glob("../../testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatal(scripts, err)
	}
	checked := 0
	for _, script := range scripts {
		archive, err := txtar.ParseFile(script)
		if err != nil {
			t.Fatal(err)
		}
		files := map[string][]string{}
		texts := []string{string(archive.Comment)}
		for _, f := range archive.Files {
			files[f.Name] = strings.Split(string(f.Data), "\n")
			texts = append(texts, string(f.Data))
		}
		for _, m := range positioned.FindAllStringSubmatch(strings.Join(texts, "\n"), -1) {
			lines, known := files[m[1]]
			if !known {
				continue // a copy, which the script has made
			}
			checked++
			if m[3] != "" {
				t.Errorf("%s: %s is not FILE:LINE", filepath.Base(script), m[0])
			}
			checkPosition(t, filepath.Base(script)+": "+m[0], lines, m[2], m[4])
		}
	}
	const atLeast = 100
	if checked < atLeast {
		t.Errorf("only %d messages with a position were found, want %d at least", checked, atLeast)
	}
}

// checkPosition checks that a line is one of lines and shows the thing that what is about.
func checkPosition(t *testing.T, where string, lines []string, number, what string) {
	t.Helper()
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > len(lines) {
		t.Errorf("%s: the file has %d lines", where, len(lines))
		return
	}
	line := strings.TrimSpace(lines[n-1])
	if line == "" || line == "---" || strings.HasPrefix(line, "#") {
		t.Errorf("%s: on the line stands %q", where, line)
		return
	}
	shown := line + lines[max(n-2, 0)] // a mapping or list is at its first element, below the line with its key
	if words := wordsOf(what); len(words) > 0 && !slices.ContainsFunc(words,
		func(w string) bool { return strings.Contains(shown, w) }) {
		t.Errorf("%s: the line %q shows none of %q", where, line, words)
	}
}

var (
	word   = regexp.MustCompile(`[\w-]+`)
	object = regexp.MustCompile(`^([A-Z]\w+)((?:/[\w.-]+)*): ?`)
)

// wordsOf are those of which a line shows one where a message about an object points to it: the parts of the field, what the
// message quotes, and what every object, pod template and list element begins with. A message of the parser has none.
func wordsOf(what string) []string {
	what = strings.ReplaceAll(what, `\`, "")
	found := object.FindStringSubmatch(what)
	if found == nil {
		return nil
	}
	rest := what[len(found[0]):]
	field, _, _ := strings.Cut(rest, ": ")
	words := map[string]bool{
		"apiVersion": true, "metadata": true, "name": true, "template": true, "labels": true, "kind": true,
		"slipway.dev": true,
	}
	for _, w := range word.FindAllString(field, -1) {
		words[w] = true
	}
	for _, quoted := range regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(rest, -1) {
		words[quoted[1]] = true
	}
	return slices.Sorted(maps.Keys(words))
}
