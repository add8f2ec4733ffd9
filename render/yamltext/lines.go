// SPDX-License-Identifier: Apache-2.0

package yamltext

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// hasUnusualBreak tells whether a text has a character at which YAML breaks lines and editors do not.
func hasUnusualBreak(doc []byte) bool {
	return slices.ContainsFunc([]string{"\u0085", "\u2028", "\u2029"}, func(c string) bool {
		return bytes.Contains(doc, []byte(c))
	})
}

// lineTable leads from the lines that the library counts to those of editors.
type lineTable []int

// newLineTable is the table of a text, nil where both count alike.
func newLineTable(doc []byte) lineTable {
	if !hasUnusualBreak(doc) {
		return nil
	}
	table, line := lineTable{0, 1}, 1
	for i := 0; i < len(doc); {
		r, size := utf8.DecodeRune(doc[i:])
		i += size
		switch {
		case r == '\r' && i < len(doc) && doc[i] == '\n':
			continue // the line ends with what follows
		case r == '\n', r == '\r':
			line++
		case r != 0x85 && r != 0x2028 && r != 0x2029:
			continue
		}
		table = append(table, line)
	}
	return table
}

// of is the line of editors.
func (t lineTable) of(line int) int {
	if line < 0 || line >= len(t) {
		return line
	}
	return t[line]
}

// correct gives the nodes of a tree the lines of editors. Aliases lead to nodes that are in the tree.
func (t lineTable) correct(n *yaml.Node) {
	if t == nil {
		return
	}
	n.Line = t.of(n.Line)
	for _, c := range n.Content {
		t.correct(c)
	}
}
