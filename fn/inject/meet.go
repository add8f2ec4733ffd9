// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"maps"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// checkMeeting reports what the sets that meet in this template dispute. Kruise's admission keeps such sets from being
// there together, so that its webhook need not look; here nobody has. What is said of two sets is what Lint says of them.
func (c *collector) checkMeeting() {
	for i, later := range c.sets {
		for _, earlier := range c.sets[:i] {
			for _, name := range volumeDisputes(earlier, later) {
				c.report(c.mistake(), nil, "volume-conflict", specField+"."+volumesField+"["+name+"]", fmt.Sprintf(
					"SidecarSet %s and SidecarSet %s both match and have different volumes of the name %s",
					earlier.Metadata.Name, later.Metadata.Name, name),
					"rename one of the two, give both the same content, or narrow a selector")
			}
			for _, d := range annotationDisputes(earlier, later) {
				c.report(c.mistake(), nil, "annotation-conflict", metadataField+"."+annotationsField+"["+d.key+"]", fmt.Sprintf(
					"SidecarSet %s and SidecarSet %s both match and set this annotation, %s",
					earlier.Metadata.Name, later.Metadata.Name, d.how), d.hint)
			}
		}
	}
	c.checkPorts()
}

// volumeDisputes lists the names under which both sets have a volume, and not the same one.
func volumeDisputes(a, b *SidecarSet) []string {
	var out []string
	for _, v := range b.Spec.Volumes {
		if other := a.volume(v.Name); v.Name != "" && other != nil && !sameVolume(v.Node, other) {
			out = append(out, v.Name)
		}
	}
	return out
}

// sameVolume says whether two volumes are one to the API server, which fills in what is not said.
func sameVolume(a, b *yaml.Node) bool {
	return equalValues(volumeValue(a), volumeValue(b))
}

// volumeValue is a volume with the defaults that decide whether two of them are the same.
func volumeValue(n *yaml.Node) any {
	v, ok := withoutNulls(value(n)).(map[string]any)
	if !ok {
		return nil
	}
	for _, source := range []string{"configMap", "secret", "downwardAPI", "projected"} {
		if m, ok := v[source].(map[string]any); ok && m["defaultMode"] == nil {
			m["defaultMode"] = 0o644
		}
	}
	if m, ok := v["hostPath"].(map[string]any); ok && m["type"] == nil {
		m["type"] = ""
	}
	if len(v) == 1 && v[nameField] != nil {
		v["emptyDir"] = map[string]any{}
	}
	return v
}

// withoutNulls is a value in which nothing is null: to the API server a null field is one that is not there.
func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		maps.DeleteFunc(v, func(_ string, e any) bool { return e == nil })
		for k, e := range v {
			v[k] = withoutNulls(e)
		}
	case []any:
		for i, e := range v {
			v[i] = withoutNulls(e)
		}
	}
	return v
}

// annotationDispute is an annotation that two sets cannot both have their way with.
type annotationDispute struct {
	patch          int // the entry of the later set's patchPodMetadata
	key, how, hint string
}

// annotationDisputes follows admission: Retain gives way to whatever is there, MergePatchJson merges with its like, and
// Overwrite disputes with all but Retain. A merge into a value that is not JSON would fail at injection.
func annotationDisputes(earlier, later *SidecarSet) []annotationDispute {
	var out []annotationDispute
	for i, p := range later.Spec.PatchPodMetadata {
		for _, key := range slices.Sorted(maps.Keys(p.Annotations)) {
			for _, o := range earlier.Spec.PatchPodMetadata {
				value, shared := o.Annotations[key]
				switch {
				case !shared:
				case p.disputes(o):
					out = append(out, annotationDispute{
						i, key, "one of the two with Overwrite", "use Retain or MergePatchJson, or narrow a selector",
					})
				case p.PatchPolicy == patchMergeJSON && !mergesInto(value),
					o.PatchPolicy == patchMergeJSON && !mergesInto(p.Annotations[key]):
					out = append(out, annotationDispute{
						i, key, "one of the two merges JSON, and the other value is not JSON", "write JSON in both, or narrow a selector",
					})
				}
			}
		}
	}
	return out
}

// port is one port of a container.
type port struct{ set, container, protocol, hostIP, number, host string }

// owner is the container of a port in words.
func (p port) owner() string {
	if p.set == "" {
		return "container " + p.container + " of the app"
	}
	return "container " + p.container + " of SidecarSet " + p.set
}

// checkPorts reports ports that an injected container and another one claim. The API server refuses a host port that
// stands twice; a port of the pod's own network that does is one that the second process cannot open. Init containers,
// native sidecars included, are no concern of its.
func (c *collector) checkPorts() {
	var ports []port
	onHost := manifest.Text(manifest.Lookup(c.spec, "hostNetwork")) == "true"
	injected := map[string]bool{}
	for _, p := range c.changes.containers {
		injected[p.name] = true
		ports = append(ports, portsOf(p.node, p.set, onHost)...)
	}
	if len(ports) == 0 {
		return
	}
	var own []port
	for _, c := range c.containers {
		if !injected[manifest.Text(manifest.Lookup(c, nameField))] {
			own = append(own, portsOf(c, "", onHost)...)
		}
	}
	ports = append(own, ports...)
	for i, p := range ports {
		if p.set == "" {
			continue
		}
		if j := slices.IndexFunc(ports[:i], p.clashesOnHost); j >= 0 {
			c.report(c.mistake(), nil, "duplicate-port", "", fmt.Sprintf("%s and %s both claim the host port %s/%s",
				ports[j].owner(), p.owner(), p.host, p.protocol), "the API server refuses the pod: change one of the two, or narrow a selector")
		} else if j := slices.IndexFunc(ports[:i], p.clashes); j >= 0 {
			c.report(manifest.SeverityWarning, nil, "duplicate-port", "", fmt.Sprintf("%s and %s both name the port %s/%s",
				ports[j].owner(), p.owner(), p.number, p.protocol), "containers of a pod share its network: only one of the two can listen there")
		}
	}
}

func (p port) clashesOnHost(o port) bool {
	return p.host != "" && p.host == o.host && p.protocol == o.protocol && p.hostIP == o.hostIP && p.container != o.container
}

// clashes leaves out the containers of one set, whose author has them in view: a hot upgrade's pair has the same ports.
func (p port) clashes(o port) bool {
	return p.number != "" && p.number == o.number && p.protocol == o.protocol && p.set != o.set
}

// portsOf lists a container's ports. On the host's network each of them is one of the host's.
func portsOf(c *yaml.Node, set string, onHost bool) []port {
	var out []port
	name := manifest.Text(manifest.Lookup(c, nameField))
	for _, n := range manifest.Items(manifest.Lookup(c, "ports")) {
		p := port{
			set: set, container: name, protocol: orWord(manifest.Text(manifest.Lookup(n, "protocol")), "TCP"),
			hostIP: manifest.Text(manifest.Lookup(n, "hostIP")), number: manifest.Text(manifest.Lookup(n, "containerPort")),
			host: manifest.Text(manifest.Lookup(n, "hostPort")),
		}
		if p.host == "0" {
			p.host = ""
		}
		if onHost && p.host == "" {
			p.host = p.number
		}
		out = append(out, p)
	}
	return out
}
