// SPDX-License-Identifier: Apache-2.0

package process

import "golang.org/x/term"

// descriptor is what a file and an Output have.
type descriptor interface{ Fd() uintptr }

// IsTerminal says whether a stream is a terminal.
func IsTerminal(stream any) bool {
	f, ok := stream.(descriptor)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Width is how many columns the terminal has that a stream is, or 0 where it is none.
func Width(stream any) int {
	file, ok := stream.(descriptor)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}
