// SPDX-License-Identifier: Apache-2.0

package splice

import (
	"fmt"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/render/yamltext"
)

// anchors know which values of a tree are used elsewhere too, once it is edited.
type anchors struct {
	edited  *yaml.Node
	aliases map[*yaml.Node]*yaml.Node // by what they stand for; nil before the first question
}

// checkAnchor refuses an edit inside of a value that is used elsewhere too.
func (a *anchors) checkAnchor(n *yaml.Node) error {
	if n.Anchor == "" {
		return nil
	}
	if alias := a.aliasOf(n); alias != nil {
		return yamltext.Errorf(n.Line, "the value with the anchor &%s has to change here, but not on", n.Anchor).
			With(alias.Line, fmt.Sprintf(", where *%s uses it; write the value out in place of the alias", n.Anchor))
	}
	return nil
}

// checkGone refuses to take out an anchor that is used by what stays.
func (a *anchors) checkGone(n *yaml.Node) error {
	if n.Anchor != "" {
		if alias := a.aliasOf(n); alias != nil {
			return yamltext.Errorf(n.Line, "the anchor &%s would go from here, but *%s on", n.Anchor, n.Anchor).
				With(alias.Line, " needs it; write the value out in place of the alias")
		}
	}
	for _, child := range n.Content {
		if err := a.checkGone(child); err != nil {
			return err
		}
	}
	return nil
}

// aliasOf returns an alias of the edited tree that means n as it was.
func (a *anchors) aliasOf(n *yaml.Node) *yaml.Node {
	if a.aliases == nil {
		a.aliases = map[*yaml.Node]*yaml.Node{}
		collectAliases(a.edited, a.aliases)
	}
	return a.aliases[n]
}

func collectAliases(n *yaml.Node, into map[*yaml.Node]*yaml.Node) {
	if n.Kind == yaml.AliasNode && into[n.Alias] == nil {
		into[n.Alias] = n
	}
	for _, child := range n.Content {
		collectAliases(child, into)
	}
}
