// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// A YAML anchor makes one text stand in several places. What changes inside of it changes in all of them, so that an edit
// there is right only where each of the places is to change, and in the same way.

// change is an edit of one pod template.
type change struct {
	*template
	tmpl *yaml.Node // the edited template, with aliases on the way to what changed written out

	reaches []touched
}

// touched is a node that a change reaches, and what becomes of it.
type touched struct {
	node, edited *yaml.Node
	below        string // the way on to the template that changes, for a node above it
}

// touches lists the nodes with an anchor that a change reaches.
func (c *change) touches() []touched {
	var out []touched
	add := func(node, edited *yaml.Node, below string) {
		if node = manifest.Resolve(node); node != nil && node.Anchor != "" && node != edited {
			out = append(out, touched{node, edited, below})
		}
	}
	for i := range c.path {
		add(descend(c.doc, c.path[:i]), c.tmpl, pathString(c.path[i:]))
	}
	old := c.node
	add(old, c.tmpl, "")
	for _, key := range []string{metadataField, specField} {
		was, is := childOf(old, key), childOf(c.tmpl, key)
		add(was, is, "")
		for _, field := range editedFields(key) {
			add(childOf(manifest.Resolve(was), field), childOf(is, field), "")
		}
	}
	return out
}

// editedFields are the fields below a template's metadata or spec that injection changes.
func editedFields(key string) []string {
	if key == metadataField {
		return []string{annotationsField}
	}
	return []string{initsField, containersField, volumesField, pullSecretsField}
}

// merger puts the changes of templates into their object. A change that an anchor carries to other places than those that
// change alike is left out, and the findings say so.
type merger struct {
	object, edited *yaml.Node
	edit           copier
	anchored       *bool // whether the object has an anchor, once that was asked for
	changes        []change
}

// add takes a change. Nothing of the others has to be known for it where there is no anchor.
func (m *merger) add(c change) {
	if m.anchored == nil {
		has := hasAnchor(m.object)
		m.anchored = &has
	}
	if *m.anchored {
		m.changes = append(m.changes, c)
		return
	}
	m.edited = m.edit.replace(m.edited, c.path, c.tmpl)
}

// merge returns the object with all changes, and what keeps one from being made.
func (m *merger) merge() (*yaml.Node, []manifest.Finding) {
	if len(m.changes) == 0 {
		return m.edited, nil
	}
	object, changes := m.object, m.changes
	var findings []manifest.Finding
	reached := map[*yaml.Node][]touched{}
	for i := range changes {
		changes[i].reaches = changes[i].touches()
		for _, t := range changes[i].reaches {
			reached[t.node] = append(reached[t.node], t)
		}
	}
	u := uses{object: object}
	for i := range changes {
		c := &changes[i]
		if n := c.disputed(reached, &u); n != nil {
			if c.noteAnchor(); len(c.entangled) == 0 {
				c.entangled = append(c.entangled, c.behindAnchor(n, orElse(aliasOf(object, n), n)))
			}
			findings = append(findings, c.entangled...)
			continue
		}
		if obstacle(object, c.path) == nil {
			m.edited = m.edit.replace(m.edited, c.path, c.inPlace())
		}
	}
	return repoint(m.edited), findings
}

// noteAnchor finds the first node on the way to the edits that an alias elsewhere in the document repeats. Where the edit
// must not appear there, that says more than what else is entangled.
func (t *template) noteAnchor() {
	path := []*yaml.Node{t.doc}
	for _, s := range t.path {
		path = append(path, child(path[len(path)-1], s))
	}
	metadata, spec := childOf(t.node, metadataField), childOf(t.node, specField)
	path = append(path, metadata, childOf(metadata, annotationsField), spec)
	for _, field := range []string{initsField, containersField, volumesField, pullSecretsField} {
		path = append(path, childOf(spec, field))
	}
	for _, n := range path {
		if n == nil || n.Anchor == "" {
			continue
		}
		if alias := aliasOf(t.doc, n); alias != nil {
			t.entangled = []manifest.Finding{t.behindAnchor(n, alias)}
			return
		}
	}
}

func (t *template) behindAnchor(n, alias *yaml.Node) manifest.Finding {
	other := "the place"
	if at := manifest.SourceAt(t.source, alias); at.Line > 0 {
		other = fmt.Sprintf("line %d", at.Line)
	}
	return manifest.Finding{
		Severity: manifest.SeverityError, Code: "behind-anchor", Object: t.object, Source: manifest.SourceAt(t.source, n),
		Message: fmt.Sprintf("an edit inside the YAML anchor &%s would also change %s, where *%s repeats it", n.Anchor, other,
			n.Anchor),
		Hint: "write the mapping out in one of the two places",
	}
}

// aliasOf finds an alias of a node.
func aliasOf(tree, target *yaml.Node) *yaml.Node {
	if tree.Kind == yaml.AliasNode {
		if tree.Alias == target {
			return tree
		}
		return nil
	}
	for _, c := range tree.Content {
		if a := aliasOf(c, target); a != nil {
			return a
		}
	}
	return nil
}

func hasAnchor(n *yaml.Node) bool {
	return n.Anchor != "" || slices.ContainsFunc(n.Content, hasAnchor)
}

// disputed finds a node that the change reaches and that does not change in the same way wherever its anchor stands.
func (c *change) disputed(reached map[*yaml.Node][]touched, u *uses) *yaml.Node {
	for _, t := range c.reaches {
		same := 0
		for _, other := range reached[t.node] {
			if other.below == t.below && sameTree(other.edited, t.edited) {
				same++
			}
		}
		if same != u.count(t.node) {
			return t.node
		}
	}
	return nil
}

// uses counts the places of an object in which its anchored nodes stand, aliases written out.
type uses struct {
	object  *yaml.Node
	holders map[*yaml.Node][]*yaml.Node // by anchored node: the innermost anchored nodes around it and its aliases, or nil
	counts  map[*yaml.Node]int
}

func (u *uses) count(n *yaml.Node) int {
	if u.holders == nil {
		u.holders, u.counts = map[*yaml.Node][]*yaml.Node{}, map[*yaml.Node]int{nil: 1}
		u.collect(u.object, nil)
	}
	if found, ok := u.counts[n]; ok {
		return found
	}
	total := 0
	for _, holder := range u.holders[n] {
		total += u.count(holder)
	}
	u.counts[n] = total
	return total
}

func (u *uses) collect(n, holder *yaml.Node) {
	if n.Kind == yaml.AliasNode {
		u.holders[n.Alias] = append(u.holders[n.Alias], holder)
		return
	}
	if n.Anchor != "" {
		u.holders[n] = append(u.holders[n], holder)
		holder = n
	}
	for _, child := range n.Content {
		u.collect(child, holder)
	}
}

// sameTree compares two edited trees. What was not edited is the same node in both.
func sameTree(a, b *yaml.Node) bool {
	if a == b || a == nil || b == nil {
		return a == b
	}
	return a.Kind == b.Kind && a.Value == b.Value && a.Tag == b.Tag && a.Style == b.Style && a.Alias == b.Alias &&
		slices.EqualFunc(a.Content, b.Content, sameTree)
}

// inPlace is the edited template with the aliases that stand in it: what they stand for changes where the anchor is.
func (c *change) inPlace() *yaml.Node {
	tmpl := c.tmpl
	for _, key := range []string{metadataField, specField} {
		was := childOf(c.node, key)
		if was == nil {
			continue
		}
		is := childOf(tmpl, key)
		for _, field := range editedFields(key) {
			if alias := childOf(was, field); alias != nil && alias.Kind == yaml.AliasNode && is != nil {
				is = manifest.With(is, field, alias)
			}
		}
		if was.Kind == yaml.AliasNode {
			is = was
		}
		if is != childOf(tmpl, key) {
			tmpl = manifest.With(tmpl, key, is)
		}
	}
	return tmpl
}

// repoint makes the aliases of an edited tree stand for the edited nodes. An anchor comes before its aliases.
func repoint(tree *yaml.Node) *yaml.Node {
	type place struct{ line, column int }
	anchors := map[place]*yaml.Node{}
	var visit func(n *yaml.Node) *yaml.Node
	visit = func(n *yaml.Node) *yaml.Node {
		out := n
		if n.Kind == yaml.AliasNode {
			if now := anchors[place{n.Alias.Line, n.Alias.Column}]; now != nil && now != n.Alias {
				alias := *n
				alias.Alias = now
				out = &alias
			}
			return out
		}
		for i, child := range n.Content {
			now := visit(child)
			if now == child {
				continue
			}
			if out == n {
				c := *n
				c.Content = slices.Clone(n.Content)
				out = &c
			}
			out.Content[i] = now
		}
		if n.Anchor != "" && n.Line > 0 {
			anchors[place{n.Line, n.Column}] = out
		}
		return out
	}
	return visit(tree)
}
