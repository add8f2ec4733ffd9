// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// changes is what a build adds to a pod template: the injection as data, before it is written into the tree.
type changes struct {
	inits       []placed
	containers  []placed
	volumes     []placed
	pullSecrets []placed
	annotations []annotation
}

// placed is one injected list element.
type placed struct {
	set, name string
	node      *yaml.Node
	before    bool // before the app's own elements
	replaces  int  // index of the app's element that it takes the place of, or -1
}

// annotation is one annotation that a set writes.
type annotation struct{ set, key, value string }

func (c *changes) empty() bool {
	return len(c.inits)+len(c.containers)+len(c.volumes)+len(c.pullSecrets)+len(c.annotations) == 0
}

// containersToo says whether there is more than metadata.
func (c *changes) containersToo() bool { return len(c.inits)+len(c.containers) > 0 }

// collect works out the changes of all matched sets, in the webhook's order of steps.
func (b *build) collect() {
	for _, set := range b.sets {
		b.patchMetadata(set)
	}
	b.patched = maps.Clone(b.annotations)
	for _, set := range b.sets {
		b.collectSet(set)
	}
	// Across sets init containers run in the order of their names, whatever set they come from.
	slices.SortStableFunc(b.changes.inits, func(x, y placed) int { return strings.Compare(x.name, y.name) })
	if b.in.opts.SortByName {
		slices.SortStableFunc(b.changes.containers, func(x, y placed) int { return strings.Compare(x.name, y.name) })
	}
	b.nameDefault()
	b.checkNames()
	b.checkMeeting()
	b.checkOverrides()
}

// collectSet builds the containers of a set. Its pull secrets come along where one of them is injected.
func (b *build) collectSet(set *SidecarSet) {
	skipped, any := b.skipped(), false
	for _, l := range set.sidecarLists() {
		for i := range l.sidecars {
			s := &l.sidecars[i]
			if slices.Contains(skipped, s.Name) {
				b.origin(l.field, s.Name, set, "skipped by the annotation "+skipAnnotation, "")
				continue
			}
			any = b.collectSidecar(set, s, indexed("spec."+l.field, i)) || any
		}
	}
	if any {
		b.pullSecrets(set)
	}
}

// collectSidecar builds one container of a set, or the pair of a hot upgrade, and says whether it did.
func (b *build) collectSidecar(set *SidecarSet, s *Sidecar, field string) bool {
	native := !s.init && b.t.ends() && b.jobs(set) == Native
	list, into := containersField, &b.changes.containers
	if s.init || native {
		list, into = initsField, &b.changes.inits
	}
	places, ok := b.places(set, s, list)
	if !ok {
		return false
	}
	for _, p := range places {
		b.origin(list, p.name, set, field+b.policyWord(s, list), p.prevailed(list))
	}
	container := b.container(set, s, list)
	if native {
		container = manifest.With(container, restartField, manifest.NewScalar(restartAlways))
		b.origin(list, s.Name+"]."+restartField, set, "jobs: Native", "")
	}
	for i, variant := range b.hotUpgrade(set, s, container) {
		places[i].node = b.override(set, variant, list)
	}
	*into = append(*into, places...)
	b.collectVolumes(set, s)
	return true
}

// policyWord tells in a rule where a sidecar goes and who said so.
func (b *build) policyWord(s *Sidecar, list string) string {
	if s.PodInjectPolicy != "" {
		return ", " + s.PodInjectPolicy
	}
	return ", " + b.policy(s, list) + " by default"
}

func (b *build) policy(s *Sidecar, list string) string {
	switch {
	case s.PodInjectPolicy != "":
		return s.PodInjectPolicy
	case list == initsField:
		return AfterAppContainer
	default:
		return b.in.opts.PodInjectPolicyDefault
	}
}

// places decides where a sidecar goes, one place for each of its names in the pod, and whether it goes anywhere where
// an app container has one of them.
func (b *build) places(set *SidecarSet, s *Sidecar, list string) ([]placed, bool) {
	own := b.containers
	if list == initsField {
		own = b.inits
	}
	var out []placed
	for _, name := range s.podNames() {
		p := placed{set: set.Metadata.Name, name: name, before: b.policy(s, list) == BeforeAppContainer, replaces: -1}
		if n, i := manifest.Named(own, name); n != nil {
			if !b.nameConflict(set, n, name, indexed(specField+"."+list, i)) {
				return nil, false
			}
			p.replaces = i
		}
		out = append(out, p)
	}
	return out, true
}

// nameConflict reports a sidecar whose name a container of the app has, and says whether it takes that one's place.
func (b *build) nameConflict(set *SidecarSet, n *yaml.Node, name, field string) bool {
	switch b.in.opts.OnNameConflict {
	case Replace:
		b.report(manifest.SeverityWarning, n, "name-conflict", field,
			fmt.Sprintf("container %s of the app is replaced by that of SidecarSet %s", name, set.Metadata.Name), "")
		return true
	case Keep:
		b.report(manifest.SeverityWarning, n, "name-conflict", field,
			fmt.Sprintf("container %s of the app stays; that of SidecarSet %s is not injected", name, set.Metadata.Name), "")
	default:
		b.report(manifest.SeverityError, n, "name-conflict", field,
			fmt.Sprintf("SidecarSet %s injects a container of the same name, %s", set.Metadata.Name, name),
			"rename one of the two, or set onNameConflict to Replace (as the webhook does) or Keep")
	}
	return false
}

// prevailed tells what a placed element takes the place of.
func (p placed) prevailed(list string) string {
	if p.replaces < 0 {
		return ""
	}
	return "replaces the app's " + list + "[" + p.name + "]"
}

// mistake is the severity of what the webhook passes over in silence: Safe refuses it, Kruise only tells.
func (b *build) mistake() manifest.Severity {
	if b.in.opts.Compatibility == Kruise {
		return manifest.SeverityWarning
	}
	return manifest.SeverityError
}

// checkNames reports what the API server would refuse: one name twice in a pod.
func (b *build) checkNames() {
	from := map[string]string{}
	for _, p := range slices.Concat(b.changes.inits, b.changes.containers) {
		if other, dup := from[p.name]; dup {
			b.report(b.mistake(), nil, "duplicate-container", "", fmt.Sprintf(
				"container %s comes from SidecarSet %s and from SidecarSet %s", p.name, other, p.set),
				"narrow the selector of one, or rename the container")
		}
		from[p.name] = p.set
	}
	b.checkOtherList(b.changes.inits, b.containers, containersField)
	b.checkOtherList(b.changes.containers, b.inits, initsField)
}

// checkOtherList reports injected elements whose name the app has in the other list of containers.
func (b *build) checkOtherList(injected []placed, own []*yaml.Node, field string) {
	for _, p := range injected {
		if n, i := manifest.Named(own, p.name); n != nil {
			b.report(b.mistake(), n, "name-conflict", indexed(specField+"."+field, i),
				fmt.Sprintf("SidecarSet %s injects a container of the same name, %s", p.set, p.name),
				"container names are unique in a pod, init containers included: rename one of the two")
		}
	}
}

// pullSecrets adds those of a set that neither the pod nor an earlier set names.
func (b *build) pullSecrets(set *SidecarSet) {
	own := manifest.Items(manifest.Lookup(b.spec, pullSecretsField))
	for _, s := range set.Spec.ImagePullSecrets {
		taken := slices.ContainsFunc(b.changes.pullSecrets, func(p placed) bool { return p.name == s.Name })
		if n, _ := manifest.Named(own, s.Name); n != nil || taken {
			continue
		}
		b.origin(pullSecretsField, s.Name, set, "spec.imagePullSecrets", "")
		b.changes.pullSecrets = append(b.changes.pullSecrets, placed{
			set: set.Metadata.Name, name: s.Name, replaces: -1, node: manifest.NewMapping(manifest.NewScalar(nameField), manifest.NewScalar(s.Name)),
		})
	}
}

// skipped lists what the annotation slipway.dev/skip names: sets, or single containers of sets.
func (b *build) skipped() []string {
	return strings.FieldsFunc(b.overrides[skipAnnotation], func(r rune) bool { return r == ',' || r == ' ' })
}

func (b *build) origin(list, name string, set *SidecarSet, rule, prevailed string) {
	field := specField + "." + list
	if list == annotationsField {
		field = metadataField + "." + list
	}
	field += "[" + name
	if !strings.Contains(name, "]") {
		field += "]"
	}
	b.result.Origins = append(b.result.Origins, Origin{Field: field, Set: set.Metadata.Name, Rule: rule, Prevailed: prevailed})
}
