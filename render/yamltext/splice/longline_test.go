// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render/yamltext"
)

// TestLongLine edits each of thousands of mappings on one line, whose places are counted in characters.
func TestLongLine(t *testing.T) {
	for _, word := range []string{"word", "wörd", "字字"} {
		for _, head := range []string{"", "a: b\n", "a: b\r\n"} {
			var text, want strings.Builder
			text.WriteString(head + "list: [")
			want.WriteString(head + "list: [")
			for i := range 3000 {
				fmt.Fprintf(&text, "{%s: %d}, ", word, i)
				fmt.Fprintf(&want, "{%s: %d, new: x}, ", word, i)
			}
			text.WriteString("end]\n")
			want.WriteString("end]\n")
			root, err := yamltext.Parse([]byte(text.String()))
			if err != nil {
				t.Fatal(err)
			}
			edited := editAt(root, func(list *yaml.Node) *yaml.Node {
				var content []*yaml.Node
				for _, n := range list.Content {
					if n.Kind == yaml.MappingNode {
						n = manifest.With(n, "new", manifest.NewScalar("x"))
					}
					content = append(content, n)
				}
				return withContent(list, content)
			}, "list")
			got, err := Apply([]byte(text.String()), root, edited, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.String(), string(got)); diff != "" {
				t.Errorf("-want +got:\n%.400s", diff)
			}
		}
	}
}
