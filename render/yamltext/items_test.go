// SPDX-License-Identifier: Apache-2.0

package yamltext

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestItems(t *testing.T) {
	for text, want := range map[string][]string{
		"items:\n- a: b\n  c: d\n- e\n":                         {"- a: b\n  c: d\n", "- e\n"},
		"kind: List\nitems:\n  - a\n  # c\n\n  - b\nx: y\n":     {"  - a\n  # c\n\n", "  - b\n"},
		"\ufeffitems:\r\n- a\r\n- b\r\nkind: List\r\n":          {"- a\r\n", "- b\r\n"},
		"# c\n---\nitems: # of it\n- - a\n  - b\n-\n  c: d":     {"- - a\n  - b\n", "-\n  c: d"},
		"items:\n- |\n  - a\n- b: 'x\n    - y'\n":               {"- |\n  - a\n", "- b: 'x\n    - y'\n"},
		"items:\n- items:\n  - a\n- b\n":                        {"- items:\n  - a\n", "- b\n"},
		"a:\n  items:\n  - a\n- b\n":                            nil,
		"items:\n  a: b\nc:\n- d\n":                             nil,
		"items: [a, b]\n":                                       nil,
		"items: []\nx:\n- a\n":                                  nil,
		"items:\n- a\nitems:\n- b\n":                            nil,
		"items:\n- &a b\n- *a\n":                                nil,
		"items:\n- {a: b,\nc: d}\n- e\n":                        nil,
		"- items:\n  - a\n":                                     nil,
		"":                                                      nil,
		`{"items": [1, {"items": [2, 3]},"]"], "a": [4]}`:       {`1`, `{"items": [2, 3]}`, `"]"`},
		"\ufeff---\n{\"a\": [0],\n\"items\" : [ 1 ,\n[2]\n]}\n": {`1`, `[2]`},
		`{"items": []}`:                                         nil,
		`{"items": 1}`:                                          nil,
		`{"items": [1], "items": [2]}`:                          nil,
		`{"items": [1]} x`:                                      nil,
		`{"items": [1}`:                                         nil,
		`[1, 2]`:                                                nil,
	} {
		var got []string
		for _, item := range NewScanner().Items([]byte(text)) {
			got = append(got, text[item.Start:item.End])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

// TestItemsAreNotInAString cuts a document whose quoted scalar has lines that look like items and like keys.
func TestItemsAreNotInAString(t *testing.T) {
	const text = "items:\n- a: \"b\n- c: d\nkind: e\n\"\n- f: g\n"
	items := NewScanner().Items([]byte(text))
	if len(items) != 2 || text[items[1].Start:] != "- f: g\n" {
		t.Errorf("items = %v", items)
	}
}
