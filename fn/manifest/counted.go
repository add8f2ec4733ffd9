// SPDX-License-Identifier: Apache-2.0

package manifest

import "fmt"

// Counted is a number of things in words, whose plural ends in s.
func Counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
