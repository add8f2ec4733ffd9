// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// compareSets holds the cluster's sets against those of Git.
func (d *diagnosis) compareSets() {
	if d.live.SetsUnseen {
		return
	}
	live := map[string]*SidecarSet{}
	for _, set := range d.in.sets {
		live[set.Metadata.Name] = set
		d.compareSet(set)
	}
	for _, name := range slices.Sorted(maps.Keys(d.git)) {
		if live[name] == nil {
			d.report(manifest.SeverityInfo, d.git[name].ref(), "sidecarset-not-in-cluster", "is in Git and not in the cluster",
				"nothing to do: it is injected when manifests are rendered")
		}
	}
}

// compareSet reports how one set of the cluster stands to Git.
func (d *diagnosis) compareSet(set *SidecarSet) {
	name, paused := set.Metadata.Name, set.Spec.InjectionStrategy.Paused
	if paused {
		d.report(manifest.SeverityInfo, set.ref(), "sidecarset-paused", "the webhook's injection is paused in the cluster",
			"when no pod carries its sidecars from the webhook any more, it can be deleted in the cluster")
	}
	ours := d.git[name]
	if len(d.git) == 0 {
		return
	}
	severity := manifest.SeverityWarning
	if ours == nil {
		d.differs[name] = true
		hint := "add it to Git, or delete it in the cluster if no pod needs it"
		if paused {
			severity = manifest.SeverityInfo
		}
		d.report(severity, set.ref(), "sidecarset-not-in-git", "is in the cluster and not in Git", hint)
		return
	}
	if ours.Spec.InjectionStrategy.Paused {
		d.report(manifest.SeverityWarning, set.ref(), "sidecarset-paused", "is paused in Git, so slipway does not inject it",
			"set spec.injectionStrategy.paused: false in Git and pause the one in the cluster")
	}
	fields := differences(set, ours)
	if len(fields) == 0 {
		return
	}
	d.differs[name] = true
	if !paused {
		severity = manifest.SeverityError
	}
	d.report(severity, set.ref(), "sidecarset-differs", "in the cluster it differs from "+
		orWord(ours.Source.String(), "that in Git")+" in "+some(fields, 5),
		"bring Git up to date and render, or apply Git's to the cluster")
}

func (set *SidecarSet) ref() manifest.ObjectRef { return manifest.RefOf(set.Node) }

// some joins the first few of a list.
func some(list []string, most int) string {
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}

// differences lists the fields in which two sets of one name inject differently. Fields of which only the live set has
// the default are none: admission writes them.
func differences(live, git *SidecarSet) []string {
	c := &comparison{}
	l, g := injectedSpec(live), injectedSpec(git)
	if boundTo(live) == boundTo(git) && boundTo(live) != "" {
		for _, field := range []string{"namespace", "namespaceSelector"} {
			l, g = manifest.Without(l, field), manifest.Without(g, field)
		}
	}
	c.values(place{path: specField}, l, g)
	if live.customVersion() != git.customVersion() {
		c.fields = append(c.fields, "its custom version")
	}
	for _, a := range []string{canaryAnnotation, baseAnnotation} {
		if live.Metadata.Annotations[a] != git.Metadata.Annotations[a] {
			c.fields = append(c.fields, "annotation "+a)
		}
	}
	return c.fields
}

// injectedSpec is a set's spec without what does not matter to what is injected.
func injectedSpec(set *SidecarSet) *yaml.Node {
	spec := manifest.Copy(manifest.Lookup(set.Node, specField), false)
	if spec == nil || spec.Kind != yaml.MappingNode {
		return manifest.NewMapping()
	}
	if strategy := manifest.Lookup(spec, "injectionStrategy"); strategy != nil {
		spec = manifest.With(spec, "injectionStrategy", manifest.Without(strategy, "paused"))
	}
	r := set.Spec.InjectionStrategy.Revision
	if r == nil || r.Policy != revisionPartial {
		spec = manifest.Without(spec, "updateStrategy")
	}
	return manifest.Without(manifest.Without(spec, "revisionHistoryLimit"), "customVersion")
}

// boundTo is the one namespace that a set is bound to, in the words of either API version.
func boundTo(set *SidecarSet) string {
	if set.Spec.Namespace != "" {
		return set.Spec.Namespace
	}
	s := set.Spec.NamespaceSelector
	if s == nil || len(s.MatchExpressions) > 0 || len(s.MatchLabels) != 1 {
		return ""
	}
	return s.MatchLabels[metadataNameLabel]
}

// comparison collects the paths at which two trees differ.
type comparison struct{ fields []string }

// place is where a comparison stands.
type place struct {
	path   string
	key    string     // the last key
	parent *yaml.Node // the live mapping that holds it
}

func (p place) below(key string, parent *yaml.Node) place {
	return place{p.path + "." + key, key, parent}
}

func (c *comparison) add(p place) { c.fields = append(c.fields, p.path) }

func (c *comparison) values(p place, live, git *yaml.Node) {
	switch {
	case blank(live) && blank(git):
	case blank(git) && defaulted(p, live):
	case blank(live) || blank(git) || live.Kind != git.Kind:
		c.add(p)
	case live.Kind == yaml.MappingNode:
		for _, key := range slices.Sorted(maps.Keys(keysOf(live, git))) {
			c.values(p.below(key, live), manifest.Lookup(live, key), manifest.Lookup(git, key))
		}
	case live.Kind == yaml.SequenceNode:
		c.lists(p, live, git)
	case manifest.ScalarText(live) != manifest.ScalarText(git) && !sameQuantity(p, live, git):
		c.add(p)
	}
}

func keysOf(nodes ...*yaml.Node) map[string]bool {
	keys := map[string]bool{}
	for _, n := range nodes {
		manifest.EachPair(n, func(key, _ *yaml.Node) { keys[manifest.Key(key)] = true })
	}
	return keys
}

// lists compares lists of named elements by name and in order, and others by place.
func (c *comparison) lists(p place, live, git *yaml.Node) {
	l, g := elementNames(live), elementNames(git)
	if l == nil || g == nil {
		if len(live.Content) != len(git.Content) {
			c.add(p)
			return
		}
		for i := range live.Content {
			c.values(place{path: p.path + "[" + strconv.Itoa(i) + "]"}, live.Content[i], git.Content[i])
		}
		return
	}
	for _, name := range g {
		a, _ := manifest.Named(live.Content, name)
		b, _ := manifest.Named(git.Content, name)
		c.values(place{path: p.path + "[" + name + "]"}, a, b)
	}
	for _, name := range l {
		if !slices.Contains(g, name) {
			c.add(place{path: p.path + "[" + name + "]"})
		}
	}
	if p.key != volumesField && len(l) == len(g) && !slices.Equal(l, g) && sameNames(l, g) {
		c.add(place{path: "the order of " + p.path})
	}
}

func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// elementNames are those of a list's elements, nil where not every one has its own.
func elementNames(list *yaml.Node) []string {
	out := make([]string, 0, len(list.Content))
	for _, n := range list.Content {
		name := manifest.Text(manifest.Lookup(n, nameField))
		if name == "" || slices.Contains(out, name) {
			return nil
		}
		out = append(out, name)
	}
	return out
}

// blank says whether a value says as much as none: null, or an empty mapping, list or string.
func blank(n *yaml.Node) bool {
	n = manifest.Resolve(n)
	return manifest.IsNull(n) || n.Kind == yaml.ScalarNode && n.Value == "" || n.Kind != yaml.ScalarNode && len(n.Content) == 0
}

// defaulted says whether a live value is what admission writes where nothing stands.
func defaulted(p place, live *yaml.Node) bool {
	if live.Kind == yaml.MappingNode { // such as upgradeStrategy: {upgradeType: ColdUpgrade}
		all := true
		manifest.EachPair(live, func(key, value *yaml.Node) {
			all = all && (blank(value) || defaulted(p.below(manifest.Key(key), live), manifest.Resolve(value)))
		})
		return all
	}
	if live.Kind != yaml.ScalarNode {
		return false
	}
	switch v := live.Value; p.key {
	case "terminationMessagePath":
		return v == "/dev/termination-log"
	case "terminationMessagePolicy":
		return v == "File"
	case "imagePullPolicy":
		return v == pullPolicy(imageOf(p.parent))
	case "protocol":
		return v == "TCP"
	case "scheme":
		return v == "HTTP"
	case "apiVersion": // of a fieldRef
		return v == "v1"
	case "defaultMode":
		return v == "420"
	case "successThreshold", "timeoutSeconds":
		return v == "1"
	case "failureThreshold":
		return v == "3"
	case "periodSeconds":
		return v == "10"
	case "podInjectPolicy":
		return v == BeforeAppContainer || v == AfterAppContainer
	case "upgradeType":
		return v == coldUpgrade
	case shareTypeField:
		return v == disabled
	case "patchPolicy":
		return v == patchRetain
	case "policy": // of a revision
		return v == revisionAlways
	}
	return live.Value == "false" && live.ShortTag() == "!!bool"
}

// pullPolicy is the default imagePullPolicy of an image.
func pullPolicy(image string) string {
	name := image[strings.LastIndex(image, "/")+1:]
	if strings.Contains(name, "@") {
		return "IfNotPresent"
	}
	if _, tag, ok := strings.Cut(name, ":"); ok && tag != "latest" {
		return "IfNotPresent"
	}
	return "Always"
}

// sameQuantity says whether two amounts of a resource are the same, such as 0.5 and 500m.
func sameQuantity(p place, live, git *yaml.Node) bool {
	if !strings.Contains(p.path, "."+resourcesField+".") {
		return false
	}
	a, errA := resource.ParseQuantity(manifest.ScalarText(live))
	b, errB := resource.ParseQuantity(manifest.ScalarText(git))
	return errA == nil && errB == nil && a.Cmp(b) == 0
}
