// SPDX-License-Identifier: Apache-2.0

package yamltext

// slab hands out room for the parts of trees, many at a time: they come to be together and go together.
type slab[T any] struct{ part []T }

// largestPart bounds what a slab takes at a time, and with it what it keeps for the next tree.
const (
	firstPart   = 64
	largestPart = 1024
)

// take returns room for n, in which anything may stand.
func (s *slab[T]) take(n int) []T {
	if n > largestPart {
		return make([]T, n)
	}
	start := len(s.part)
	if n > cap(s.part)-start {
		clear(s.part[start:cap(s.part)]) // what an earlier tree has left there would keep all of it, and that the one before
		s.part, start = make([]T, 0, min(max(firstPart, n, 2*cap(s.part)), largestPart)), 0
	}
	s.part = s.part[:start+n]
	return s.part[start : start+n : start+n]
}

// reuse hands the same room out again.
func (s *slab[T]) reuse() { s.part = s.part[:0] }
