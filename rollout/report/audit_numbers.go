// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"strconv"
	"strings"
)

// numbers are the pods that a log speaks of, by the numbers that it gave them when it named them first. They are written as
// people write pages: "0-1999,2005". Their order is kept.
type numbers []int

// IsZero tells whether there are none, so that they are left out.
func (n numbers) IsZero() bool { return len(n) == 0 }

// MarshalText writes numbers that follow each other as a range.
func (n numbers) MarshalText() ([]byte, error) {
	var text []byte
	for i := 0; i < len(n); {
		end := i + 1
		for end < len(n) && n[end] == n[end-1]+1 {
			end++
		}
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, int64(n[i]), 10)
		if end > i+1 {
			text = append(text, '-')
			text = strconv.AppendInt(text, int64(n[end-1]), 10)
		}
		i = end
	}
	return text, nil
}

// mostNumbers is how many pods one list may speak of: a range of a log that is damaged would take all memory.
const mostNumbers = mostPods

// UnmarshalText reads what MarshalText wrote.
func (n *numbers) UnmarshalText(text []byte) error {
	*n = nil
	for part := range strings.SplitSeq(string(text), ",") {
		from, to, isRange := strings.Cut(part, "-")
		first, err := strconv.Atoi(from)
		last := first
		if err == nil && isRange {
			last, err = strconv.Atoi(to)
		}
		if err != nil || first < 0 || last < first || last-first >= mostNumbers-len(*n) {
			return fmt.Errorf("%q is no list of pods such as 0-4,7", part)
		}
		for i := first; i <= last; i++ {
			*n = append(*n, i)
		}
	}
	return nil
}
