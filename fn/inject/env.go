// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// env adds IS_INJECTED and then more to a container's own variables. Of more, the first of a name wins and the
// container's own prevail; IS_INJECTED is added even where the container has one, as the webhook does.
func (b *sidecarBuild) env(c *yaml.Node, more []*yaml.Node) *yaml.Node {
	elements := slices.Clone(manifest.Items(manifest.Lookup(c, envField)))
	elements = append(elements, b.in.isInjected)
	b.origin(b.list, b.s.Name+"].env["+isInjectedEnv+"]", b.set, "marks a container as injected", "")
	own := manifest.NewIndex(elements)
	for _, e := range more {
		name := manifest.Text(manifest.Lookup(e, nameField))
		if taken, _ := own.Named(name); taken != nil {
			b.origin(b.list, b.s.Name+"].env["+name+"]", b.set, "transferred from the app, not injected",
				"the sidecar's own variable prevails")
			continue
		}
		elements = append(elements, manifest.Copy(e, false))
		b.origin(b.list, b.s.Name+"].env["+name+"]", b.set, "transferred from the app", "")
	}
	return manifest.With(c, envField, manifest.NewSequence(elements...), volumeMountsField, devicesField)
}

// quoted is a string that a reader would take for something else without quotes.
func quoted(v string) *yaml.Node {
	n := manifest.NewScalar(v)
	n.Style = yaml.DoubleQuotedStyle
	return n
}

// firstOfEach leaves, of elements of one name, the first. It changes the list.
func firstOfEach(list []*yaml.Node) []*yaml.Node {
	seen := make(map[string]bool, len(list))
	return slices.DeleteFunc(list, func(n *yaml.Node) bool {
		name := manifest.Text(manifest.Lookup(n, nameField))
		defer func() { seen[name] = true }()
		return seen[name]
	})
}

// transferred are the variables that transferEnv names, as their containers have them before any injection, in its order.
// A variable or container that is not there is passed over, as the webhook does, but not in silence.
func (b *sidecarBuild) transferred() []*yaml.Node {
	var out []*yaml.Node
	for i, t := range b.s.TransferEnv {
		source, err := b.envSource(t)
		if err != nil {
			b.report(b.mistake(), nil, "bad-transfer-env", "", fmt.Sprintf("SidecarSet %s, container %s, %s: %v",
				b.set.Metadata.Name, b.s.Name, indexed("transferEnv", i), err), "")
			continue
		}
		container, _ := b.named[containersField].Named(source)
		for _, name := range t.names() {
			e := b.lastEnv(container, name)
			if e == nil {
				b.report(manifest.SeverityInfo, nil, "env-not-found", "", fmt.Sprintf(
					"SidecarSet %s transfers %s of container %q to %s, and there is none", b.set.Metadata.Name, name, source, b.s.Name), "")
				continue
			}
			out = append(out, e)
		}
	}
	return out
}

// lastEnv returns the last variable of a name that a container has: of one that is set twice the kubelet keeps the last
// value, and so does a transfer.
func (c *collector) lastEnv(container *yaml.Node, name string) *yaml.Node {
	last, ok := c.lasts[container]
	if !ok {
		last = map[string]*yaml.Node{}
		for _, e := range manifest.Items(manifest.Lookup(container, envField)) {
			last[manifest.Text(manifest.Lookup(e, nameField))] = e
		}
		if c.lasts == nil {
			c.lasts = map[*yaml.Node]map[string]*yaml.Node{}
		}
		c.lasts[container] = last
	}
	return last[name]
}

// names are the variables of a transfer, sorted, as Kruise takes them.
func (t TransferEnv) names() []string {
	names := slices.Clone(t.EnvNames)
	if t.EnvName != "" {
		names = append(names, t.EnvName)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// envSource is the name of the container that a transfer reads.
func (b *sidecarBuild) envSource(t TransferEnv) (string, error) {
	if t.SourceContainerNameFrom == nil || t.SourceContainerNameFrom.FieldRef == nil {
		return t.SourceContainerName, nil
	}
	field, key, err := parseFieldPath(t.SourceContainerNameFrom.FieldRef.FieldPath)
	switch {
	case err != nil:
		return "", err
	case field == labelsField:
		return b.label(key), nil
	default:
		return b.patched[key], nil
	}
}

// parseFieldPath reads metadata.labels['key'] and metadata.annotations['key'], the two paths that Kruise accepts.
func parseFieldPath(path string) (field, key string, err error) {
	for _, field := range []string{labelsField, annotationsField} {
		rest, ok := strings.CutPrefix(path, "metadata."+field+"['")
		if key, closed := strings.CutSuffix(rest, "']"); ok && closed && key != "" {
			return field, key, nil
		}
	}
	return "", "", fmt.Errorf("fieldPath %q is neither metadata.labels['KEY'] nor metadata.annotations['KEY']", path)
}
