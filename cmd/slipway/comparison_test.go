// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestComparisonIsHeld looks, in each table that compares slipway with others, for the tests that a row names. What slipway does
// is held by one at least, and each exists; where it does nothing there is nothing to hold.
func TestComparisonIsHeld(t *testing.T) {
	tests := everyTest(t)
	for _, file := range []string{"README.md", "render/README.md", "rollout/README.md"} {
		text, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		_, table, found := strings.Cut(string(text), " | slipway | held by |\n")
		table, _, ended := strings.Cut(table, "\n\n")
		if !found || !ended {
			t.Fatalf("%s compares slipway with nobody", file)
		}
		for _, row := range strings.Split(table, "\n")[1:] {
			cells := strings.Split(strings.Trim(row, "|"), "|")
			slipway, heldBy := strings.TrimSpace(cells[len(cells)-2]), cells[len(cells)-1]
			names := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(heldBy, -1)
			if len(names) == 0 && slipway != "no" {
				t.Errorf("%s:%s: no test holds %q", file, cells[0], slipway)
			}
			for _, name := range names {
				if !tests[name[1]] {
					t.Errorf("%s:%s: there is no test %s", file, cells[0], name[1])
				}
			}
		}
	}
}
