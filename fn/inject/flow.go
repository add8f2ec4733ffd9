// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// FlowText is a [Text] for callers that have no source text: the value on one line, aliases written out.
func FlowText(n *yaml.Node) string {
	text, err := yaml.Marshal(inFlow(manifest.Copy(n, false)))
	if err != nil {
		return " null" // a tree that came from a parser does encode
	}
	return " " + strings.TrimRight(string(text), "\n")
}

// inFlow puts a fresh tree into flow style, in place. A null without text is spelt out: in flow style the encoder would
// make it an empty string.
func inFlow(n *yaml.Node) *yaml.Node {
	switch {
	case n == nil || manifest.IsNull(n):
		return manifest.NewNull()
	case n.Kind == yaml.ScalarNode:
		n.Style &^= yaml.LiteralStyle | yaml.FoldedStyle
		return n
	}
	n.Style = n.Style&yaml.TaggedStyle | yaml.FlowStyle
	for i, c := range n.Content {
		n.Content[i] = inFlow(c)
	}
	return n
}
