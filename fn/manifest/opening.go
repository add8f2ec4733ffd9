// SPDX-License-Identifier: Apache-2.0

package manifest

import "bytes"

// Opening is how many lines of a document come before its object: markers, directives, comments and blank lines.
func Opening(text []byte) int {
	lines := 0
	for line := range bytes.Lines(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))) {
		trimmed := bytes.TrimSpace(line)
		if rest, marker := bytes.CutPrefix(trimmed, []byte("---")); marker {
			trimmed = bytes.TrimSpace(rest)
		}
		if len(trimmed) > 0 && trimmed[0] != '#' && line[0] != '%' {
			return lines
		}
		lines++
	}
	return 0 // there is nothing else
}
