// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// maxExpanded bounds what a document may hold once its aliases are written out.
const maxExpanded = 1_000_000

// CheckAliases reports a document whose aliases stand for more than anyone can mean: an anchor that holds itself, or
// aliases of aliases that multiply. Everything else in this package expects documents that passed.
func CheckAliases(object *yaml.Node, source Source) []Finding {
	e := expansion{sizes: map[*yaml.Node]int{}}
	e.size(object)
	if e.bad == nil {
		return nil
	}
	return []Finding{{
		Severity: SeverityError, Code: "alias-bomb", Object: Ref(object), Source: at0(source, e.bad),
		Message: fmt.Sprintf("the YAML alias *%s stands for a value that holds itself or more than %d others", e.bad.Value, maxExpanded),
		Hint:    "write the value out",
	}}
}

// expansion counts values; bad is the first alias at which there are too many.
type expansion struct {
	sizes map[*yaml.Node]int // of anchored values; 0 while one is being counted
	bad   *yaml.Node
}

func (e *expansion) size(n *yaml.Node) int {
	if n == nil || e.bad != nil {
		return 0
	}
	if n.Kind == yaml.AliasNode {
		return e.aliasSize(n)
	}
	total := 1
	for _, c := range n.Content {
		total += e.size(c)
	}
	return total
}

func (e *expansion) aliasSize(alias *yaml.Node) int {
	size, seen := e.sizes[alias.Alias]
	if !seen {
		e.sizes[alias.Alias] = 0
		size = e.size(alias.Alias)
		e.sizes[alias.Alias] = size
	}
	if (size == 0 || size > maxExpanded) && e.bad == nil {
		e.bad = alias
	}
	return size
}
