// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// suggestion is ": did you mean x?" for the known word nearest to a misspelt one, or "" where none is near.
func suggestion(word string, known []string) string {
	if near := manifest.Nearest(word, known); near != "" {
		return fmt.Sprintf(": did you mean %q?", near)
	}
	return ""
}
