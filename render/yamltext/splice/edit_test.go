// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"bytes"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/render/yamltext"
)

// editor makes random edits of a tree, in the way that splice takes them, and remembers how to undo them.
type editor struct {
	pick     func(n int) int // a number below n
	src      []byte
	root     *yaml.Node
	undoable bool // insertions and replacements only
	left     int  // edits to make

	inserted map[*yaml.Node]bool   // elements, and keys with their values
	restored map[*yaml.Node]string // text that was in the place of a node
}

func newEditor(src []byte, root *yaml.Node, edits int, undoable bool, pick func(int) int) *editor {
	return &editor{
		pick: pick, src: src, root: root, undoable: undoable, left: edits,
		inserted: map[*yaml.Node]bool{}, restored: map[*yaml.Node]string{},
	}
}

// edit returns an edited copy of n; n itself where nothing changed.
func (e *editor) edit(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.DocumentNode {
		return withContent(n, []*yaml.Node{e.edit(n.Content[0])})
	}
	if n.Kind != yaml.SequenceNode && n.Kind != yaml.MappingNode {
		return n
	}
	width := 1
	if n.Kind == yaml.MappingNode {
		width = 2
	}
	var content []*yaml.Node
	changed := false
	for i := 0; i <= len(n.Content); i += width {
		if e.chance() {
			content = append(content, e.newEntry(width)...)
			changed = true
		}
		if i == len(n.Content) {
			break
		}
		value := n.Content[i+width-1]
		switch edited, gone := e.value(value); {
		case gone:
			changed = true
		default:
			changed = changed || edited != value
			content = append(content, n.Content[i:i+width-1]...)
			content = append(content, edited)
		}
	}
	if !changed {
		return n
	}
	edited := withContent(n, content)
	if len(n.Content) == 0 {
		if text, ok := SourceText(e.src, e.root, n); ok {
			e.restored[edited] = text
		}
	}
	return edited
}

func (e *editor) value(n *yaml.Node) (edited *yaml.Node, gone bool) {
	if e.chance() {
		if !e.undoable && e.pick(2) == 0 {
			return nil, true
		}
		if text, ok := SourceText(e.src, e.root, n); ok {
			edited := e.newNode(3)
			edited.Line, edited.Column = -n.Line, n.Column
			e.restored[edited] = text
			return edited, false
		}
	}
	return e.edit(n), false
}

func (e *editor) chance() bool {
	if e.left == 0 || e.pick(6) != 0 {
		return false
	}
	e.left--
	return true
}

func withContent(n *yaml.Node, content []*yaml.Node) *yaml.Node {
	c := *n
	c.Content = content
	return &c
}

func (e *editor) newEntry(width int) []*yaml.Node {
	value := e.newNode(3)
	if width == 1 {
		e.inserted[value] = true
		return []*yaml.Node{value}
	}
	key := &yaml.Node{
		Kind: yaml.ScalarNode, Tag: "!!str",
		Value: "new-" + string(rune('a'+len(e.inserted)%26)) + string(rune('a'+e.pick(26))),
	}
	e.inserted[key] = true
	return []*yaml.Node{key, value}
}

func newScalars() []string {
	return []string{
		"x", "true", "12", "a: b", "# c", "", " lead", "trail ", "two\nlines", "two\nlines\n", "three\n\nlines\n\n", "\n", "- d",
		"{}", "[", "'", `"`, `a\b`, "é ü", "yes", "0x10", "1:20", "null", "~", "*a", "&a", "!t", "%", "@", "key:", "tab\there",
		"line\n  indented\n", "  a\nb\n", "x y", "---", "... x", "registry.example.com/a:v1", `{"a":1}`, "a\r\nb", "\u2028",
		"2001-01-01",
	}
}

func (e *editor) newNode(depth int) *yaml.Node {
	kind := 4
	if depth > 0 {
		kind = e.pick(6)
	}
	switch kind {
	case 0, 1:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for i := range e.pick(4) {
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "k" + string(rune('a'+i))}, e.newNode(depth-1))
		}
		return n
	case 2:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for range e.pick(4) {
			n.Content = append(n.Content, e.newNode(depth-1))
		}
		return n
	case 3:
		typed := []string{"1", "true", "null", "1.5", "0x1F"}
		return &yaml.Node{Kind: yaml.ScalarNode, Value: typed[e.pick(len(typed))]}
	}
	scalars := newScalars()
	styles := []yaml.Style{0, 0, yaml.DoubleQuotedStyle, yaml.SingleQuotedStyle, yaml.LiteralStyle, yaml.FoldedStyle}
	return &yaml.Node{
		Kind: yaml.ScalarNode, Tag: "!!str", Value: scalars[e.pick(len(scalars))], Style: styles[e.pick(len(styles))],
	}
}

// undo returns got, the parsed result of the edit that made edited, with the edit taken back.
func (e *editor) undo(edited, got *yaml.Node, verbatim map[*yaml.Node]string) *yaml.Node {
	if text, ok := e.restored[edited]; ok {
		n := &yaml.Node{Kind: yaml.ScalarNode, Line: -got.Line, Column: got.Column}
		verbatim[n] = text
		return n
	}
	if len(edited.Content) == 0 || edited.Line <= 0 && edited.Kind != yaml.DocumentNode {
		return got
	}
	var content []*yaml.Node
	for i := 0; i < len(edited.Content); i++ {
		if e.inserted[edited.Content[i]] {
			if edited.Kind == yaml.MappingNode {
				i++
			}
			continue
		}
		content = append(content, e.undo(edited.Content[i], got.Content[i], verbatim))
	}
	if slices.Equal(content, got.Content) {
		return got
	}
	return withContent(got, content)
}

// reporter is what a testing.TB and a rapid.T have in common.
type reporter interface {
	Helper()
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
}

// checkEdit makes edits of src and checks what splice promises. It tells whether splice took them.
func checkEdit(tb reporter, src []byte, edits int, undoable bool, pick func(int) int) bool {
	tb.Helper()
	root, err := yamltext.Parse(src)
	if err != nil || root == nil {
		return false
	}
	e := newEditor(src, root, edits, undoable, pick)
	edited := e.edit(root)
	out, err := splice(src, root, edited, nil)
	if err != nil {
		return false
	}
	got, err := yamltext.Parse(out)
	if (err != nil || got == nil || !new(comparison).equal(edited, got)) && NewScanner(nil).provenBySample(out, edited) {
		tb.Errorf("proven by a sample\n--- source\n%s\n--- result\n%s", src, out)
	}
	if err != nil {
		tb.Logf("not readable: %v\n--- source\n%s\n--- result\n%s", err, src, out)
		return false
	}
	if got == nil {
		return false
	}
	c := &comparison{}
	if !c.equal(edited, got) {
		tb.Logf("different at %s\n--- source\n%s\n--- result\n%s", c.path, src, out)
		return false
	}
	if !undoable {
		return true
	}
	verbatim := map[*yaml.Node]string{}
	back, err := splice(out, got, e.undo(edited, got, verbatim), verbatim)
	if err != nil {
		tb.Errorf("cannot undo: %v\n--- source\n%s\n--- result\n%s", err, src, out)
		return false
	}
	if !bytes.Equal(back, src) {
		tb.Errorf("undone is not the source (verbatim %v)\n--- source\n%s\n--- result\n%s\n--- undone\n%s", verbatim, src, out, back)
		return false
	}
	return true
}
