// SPDX-License-Identifier: Apache-2.0

package manifest

import "sigs.k8s.io/kustomize/kyaml/yaml"

// Decode reads a node into plain Go values as Kubernetes reads YAML: what looks like a date is text.
func Decode(n *yaml.Node, into any) error {
	return dateless(n, map[*yaml.Node]*yaml.Node{}).Decode(into)
}

// dateless is a copy of a tree in which dates are text. copies holds what was copied, to which aliases lead.
func dateless(n *yaml.Node, copies map[*yaml.Node]*yaml.Node) *yaml.Node {
	if n == nil || copies[n] != nil {
		return copies[n]
	}
	c := *n
	copies[n] = &c
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!timestamp" {
		c.Tag = yaml.NodeTagString
	}
	c.Alias, c.Content = dateless(n.Alias, copies), make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		c.Content[i] = dateless(child, copies)
	}
	return &c
}
