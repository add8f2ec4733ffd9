// SPDX-License-Identifier: Apache-2.0

package manifest

import "sigs.k8s.io/kustomize/kyaml/yaml"

// Decode reads a node into plain Go values as Kubernetes reads YAML: what looks like a date is text, and yes is true.
func Decode(n *yaml.Node, into any) error {
	return spelt(n, map[*yaml.Node]*yaml.Node{}).Decode(into)
}

// spelt is a copy of a tree in which scalars are spelt as JSON has them, dates as text. copies holds
// what was copied, to which aliases lead.
func spelt(n *yaml.Node, copies map[*yaml.Node]*yaml.Node) *yaml.Node {
	if n == nil || copies[n] != nil {
		return copies[n]
	}
	c := *n
	copies[n] = &c
	if n.Kind == yaml.ScalarNode {
		if c.Tag, c.Value = Scalar(n); c.Tag == "!!timestamp" {
			c.Tag = yaml.NodeTagString
		}
	}
	c.Alias, c.Content = spelt(n.Alias, copies), make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		key := n.Kind == yaml.MappingNode && i%2 == 0 && child.Kind == yaml.ScalarNode
		if tag := child.ShortTag(); key && tag != yaml.NodeTagNull && tag != yaml.MergeTag {
			c.Content[i] = &yaml.Node{Kind: yaml.ScalarNode, Tag: yaml.NodeTagString, Value: Key(child), Line: child.Line}
			continue
		}
		c.Content[i] = spelt(child, copies)
	}
	return &c
}
