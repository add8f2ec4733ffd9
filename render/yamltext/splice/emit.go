// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/render/yamltext"
)

// layout is how a document is written around the place of an edit.
type layout struct {
	step    int    // from a key to the keys below it
	dash    int    // from a key to the dashes below it; 0 is the compact style
	newline string // "\n" or "\r\n"
	json    bool   // flow style quotes keys and strings
	tight   bool   // flow style writes no space after a comma or colon
}

// emitter writes new nodes in a given layout. It appends to out and never wraps lines. Comments of new nodes are not
// written: they would make it uncertain which comment lines belong to the node when it is taken out again.
type emitter struct {
	layout
	out      []byte
	verbatim map[*yaml.Node]string
	err      error

	noLiteral bool   // what follows would not end a block scalar
	pretty    string // what flow collections indent their entries by; empty for one line
	indent    string // of the current line, where pretty is set
}

func (e *emitter) fail(n *yaml.Node, what string) {
	if e.err == nil {
		e.err = yamltext.Errorf(n.Line, "%s cannot be inserted here; nothing was changed: take it out of what is injected", what)
	}
}

func (e *emitter) write(s string) {
	e.out = append(e.out, s...)
}

// breakLine ends the line and indents the next one.
func (e *emitter) breakLine(column int) {
	e.write(e.newline)
	for range column {
		e.out = append(e.out, ' ')
	}
}

// value writes n behind a colon or a dash of block style. column is that of the key or dash, inner that of
// what stands on lines of its own below it.
func (e *emitter) value(n *yaml.Node, column int) {
	if text, ok := e.verbatim[n]; ok {
		e.given(text)
		return
	}
	n = yamltext.Target(n)
	switch {
	case !isBlock(n) || len(n.Content) == 0:
		e.out = append(e.out, ' ')
		e.inline(n, column)
	case n.Kind == yaml.SequenceNode:
		e.lines(n, column+e.dash)
	default:
		e.lines(n, column+e.step)
	}
}

// given writes text that replaces what follows a colon or dash.
func (e *emitter) given(text string) {
	if text != "" && !yamltext.IsWhite(text[0]) {
		e.out = append(e.out, ' ')
	}
	e.write(text)
}

// lines writes the entries of a block collection, each behind a line break.
func (e *emitter) lines(n *yaml.Node, column int) {
	e.check(n)
	if n.Kind == yaml.SequenceNode {
		for _, child := range n.Content {
			e.breakLine(column)
			e.element(child, column, 2)
		}
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		e.breakLine(column)
		e.entry(n.Content[i], n.Content[i+1], column)
	}
}

// element writes a dash at column and n behind it, gap columns to the right.
func (e *emitter) element(n *yaml.Node, column, gap int) {
	e.out = append(e.out, '-')
	e.afterDash(n, column, gap)
}

func (e *emitter) afterDash(n *yaml.Node, column, gap int) {
	if text, ok := e.verbatim[n]; ok {
		e.given(text)
		return
	}
	n = yamltext.Target(n)
	if !isBlock(n) || len(n.Content) == 0 {
		e.value(n, column)
		return
	}
	e.check(n)
	for range gap - 1 {
		e.out = append(e.out, ' ')
	}
	column += gap
	if n.Kind == yaml.SequenceNode {
		e.element(n.Content[0], column, 2)
	} else {
		e.entry(n.Content[0], n.Content[1], column)
	}
	width := 1
	if n.Kind == yaml.MappingNode {
		width = 2
	}
	rest := *n
	rest.Content = n.Content[width:]
	e.lines(&rest, column)
}

// entry writes a key and its value.
func (e *emitter) entry(key, value *yaml.Node, column int) {
	e.key(key)
	e.out = append(e.out, ':')
	e.value(value, column)
}

func (e *emitter) key(n *yaml.Node) {
	if text, ok := e.verbatim[n]; ok {
		e.write(text)
		return
	}
	n = yamltext.Target(n)
	if n.Kind != yaml.ScalarNode || len(n.Value) > yamltext.MaxKey {
		e.fail(n, "a key that is no short text")
		return
	}
	e.flowScalar(n)
}

// inline writes n so that it needs no lines of its own, except for the lines of a block scalar in a collection at
// column.
func (e *emitter) inline(n *yaml.Node, column int) {
	if n.Kind == yaml.ScalarNode && !e.noLiteral && isLiteral(n) {
		e.check(n)
		e.literal(n.Value, column+e.step)
		return
	}
	e.flow(n)
}

// check refuses tags that mean nothing in a manifest. Anchors of new nodes are not written, and their aliases are
// written out: an inserted anchor could take the place of one that the document's aliases mean.
func (e *emitter) check(n *yaml.Node) {
	if n.Style&yaml.TaggedStyle != 0 && (n.Kind != yaml.ScalarNode || !strings.HasPrefix(n.ShortTag(), "!!")) {
		e.fail(n, "the tag "+n.Tag)
	}
}

// isLiteral tells whether n is written as a literal block scalar: text over lines that needs no escapes and no
// indentation indicator.
func isLiteral(n *yaml.Node) bool {
	v := n.Value
	quoted := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0
	if quoted || !strings.Contains(strings.TrimRight(v, "\n"), "\n") && n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		return false
	}
	if v == "" || yamltext.IsWhite(v[0]) || strings.HasSuffix(v, "\n\n") || n.ShortTag() != "!!str" {
		return false
	}
	for line := range strings.SplitSeq(v, "\n") {
		if !isPrintable(line) || strings.TrimRight(line, " \t") != line {
			return false
		}
	}
	return true
}

// literal writes v as a block scalar with its lines at column.
func (e *emitter) literal(v string, column int) {
	e.out = append(e.out, '|')
	body := strings.TrimSuffix(v, "\n")
	if body == v {
		e.out = append(e.out, '-')
	}
	for line := range strings.SplitSeq(body, "\n") {
		if line == "" {
			e.write(e.newline)
			continue
		}
		e.breakLine(column)
		e.write(line)
	}
}
