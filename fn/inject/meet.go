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
	if len(c.sets) > 1 {
		c.checkDisputes()
	}
	c.checkPorts()
}

func (c *collector) checkDisputes() {
	r := newRivals(inDispute)
	for _, later := range c.sets {
		told := toldCounts{} // of what this set disputes
		has := c.in.disputable[later]
		for _, i := range r.of(nil, has, func(int) bool { return true }) {
			earlier := c.sets[i]
			for _, name := range volumeDisputes(earlier, later) {
				if message, ok := told.next(name, fmt.Sprintf("SidecarSet %s and SidecarSet %s both match and have different volumes of "+
					"the name %s",
					earlier.Metadata.Name, later.Metadata.Name, name)); ok {
					c.report(c.mistake(), nil, "volume-conflict", specField+"."+volumesField+"["+name+"]", message,
						"rename one of the two, give both the same content, or narrow a selector")
				}
			}
			for _, d := range annotationDisputes(earlier, later) {
				field := metadataField + "." + annotationsField + "[" + d.key + "]"
				if message, ok := told.next(field, fmt.Sprintf("SidecarSet %s and SidecarSet %s both match and set this annotation, %s",
					earlier.Metadata.Name, later.Metadata.Name, d.how)); ok {
					c.report(c.mistake(), nil, "annotation-conflict", field, message, d.hint)
				}
			}
		}
		r.add(nil, has)
	}
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
	type written struct{ policy, value string }
	others := map[string][]written{}
	for _, o := range earlier.Spec.PatchPodMetadata {
		for key, value := range o.Annotations {
			others[key] = append(others[key], written{o.PatchPolicy, value})
		}
	}
	var out []annotationDispute
	for i, p := range later.Spec.PatchPodMetadata {
		for _, key := range slices.Sorted(maps.Keys(p.Annotations)) {
			for _, o := range others[key] {
				switch {
				case p.disputes(PodMetadataPatch{PatchPolicy: o.policy}):
					out = append(out, annotationDispute{
						i, key, "one of the two with Overwrite", "use Retain or MergePatchJson, or narrow a selector",
					})
				case p.PatchPolicy == patchMergeJSON && !mergesInto(o.value),
					o.policy == patchMergeJSON && !mergesInto(p.Annotations[key]):
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
	c.reportPorts(append(own, ports...))
}

func (c *collector) reportPorts(ports []port) {
	host, pod := map[port]claims{}, map[port]claims{}
	for _, p := range ports {
		onHost, inPod := port{host: p.host, protocol: p.protocol, hostIP: p.hostIP}, port{number: p.number, protocol: p.protocol}
		if p.set != "" {
			// Another container on the host. In the pod the containers of one set are left out, whose author has them in view:
			// a hot upgrade's pair has the same ports.
			if o, taken := host[onHost].other(p.container); taken && p.host != "" {
				c.report(c.mistake(), nil, "duplicate-port", "", fmt.Sprintf("%s and %s both claim the host port %s/%s",
					o.owner(), p.owner(), p.host, p.protocol), "the API server refuses the pod: change one of the two, or narrow a selector")
			} else if o, taken := pod[inPod].other(p.set); taken && p.number != "" {
				c.report(manifest.SeverityWarning, nil, "duplicate-port", "", fmt.Sprintf("%s and %s both name the port %s/%s",
					o.owner(), p.owner(), p.number, p.protocol), "containers of a pod share its network: only one of the two can listen there")
			}
		}
		host[onHost] = host[onHost].add(p.container, p)
		pod[inPod] = pod[inPod].add(p.set, p)
	}
}

// claims are the first port of a number and the first that is not of the same one: all that it takes to find the first that
// is another's.
type claims []claim

type claim struct {
	by string
	port
}

func (c claims) add(by string, p port) claims {
	if len(c) == 0 || len(c) == 1 && c[0].by != by {
		return append(c, claim{by, p})
	}
	return c
}

func (c claims) other(than string) (port, bool) {
	for _, one := range c {
		if one.by != than {
			return one.port, true
		}
	}
	return port{}, false
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
