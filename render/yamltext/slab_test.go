// SPDX-License-Identifier: Apache-2.0

package yamltext

import (
	"runtime"
	"strings"
	"testing"
)

// TestSlabsKeepNoTree parses one document after the other. Each leaves its root at the end of a part, where the next one has no
// room for a list: of the trees before the last two nothing may be left.
func TestSlabsKeepNoTree(t *testing.T) {
	list := func(n int) string { return "- [a" + strings.Repeat(", b", n-1) + "]\n" }
	doc := []byte("a: b\nitems:\n" + list(10) + strings.Repeat(list(900), 49))
	s := NewScanner()
	held := func(n int) uint64 {
		for range n {
			s.Reuse()
			if root, err := s.Parse(doc); err != nil || root == nil {
				t.Fatal(root, err)
			}
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		runtime.KeepAlive(s)
		return m.HeapAlloc
	}
	if few, many := held(5), held(20); many > few+few/2 {
		t.Errorf("after 5 documents %d bytes are held, after 20 more %d", few, many)
	}
}
