// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// override merges the fragment of slipway.dev/override.<container> into an injected container.
func (b *sidecarBuild) override(c *yaml.Node) *yaml.Node {
	name := manifest.Text(manifest.Lookup(c, nameField))
	key := overridePrefix + name
	fragment, ok := b.overrides[key]
	if !ok {
		return c
	}
	merged, err := mergeContainer(c, fragment)
	if err == nil && manifest.Text(manifest.Lookup(merged, nameField)) != name {
		err = fmt.Errorf("it renames the container")
	}
	if err != nil {
		b.reportAnnotation(manifest.SeverityError, key, "bad-override",
			"is not a fragment of a container: "+err.Error(), `a JSON object such as {"image":"example.com/agent:v2"}`)
		return c
	}
	b.origin(b.list, name, b.set, "changed by the annotation "+key, "")
	return merged
}

// mergeContainer is the strategic merge of a JSON fragment into a container, keys kept in the container's order.
func mergeContainer(c *yaml.Node, fragment string) (*yaml.Node, error) {
	return mergeStrategic(c, []byte(fragment), corev1.Container{})
}

// mergeStrategic merges a JSON object into a mapping, whose order of keys it keeps; schema's type tells how lists merge.
func mergeStrategic(n *yaml.Node, patch []byte, schema any) (*yaml.Node, error) {
	original, err := json.Marshal(value(n))
	if err != nil {
		return nil, err
	}
	patched, err := strategicpatch.StrategicMergePatch(original, patch, schema)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(patched))
	d.UseNumber()
	var out any
	if err := d.Decode(&out); err != nil {
		return nil, err
	}
	return nodeOf(out, n), nil
}

// checkOverrides warns of annotations that name nothing that is or could be injected.
func (c *collector) checkOverrides() {
	skipped := c.skipped()
	var overrides []string
	for key := range c.overrides {
		if strings.HasPrefix(key, overridePrefix) {
			overrides = append(overrides, key)
		}
	}
	if len(skipped)+len(overrides) == 0 {
		return
	}
	inPods, sets := map[string]bool{}, map[string]bool{} // names in pods, and names that skip may give
	for _, s := range c.in.sets {
		sets[s.Metadata.Name] = true
		for _, l := range s.sidecarLists() {
			for i := range l.sidecars {
				sets[l.sidecars[i].Name] = true
				for _, name := range l.sidecars[i].podNames() {
					inPods[name] = true
				}
			}
		}
	}
	slices.Sort(overrides)
	for _, key := range overrides {
		if name := strings.TrimPrefix(key, overridePrefix); !inPods[name] {
			c.unusedAnnotation(key, fmt.Sprintf("no SidecarSet has a container %q", name), name, inPods)
		}
	}
	for _, name := range skipped {
		if !sets[name] {
			c.unusedAnnotation(skipAnnotation, fmt.Sprintf("%q is neither a SidecarSet nor one of their containers", name), name, sets)
		}
	}
}

// value is a tree as encoding/json would decode it; keys are those of Kubernetes.
func value(n *yaml.Node) any {
	n = manifest.Resolve(n)
	switch {
	case manifest.IsNull(n):
		return nil
	case n.Kind == yaml.MappingNode:
		out := make(map[string]any, len(n.Content)/2)
		manifest.EachPair(n, func(k, v *yaml.Node) {
			if _, ok := out[manifest.Key(k)]; !ok {
				out[manifest.Key(k)] = value(v)
			}
		})
		return out
	case n.Kind == yaml.SequenceNode:
		out := make([]any, len(n.Content))
		for i, c := range n.Content {
			out[i] = value(c)
		}
		return out
	}
	return scalarValue(n)
}

func scalarValue(n *yaml.Node) any {
	var v any
	if manifest.Decode(n, &v) != nil {
		return n.Value
	}
	return v
}

// nodeOf makes a tree of a JSON value; mappings keep the order of keys that like has, new keys follow by name.
func nodeOf(v any, like *yaml.Node) *yaml.Node {
	switch v := v.(type) {
	case nil:
		return manifest.NewNull()
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v)}
	case json.Number:
		tag := "!!int"
		if strings.ContainsAny(v.String(), ".eE") {
			tag = "!!float"
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: v.String()}
	case string:
		if n := manifest.Resolve(like); n != nil && n.Kind == yaml.ScalarNode && n.Value == v {
			return manifest.Copy(n, false)
		}
		return manifest.NewScalar(v)
	case []any:
		out := manifest.NewSequence()
		for i, e := range v {
			var model *yaml.Node
			if list := manifest.Items(like); i < len(list) {
				model = list[i]
			}
			out.Content = append(out.Content, nodeOf(e, model))
		}
		return out
	case map[string]any:
		return mappingOf(v, like)
	}
	panic(fmt.Sprintf("inject: %T is not a JSON value", v))
}

func mappingOf(v map[string]any, like *yaml.Node) *yaml.Node {
	out := manifest.NewMapping()
	rest := maps.Clone(v)
	manifest.EachPair(like, func(k, old *yaml.Node) {
		if e, ok := rest[manifest.Key(k)]; ok {
			delete(rest, manifest.Key(k))
			out.Content = append(out.Content, manifest.NewScalar(manifest.Key(k)), nodeOf(e, old))
		}
	})
	for _, k := range slices.Sorted(maps.Keys(rest)) {
		out.Content = append(out.Content, manifest.NewScalar(k), nodeOf(rest[k], nil))
	}
	return out
}

// Equal says whether two trees hold the same values, whatever their style and the order of their keys.
func Equal(a, b *yaml.Node) bool { return equalValues(value(a), value(b)) }

func equalValues(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}
