// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"fmt"
	"strconv"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/render/yamltext"
)

// comparison tells whether two trees mean the same: the same kinds, values and resolved tags, aliases written out.
// Comments and styles do not count. The order of keys does: it compares a tree with what was written for it, and a key
// in another place than asked for is a mistake of the writer even where readers would not mind. Nodes in free are equal
// to everything: their text is given, not their meaning.
type comparison struct {
	free map[*yaml.Node]string
	done map[[2]*yaml.Node]bool // pairs of anchored nodes that are compared already
	path string                 // of the first difference, built from its end
	line int
}

func (c *comparison) equal(a, b *yaml.Node) bool {
	if a == b {
		return true
	}
	if _, ok := c.free[a]; ok {
		return true
	}
	if a.Kind == yaml.AliasNode || b.Kind == yaml.AliasNode {
		return c.equalAliases(a, b)
	}
	if a.Kind != b.Kind || len(a.Content) != len(b.Content) || !sameTag(a, b) || a.Value != b.Value && !sameTyped(a, b) {
		c.line = b.Line
		return false
	}
	for i, child := range a.Content {
		if !c.equal(child, b.Content[i]) {
			c.path = step(a, i) + c.path
			return false
		}
	}
	return true
}

// equalAliases compares what aliases stand for, each pair once, so that nested aliases do not multiply the work. A
// pair that is being compared counts as equal, so that it ends.
func (c *comparison) equalAliases(a, b *yaml.Node) bool {
	a, b = yamltext.Target(a), yamltext.Target(b)
	pair := [2]*yaml.Node{a, b}
	if c.done[pair] {
		return true
	}
	if c.done == nil {
		c.done = map[[2]*yaml.Node]bool{}
	}
	c.done[pair] = true
	return c.equal(a, b)
}

// sameTyped tells whether two numbers, booleans or nulls of one type are the same, however they are spelt.
func sameTyped(a, b *yaml.Node) bool {
	switch a.ShortTag() {
	case yaml.NodeTagNull:
		return true
	case yaml.NodeTagBool, yaml.NodeTagInt, yaml.NodeTagFloat:
		return inJSON(a) == inJSON(b)
	}
	return false
}

func sameTag(a, b *yaml.Node) bool {
	if a.Tag == b.Tag && a.Tag != "" {
		return true
	}
	asked, got := a.ShortTag(), b.ShortTag()
	return a.Kind == yaml.DocumentNode || asked == got || got == yaml.NodeTagString && isTextInJSON(asked)
}

func step(parent *yaml.Node, i int) string {
	switch parent.Kind {
	case yaml.SequenceNode:
		return "[" + strconv.Itoa(i) + "]"
	case yaml.MappingNode:
		return fmt.Sprintf(".%s", parent.Content[i&^1].Value)
	}
	return ""
}
