// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"testing"

	"github.com/slipway-dev/slipway/render/yamltext"
)

func TestEqualTrees(t *testing.T) {
	for name, tc := range map[string]struct{ a, b, path string }{
		"styles":        {"a: [1, 'x']\n", "# c\na:\n- 1\n- x # d\n", ""},
		"aliases":       {"a: &x {b: 1}\nc: *x\n", "a: {b: 1}\nc: {b: 1}\n", ""},
		"value":         {"a: {b: [1, 2]}\n", "a: {b: [1, 3]}\n", ".a.b[1]"},
		"type":          {"a: '1'\n", "a: 1\n", ".a"},
		"order of keys": {"a: 1\nb: 1\n", "b: 1\na: 1\n", ".a"},
		"alias differs": {"a: &x {b: 1}\nc: *x\n", "a: {b: 1}\nc: {b: 2}\n", ".c.b"},
	} {
		t.Run(name, func(t *testing.T) {
			a, errA := yamltext.Parse([]byte(tc.a))
			b, errB := yamltext.Parse([]byte(tc.b))
			if errA != nil || errB != nil {
				t.Fatal(errA, errB)
			}
			c := &comparison{}
			if ok := c.equal(a, b); c.path != tc.path || ok != (tc.path == "") {
				t.Errorf("equal = %q, %v, want %q", c.path, ok, tc.path)
			}
		})
	}
}
