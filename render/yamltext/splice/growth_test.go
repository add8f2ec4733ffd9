// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"fmt"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// everyMapping adds a key to each mapping of a tree that has the key "edit".
func everyMapping(n *yaml.Node) *yaml.Node {
	content := make([]*yaml.Node, len(n.Content))
	same := true
	for i, c := range n.Content {
		content[i] = everyMapping(c)
		same = same && content[i] == c
	}
	if !same {
		n = withContent(n, content)
	}
	if n.Kind == yaml.MappingNode && manifest.OwnIndex(n, "edit") >= 0 {
		return manifest.With(n, "added", manifest.NewMapping(manifest.NewScalar("new"), manifest.NewScalar("x")))
	}
	return n
}

// TestWorkGrowsLinearly counts what reading, editing and proving a document allocates: at most 2.2 times as much for one of
// twice the size.
func TestWorkGrowsLinearly(t *testing.T) {
	const n = 1500
	for name, text := range map[string][3]string{
		"list":              {"", "- edit: a@\n  b:\n  - c\n", ""},
		"flow list":         {"edit: a\nx: [a", ", v@", "]\n"},
		"flow list, edits":  {"x: [a", ", {edit: v@}", "]\n"},
		"characters":        {"x: [a", ", {edit: ü@}", "]\n"},
		"JSON":              {`{"items": [1`, `, {"edit": "a@", "b": [1, 2]}`, "]}\n"},
		"JSON, pretty":      {"{\n  \"items\": [\n    1", ",\n    {\n      \"edit\": \"a@\"\n    }", "\n  ]\n}\n"},
		"plain scalar":      {"edit: a\nx:\n", "  word@\n", ""},
		"quoted scalar":     {"edit: a\nx: \"a\n", "  word@\n", "  \"\n"},
		"single quotes":     {"edit: a\nx: 'a\n", "  word@\n", "  '\n"},
		"literal":           {"edit: a\nx: |\n", "  word@\n", ""},
		"folded":            {"edit: a\nx: >-\n", "  word@\n", ""},
		"comments":          {"", "# comment @\n", "edit: a\n"},
		"blank lines":       {"edit: a\n", "\n", "b: c\n"},
		"anchors":           {"edit: a\nx:\n", "- &a@ v\n- *a@\n", ""},
		"keys":              {"edit: a\n", "k@: v\n", ""},
		"question marks":    {"edit: a\n", "? k@\n: v\n", ""},
		"edits in comments": {"", "- edit: a # c\n  # d\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			work := func(n int) float64 {
				doc := text[0]
				var b strings.Builder
				for i := range n {
					b.WriteString(strings.ReplaceAll(text[1], "@", fmt.Sprint(i)))
				}
				doc += b.String() + text[2]
				return testing.AllocsPerRun(1, func() {
					s := NewScanner(nil)
					root, err := s.Parse([]byte(doc))
					if err != nil {
						t.Fatal(err)
					}
					if _, err := s.Apply([]byte(doc), root, everyMapping(root), nil); err != nil {
						t.Fatal(err)
					}
				})
			}
			once, twice := work(n), work(2*n)
			if twice > 2.2*once {
				t.Errorf("%d take %.0f allocations, %d take %.0f: %.2f times as many", n, once, 2*n, twice, twice/once)
			}
		})
	}
}
