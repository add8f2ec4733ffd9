// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// suggestion is ": did you mean x?" for the known word nearest to a misspelt one, or "" where none is near.
func suggestion(word string, known []string) string {
	if near := manifest.Nearest(word, known); near != "" {
		return fmt.Sprintf(": did you mean %q?", near)
	}
	return ""
}

// misspelt tells whether a word is so near to a known one that it can hardly be meant to be another.
func misspelt(word string, known []string) bool {
	const letters = 2 // two of them changed places, or one is wrong, missing or too many
	return slices.ContainsFunc(known, func(k string) bool {
		return manifest.Distance(strings.ToLower(word), strings.ToLower(k), letters+1) <= letters
	})
}
