// SPDX-License-Identifier: Apache-2.0

package yamltext

import "sigs.k8s.io/kustomize/kyaml/yaml"

// checker walks a parsed tree once, in the order of the text, for what the library lets pass.
type checker struct {
	nodes   int
	aliases int
	depth   int
}

func checkTree(root *yaml.Node) error {
	c := &checker{}
	if err := c.check(root); err != nil {
		return err
	}
	if c.aliases == 0 {
		return nil
	}
	e := expander{sizes: map[*yaml.Node]int{}, limit: maxExpansion + c.nodes}
	_, err := e.size(root)
	return err
}

func (c *checker) check(n *yaml.Node) error {
	c.nodes++
	c.depth++
	defer func() { c.depth-- }()
	if c.depth > maxDepth {
		return Errorf(n.Line, "nested more than %d levels deep; flatten the document", maxDepth)
	}
	switch n.Kind {
	case yaml.AliasNode:
		c.aliases++
		return nil
	case yaml.MappingNode:
		if err := checkKeys(n); err != nil {
			return err
		}
	}
	for _, child := range n.Content {
		if err := c.check(child); err != nil {
			return err
		}
	}
	return nil
}

// fewKeys is the size up to which comparing each key with each other is cheaper than a map.
const fewKeys = 12

// checkKeys refuses a second key of the same text. "1" and 1 count as the same: in a Kubernetes object, which is JSON,
// they are.
func checkKeys(n *yaml.Node) error {
	keys := n.Content
	if len(keys) <= 2*fewKeys {
		for i := 2; i+1 < len(keys); i += 2 {
			for j := 0; j < i; j += 2 {
				if sameKey(keys[i], keys[j]) {
					return duplicate(keys[i], keys[j])
				}
			}
		}
		return nil
	}
	seen := make(map[string]*yaml.Node, len(keys)/2)
	for i := 0; i+1 < len(keys); i += 2 {
		key := Target(keys[i])
		if key.Kind != yaml.ScalarNode {
			continue
		}
		if first, ok := seen[key.Value]; ok {
			return duplicate(keys[i], first)
		}
		seen[key.Value] = keys[i]
	}
	return nil
}

func sameKey(a, b *yaml.Node) bool {
	a, b = Target(a), Target(b)
	return a.Kind == yaml.ScalarNode && b.Kind == yaml.ScalarNode && a.Value == b.Value
}

// Target is the node that an alias stands for, and any other node itself.
func Target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

func duplicate(key, first *yaml.Node) error {
	return Errorf(key.Line, "duplicate key %q, first on", Target(key).Value).With(first.Line, "; remove one of them")
}

// expander counts the nodes that a tree stands for once its aliases are written out, without writing them out.
type expander struct {
	sizes map[*yaml.Node]int // 0 while a node is being counted
	limit int
}

func (e *expander) size(n *yaml.Node) (int, error) {
	if n.Kind == yaml.AliasNode {
		return e.aliasSize(n)
	}
	if n.Anchor != "" {
		e.sizes[n] = 0
	}
	total := 1
	for _, child := range n.Content {
		size, err := e.size(child)
		if err != nil {
			return 0, err
		}
		total += size
		if total > e.limit {
			return 0, Errorf(child.Line, "the aliases of this document expand to more than %d values; write them out", e.limit)
		}
	}
	if n.Anchor != "" {
		e.sizes[n] = total
	}
	return total, nil
}

func (e *expander) aliasSize(n *yaml.Node) (int, error) {
	size := e.sizes[n.Alias]
	if size == 0 {
		return 0, Errorf(n.Line, "*%s stands inside the value that it names; write the value out", n.Value)
	}
	return size, nil
}
