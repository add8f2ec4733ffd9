// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"unicode/utf8"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/render/yamltext"
)

// text is the source of a document, with the way from the parser's marks (line and character) to offsets. The parser
// marks where nodes start; where they end is found here, from the text and the value that the parser read from it.
type text struct{ source }

func newText(src []byte) (*text, error) {
	s, err := newSource(src)
	return &text{s}, err
}

// Unsupported is the error for a layout that slipway does not edit, or a mark that is not where it should be.
func Unsupported(line int, what string) error {
	return yamltext.Errorf(line, "%s; nothing was changed: write this part in plain block style", what)
}

// isEmpty tells whether n is a null of which nothing, or nothing but anchor and tag, is written.
func isEmpty(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style&^yaml.TaggedStyle == 0
}

// isUnwritten tells whether n is a null of which nothing is written. The tag "!" stands in the text alone: the parser
// drops it, and marks the place.
func (t *text) isUnwritten(n *yaml.Node) bool {
	if !isEmpty(n) || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		return false
	}
	start, err := t.offset(n)
	return err != nil || t.at(start) != '!'
}

// endOfEmpty returns where the anchor and tag of a null end, which are all that is written of it, from start on. On later
// lines they stand right of indent, the column of the collection around it; what does not belongs to the next key.
func (t *text) endOfEmpty(n *yaml.Node, start, indent int) int {
	end, line := start, t.lineAt(start)
	anchor, tag := n.Anchor != "", true
	for pos := start; ; pos = t.skipSpace(end) {
		c := t.at(pos)
		if c == '&' && anchor {
			anchor = false
		} else if c == '!' && tag {
			tag = false
		} else {
			return end
		}
		if at := t.lineAt(pos); at > line && pos-t.lines[at] <= indent {
			return end
		}
		end = t.endOfProperty(pos)
	}
}

// end returns where the text of n ends: after its last character, comments not included. indent is the column, from
// 0, of the block collection around n; block scalars end by it.
func (t *text) end(n *yaml.Node, indent int) (int, error) {
	start, err := t.offset(n)
	if err != nil {
		return 0, err
	}
	if isEmpty(n) {
		return t.endOfEmpty(n, start, indent), nil
	}
	body := t.body(start)
	switch {
	case n.Kind == yaml.AliasNode:
		return t.endOfAlias(n, body)
	case n.Kind == yaml.ScalarNode:
		return t.endOfScalar(n, body, indent)
	case isFlow(n):
		return t.endOfFlow(n, body)
	case len(n.Content) == 0:
		return 0, Unsupported(n.Line, "an empty block collection")
	}
	last := len(n.Content) - 1
	column, err := t.column(n)
	if err != nil {
		return 0, err
	}
	if n.Kind == yaml.MappingNode {
		return t.endOfEntry(n.Content[last-1], n.Content[last], column)
	}
	return t.end(n.Content[last], column)
}

func isFlow(n *yaml.Node) bool {
	return n.Style&yaml.FlowStyle != 0
}

func isBlock(n *yaml.Node) bool {
	return (n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode) && !isFlow(n)
}

// column returns the column, from 0, of the keys or dashes of a block collection.
func (t *text) column(n *yaml.Node) (int, error) {
	start, err := t.offset(n)
	if err != nil {
		return 0, err
	}
	pos := t.body(start)
	// A mapping's own mark may be that of its first key's anchor: the body starts after it.
	if n.Kind == yaml.MappingNode && len(n.Content) > 0 && !t.isQuestion(pos) {
		if pos, err = t.offset(n.Content[0]); err != nil {
			return 0, err
		}
	}
	if n.Kind == yaml.SequenceNode && t.at(pos) != '-' {
		return 0, Unsupported(n.Line, "a list whose first dash is not where the parser says")
	}
	line := t.lines[t.lineAt(pos)]
	return utf8.RuneCount(t.src[line:pos]), nil
}

// endOfEntry returns where an entry of a block or flow mapping ends.
func (t *text) endOfEntry(key, value *yaml.Node, indent int) (int, error) {
	if t.isUnwritten(value) {
		colon, ok, err := t.colon(key)
		if err != nil || ok {
			return colon + 1, err
		}
		return t.end(key, indent)
	}
	return t.end(value, indent)
}

// colon returns where the colon after a key is, and whether there is one.
func (t *text) colon(key *yaml.Node) (pos int, ok bool, err error) {
	if isEmpty(key) && key.Anchor == "" {
		return 0, false, Unsupported(key.Line, "an empty key")
	}
	end, err := t.end(key, -1)
	if err != nil {
		return 0, false, err
	}
	pos = t.skipSpace(end)
	return pos, t.at(pos) == ':', nil
}

func (t *text) endOfAlias(n *yaml.Node, pos int) (int, error) {
	end := pos + 1 + len(n.Value)
	if end > len(t.src) || string(t.src[pos+1:end]) != n.Value || t.src[pos] != '*' {
		return 0, Unsupported(n.Line, "an alias that is not where the parser says")
	}
	return end, nil
}

// endOfFlow returns where a flow collection ends. A single pair without braces, as in [a: b], ends with its value.
func (t *text) endOfFlow(n *yaml.Node, pos int) (int, error) {
	open := t.at(pos)
	braced := open == '[' && n.Kind == yaml.SequenceNode || open == '{' && n.Kind == yaml.MappingNode
	if !braced {
		return 0, Unsupported(n.Line, "a pair without braces in a list in brackets")
	}
	pos++
	if last := len(n.Content) - 1; last >= 0 {
		var err error
		if n.Kind == yaml.MappingNode {
			pos, err = t.endOfEntry(n.Content[last-1], n.Content[last], -1)
		} else {
			pos, err = t.end(n.Content[last], -1)
		}
		if err != nil {
			return 0, err
		}
	}
	pos = t.skipSpace(pos)
	if t.at(pos) == ',' {
		pos = t.skipSpace(pos + 1)
	}
	// ']' and '}' follow '[' and '{' at a distance of two.
	if t.at(pos) != open+2 {
		return 0, Unsupported(n.Line, "brackets or braces whose end is not found")
	}
	return pos + 1, nil
}
