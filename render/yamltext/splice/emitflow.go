// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/render/yamltext"
)

// flow writes n in flow style: on one line, or over lines where the neighbours are.
func (e *emitter) flow(n *yaml.Node) {
	if text, ok := e.verbatim[n]; ok {
		e.write(text)
		return
	}
	n = yamltext.Target(n)
	e.check(n)
	switch n.Kind {
	case yaml.ScalarNode:
		e.flowScalar(n)
	case yaml.SequenceNode:
		e.flowEntries("[", "]", len(n.Content), func(i int) { e.flow(n.Content[i]) })
	case yaml.MappingNode:
		e.flowEntries("{", "}", len(n.Content)/2, func(i int) { e.flowEntry(n.Content[2*i], n.Content[2*i+1]) })
	default:
		e.fail(n, "a node that is no value")
	}
}

// flowEntries writes count entries between brackets.
func (e *emitter) flowEntries(opening, closing string, count int, entry func(i int)) {
	e.write(opening)
	outer := e.indent
	e.indent += e.pretty
	for i := range count {
		switch {
		case i > 0 && (e.tight || e.pretty != ""):
			e.write(",")
		case i > 0:
			e.write(", ")
		}
		if e.pretty != "" {
			e.write(e.newline + e.indent)
		}
		entry(i)
	}
	e.indent = outer
	if e.pretty != "" && count > 0 {
		e.write(e.newline + e.indent)
	}
	e.write(closing)
}

func (e *emitter) flowEntry(key, value *yaml.Node) {
	e.key(key)
	e.out = append(e.out, ':')
	if text, ok := e.verbatim[value]; ok {
		e.write(text)
		return
	}
	if !e.tight {
		e.out = append(e.out, ' ')
	}
	e.flow(value)
}
