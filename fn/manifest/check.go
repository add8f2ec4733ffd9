// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"fmt"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// maxExpanded bounds what a document may hold once its aliases are written out.
const maxExpanded = 1_000_000

// CheckTree reports what a parser lets through and no one can mean: one key twice in a mapping, an anchor that holds
// itself, aliases of aliases that multiply. Everything else in this package expects trees that passed.
func CheckTree(object *yaml.Node, source Source) []Finding {
	c := treeCheck{sizes: map[*yaml.Node]int{}}
	c.size(object)
	if c.bad == nil {
		return nil
	}
	c.found.Severity, c.found.Object, c.found.Source = SeverityError, RefOf(object), SourceAt(source, c.bad)
	return []Finding{c.found}
}

// treeCheck counts the values that a tree stands for; bad is where it first went wrong.
type treeCheck struct {
	sizes map[*yaml.Node]int // of anchored values; 0 while one is being counted
	bad   *yaml.Node
	found Finding // what is wrong there
}

func (c *treeCheck) size(n *yaml.Node) int {
	if n == nil || c.bad != nil {
		return 0
	}
	switch n.Kind {
	case yaml.AliasNode:
		return c.aliasSize(n)
	case yaml.MappingNode:
		c.keys(n)
	}
	total := 1
	for _, child := range n.Content {
		total += c.size(child)
	}
	return total
}

func (c *treeCheck) aliasSize(alias *yaml.Node) int {
	size, seen := c.sizes[alias.Alias]
	if !seen {
		c.sizes[alias.Alias] = 0
		size = c.size(alias.Alias)
		c.sizes[alias.Alias] = size
	}
	if (size == 0 || size > maxExpanded) && c.bad == nil {
		c.bad, c.found = alias, Finding{Code: "alias-bomb", Hint: "write the value out", Message: fmt.Sprintf(
			"the YAML alias *%s stands for a value that holds itself or more than %d others", alias.Value, maxExpanded)}
	}
	return size
}

// keys looks for a key that stands twice; merge keys may.
func (c *treeCheck) keys(n *yaml.Node) {
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || key.Tag == yaml.MergeTag {
			continue
		}
		name := Key(key)
		if seen[name] && c.bad == nil {
			c.bad, c.found = key, Finding{
				Code: "duplicate-key", Hint: "remove one of the two",
				Message: fmt.Sprintf("the key %q stands twice in one mapping", name),
			}
		}
		seen[name] = true
	}
}
