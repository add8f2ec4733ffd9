// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"slices"
	"strconv"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// step is one step on the way from an object's root to a node in it: a key of a mapping or, where key is "", an index.
type step struct {
	key   string
	index int
}

// pathString prints steps as a field path: spec.jobs[2].template.
func pathString(path []step) string {
	out := ""
	for _, s := range path {
		switch {
		case s.key == "":
			out += "[" + strconv.Itoa(s.index) + "]"
		case out == "":
			out = s.key
		default:
			out += "." + s.key
		}
	}
	return out
}

// descend returns the value at path, aliases and merge keys followed.
func descend(root *yaml.Node, path []step) *yaml.Node {
	n := manifest.Resolve(root)
	for _, s := range path {
		switch {
		case s.key != "":
			n = manifest.Lookup(n, s.key)
		default:
			n = manifest.Resolve(child(n, s))
		}
		if n == nil {
			return nil
		}
	}
	return n
}

// obstacle returns what stands in the way of an edit at path: an alias, or a value that comes from a merge key. An edit
// there would appear in other places too.
func obstacle(root *yaml.Node, path []step) *yaml.Node {
	n := root
	for i, s := range path {
		if n.Kind == yaml.AliasNode {
			return n
		}
		next := child(n, s)
		if next == nil {
			return descend(root, path[:i+1])
		}
		n = next
	}
	if n.Kind == yaml.AliasNode {
		return n
	}
	return nil
}

func child(n *yaml.Node, s step) *yaml.Node {
	switch {
	case n == nil:
		return nil
	case s.key != "" && n.Kind == yaml.MappingNode:
		if i := manifest.OwnIndex(n, s.key); i >= 0 {
			return n.Content[i]
		}
	case s.key == "" && n.Kind == yaml.SequenceNode && s.index < len(n.Content):
		return n.Content[s.index]
	}
	return nil
}

// copier makes edited copies of trees. What it has copied once it changes from then on, so that many edits of one long list
// cost one copy of it.
type copier struct {
	own map[*yaml.Node]bool
}

// replace returns a copy of root in which the node at path is v. The path must exist and be free of aliases.
func (c *copier) replace(root *yaml.Node, path []step, v *yaml.Node) *yaml.Node {
	if len(path) == 0 {
		return v
	}
	out := root
	if !c.own[root] {
		clone := *root
		out = &clone
		out.Content = slices.Clone(root.Content)
		if c.own == nil {
			c.own = map[*yaml.Node]bool{}
		}
		c.own[out] = true
	}
	i := path[0].index
	if path[0].key != "" {
		i = manifest.OwnIndex(out, path[0].key)
	}
	out.Content[i] = c.replace(out.Content[i], path[1:], v)
	return out
}
