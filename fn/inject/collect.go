// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
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

// collect works out the changes of all matched sets, in the webhook's order of steps.
func (b *build) collect() {
	for _, set := range b.sets {
		b.patchMetadata(set)
	}
	for _, set := range b.sets {
		b.collectSet(set)
	}
	// Across sets init containers run in the order of their names, whatever set they come from.
	slices.SortStableFunc(b.changes.inits, func(x, y placed) int { return strings.Compare(x.name, y.name) })
	b.checkNames()
	b.checkOverrides()
}

func (b *build) collectSet(set *SidecarSet) {
	skipped := b.skipped()
	for _, l := range set.sidecarLists() {
		init := l.field == initsField
		for i := range l.sidecars {
			s := &l.sidecars[i]
			if slices.Contains(skipped, s.Name) {
				b.origin(l.field, s.Name, set, "skipped by the annotation "+skipAnnotation, "")
				continue
			}
			b.collectSidecar(set, s, init, indexed("spec."+l.field, i))
		}
	}
	if len(b.changes.inits)+len(b.changes.containers) > 0 {
		b.pullSecrets(set)
	}
}

// collectSidecar builds one container of a set.
func (b *build) collectSidecar(set *SidecarSet, s *Sidecar, init bool, field string) {
	native := !init && b.t.kind.RunsToCompletion && b.in.opts.Jobs == Native
	list := containersField
	if init || native {
		list = initsField
	}
	place, ok := b.place(set, s, list)
	if !ok {
		return
	}
	b.origin(list, place.name, set, field+b.policyWord(s, list), b.replacedWord(place, list))
	container := b.container(set, s, list)
	if native {
		container = with(container, restartField, scalar(restartAlways))
		b.origin(list, place.name+"].restartPolicy", set, "jobs: Native", "")
	}
	for _, variant := range b.hotUpgrade(set, s, container) {
		place.name, place.node = str(lookup(variant, nameField)), b.override(set, variant, list)
		if list == initsField {
			b.changes.inits = append(b.changes.inits, place)
		} else {
			b.changes.containers = append(b.changes.containers, place)
		}
	}
	b.collectVolumes(set, s)
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

// place decides where a sidecar goes, and whether it goes anywhere where an app container has its name.
func (b *build) place(set *SidecarSet, s *Sidecar, list string) (placed, bool) {
	p := placed{set: set.Metadata.Name, name: s.Name, before: b.policy(s, list) == BeforeAppContainer, replaces: -1}
	own := b.containers
	if list == initsField {
		own = b.inits
	}
	for _, name := range s.podNames() {
		n, i := named(own, name)
		if n == nil {
			continue
		}
		switch b.in.opts.OnNameConflict {
		case Replace:
			p.replaces = i
			b.report(SeverityWarning, n, "name-conflict", indexed(specField+"."+list, i),
				fmt.Sprintf("container %s of the app is replaced by that of SidecarSet %s", name, set.Metadata.Name), "")
		case Keep:
			b.report(SeverityWarning, n, "name-conflict", indexed(specField+"."+list, i),
				fmt.Sprintf("container %s of the app stays; that of SidecarSet %s is not injected", name, set.Metadata.Name), "")
			return p, false
		default:
			b.report(SeverityError, n, "name-conflict", indexed(specField+"."+list, i),
				fmt.Sprintf("SidecarSet %s injects a container of the same name, %s", set.Metadata.Name, name),
				"rename one of the two, or set onNameConflict to Replace (as the webhook does) or Keep")
			return p, false
		}
	}
	return p, true
}

// podNames are the names of a sidecar in the pod.
func (s *Sidecar) podNames() []string {
	if s.UpgradeStrategy.UpgradeType == hotUpgrade {
		return []string{s.Name + "-1", s.Name + "-2"}
	}
	return []string{s.Name}
}

func (b *build) replacedWord(p placed, list string) string {
	if p.replaces < 0 {
		return ""
	}
	return "replaces the app's " + list + "[" + p.name + "]"
}

// checkNames refuses what the API server would: one name twice in a pod.
func (b *build) checkNames() {
	from := map[string]string{}
	own := [][]*yaml.Node{b.inits, b.containers}
	for l, changed := range [][]placed{b.changes.inits, b.changes.containers} {
		for _, p := range changed {
			if other, dup := from[p.name]; dup {
				b.report(SeverityError, nil, "duplicate-container", "", fmt.Sprintf(
					"container %s comes from SidecarSet %s and from SidecarSet %s", p.name, other, p.set),
					"narrow the selector of one, or rename the container")
			}
			from[p.name] = p.set
			if n, i := named(own[1-l], p.name); n != nil && b.in.opts.Compatibility == Safe {
				b.report(SeverityError, n, "name-conflict",
					indexed(specField+"."+[]string{containersField, initsField}[l], i),
					fmt.Sprintf("SidecarSet %s injects a container of the same name, %s", p.set, p.name),
					"container names are unique in a pod, init containers included: rename one of the two")
			}
		}
	}
}

// pullSecrets adds those of a set that neither the pod nor an earlier set names.
func (b *build) pullSecrets(set *SidecarSet) {
	own := items(lookup(b.spec, pullSecretsField))
	for _, s := range set.Spec.ImagePullSecrets {
		taken := slices.ContainsFunc(b.changes.pullSecrets, func(p placed) bool { return p.name == s.Name })
		if n, _ := named(own, s.Name); n != nil || taken {
			continue
		}
		b.origin(pullSecretsField, s.Name, set, "spec.imagePullSecrets", "")
		b.changes.pullSecrets = append(b.changes.pullSecrets, placed{
			set: set.Metadata.Name, name: s.Name, replaces: -1, node: mapping(scalar(nameField), scalar(s.Name)),
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
