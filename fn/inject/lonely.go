// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// lonely reports a template that a set matches and that has no container of its own: its pods would be the sidecar alone.
// More likely than not the containers are there, misspelt or at the wrong indentation.
func (t *template) lonely() bool {
	spec := manifest.Lookup(t.node, specField)
	containers := manifest.Lookup(spec, containersField)
	if !manifest.IsNull(spec) && spec.Kind != yaml.MappingNode || !manifest.IsNull(containers) && !isEmptyList(containers) {
		return false // there are some, or what is there has the wrong type, which reading it reports
	}
	place, hint := spec, "write the app's containers"
	if !manifest.IsNull(spec) && manifest.OwnIndex(spec, containersField) > 0 {
		place = keyOf(spec, containersField)
	} else if key := nearestKey(spec); key != nil {
		place, hint = key, "did you mean containers in place of "+key.Value+"?"
	} else if key := misplaced(t.node, t.root); key != nil {
		place, hint = key, "these containers stand outside of the template's spec: check the indentation"
	}
	t.report(manifest.SeverityError, orElse(place, t.node), "no-app-containers", specField+"."+containersField,
		"a SidecarSet matches, and the pod template has no containers of its own: its pods would be the sidecar alone", hint)
	return true
}

func isEmptyList(n *yaml.Node) bool { return n.Kind == yaml.SequenceNode && len(n.Content) == 0 }

// nearestKey is the key of a pod's spec that somebody may have written for containers.
func nearestKey(spec *yaml.Node) *yaml.Node {
	var found *yaml.Node
	manifest.EachPair(spec, func(key, value *yaml.Node) {
		isList := manifest.Resolve(value).Kind == yaml.SequenceNode
		if found == nil && isList && key.Value != containersField && key.Value != initsField &&
			manifest.Nearest(key.Value, []string{containersField}) != "" {
			found = key
		}
	})
	return found
}

// misplaced is the key containers beside the spec that it belongs into, or above it.
func misplaced(holders ...*yaml.Node) *yaml.Node {
	for _, h := range holders {
		for _, m := range []*yaml.Node{h, manifest.Lookup(h, specField), manifest.Lookup(h, metadataField)} {
			if m = manifest.Resolve(m); m == nil || m.Kind != yaml.MappingNode {
				continue
			}
			if i := manifest.OwnIndex(m, containersField); i > 0 {
				return m.Content[i-1]
			}
		}
	}
	return nil
}
