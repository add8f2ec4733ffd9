// SPDX-License-Identifier: Apache-2.0

package process

import (
	"os"

	"golang.org/x/term"
)

// descriptor is what a file and an Output have.
type descriptor interface{ Fd() uintptr }

// IsTerminal says whether a stream is a terminal.
func IsTerminal(stream any) bool {
	f, ok := stream.(descriptor)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Size is how many columns and lines the terminal has that a stream is, or 0 where it is none, or one that only prints.
func Size(stream any) (columns, lines int) {
	file, ok := stream.(descriptor)
	if !ok {
		return 0, 0
	}
	columns, lines, err := term.GetSize(int(file.Fd()))
	switch {
	case err != nil:
		return 0, 0
	case os.Getenv("TERM") == "dumb":
		return columns, 0
	default:
		return columns, lines
	}
}

// Coloured tells whether a stream is to have colours: a terminal of somebody who has not set NO_COLOR (https://no-color.org).
func Coloured(stream any) bool {
	return IsTerminal(stream) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
