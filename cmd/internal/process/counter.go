// SPDX-License-Identifier: Apache-2.0

package process

import (
	"fmt"
	"io"
	"time"
)

// Counter shows on a terminal how far a run of more than a second has come. stop takes the line away. Elsewhere it shows
// nothing, and show is nil.
func Counter(out io.Writer, what string) (show func(n int), stop func()) {
	if !IsTerminal(out) {
		return nil, func() {}
	}
	start, last := time.Now(), time.Time{}
	shown := false
	show = func(n int) {
		now := time.Now()
		if now.Sub(start) < time.Second || now.Sub(last) < 100*time.Millisecond {
			return
		}
		last, shown = now, true
		fmt.Fprintf(out, "\r%d %s", n, what) //nolint:errcheck // a line for the eye alone
	}
	return show, func() {
		if shown {
			io.WriteString(out, "\r\x1b[K") //nolint:errcheck // a line for the eye alone
		}
	}
}
