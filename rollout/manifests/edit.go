// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Apply returns the object with the edits made and, for each edit that changed it, its finding. Nodes keep the
// discipline of package inject: nothing that was given is changed, and what is new has no position.
func Apply(object *yaml.Node, edits []Edit) (*yaml.Node, []manifest.Finding, error) {
	var findings []manifest.Finding
	for _, e := range edits {
		next, err := set(object, e.Path, e)
		if err != nil {
			return nil, nil, fmt.Errorf("setting %s: %w", strings.Join(e.Path, "."), err)
		}
		if next != object && e.Finding != nil {
			findings = append(findings, *e.Finding)
		}
		object = next
	}
	return object, findings, nil
}

func set(n *yaml.Node, path []string, e Edit) (*yaml.Node, error) {
	if len(path) == 0 {
		if n != nil && n.Kind == yaml.ScalarNode && n.Value == e.Value && n.ShortTag() == e.Tag {
			return n, nil
		}
		return scalar(e.Tag, e.Value), nil
	}
	if manifest.IsNull(n) {
		n = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	}
	if n.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s is no mapping to put it into: write it out there", path[0])
	}
	i := manifest.OwnIndex(n, path[0])
	var value *yaml.Node
	if i >= 0 {
		value = n.Content[i]
	}
	next, err := set(value, path[1:], e)
	if err != nil || next == value {
		return n, err
	}
	c := *n
	if c.Content = slices.Clone(n.Content); i >= 0 {
		c.Content[i] = next
	} else {
		c.Content = append(c.Content, scalar("!!str", path[0]), next)
	}
	return &c, nil
}

func scalar(tag, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
}

// Same says whether an object says what text does: order of keys, style and what an orchestrator adds do not count.
func Same(object *yaml.Node, text []byte) bool {
	var a, b map[string]any
	if object == nil || manifest.Decode(object, &a) != nil || yaml.Unmarshal(text, &b) != nil {
		return false
	}
	if meta, ok := a["metadata"].(map[string]any); ok {
		if annotations, ok := meta["annotations"].(map[string]any); ok {
			for key := range annotations {
				if slices.ContainsFunc(internal(), func(prefix string) bool { return strings.HasPrefix(key, prefix) }) {
					delete(annotations, key)
				}
			}
		}
	}
	return reflect.DeepEqual(a, b)
}

// internal lists how the annotations begin that an orchestrator puts on the items that it sends.
func internal() []string {
	return []string{"internal.config.kubernetes.io/", "config.kubernetes.io/", "config.k8s.io/", "internal.config.k8s.io/"}
}
