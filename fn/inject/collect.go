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

// collector works out what the matched sets change in a template.
type collector struct {
	*template
	sets    []*SidecarSet     // that matched, in order
	patched map[string]string // annotations of the template, with what patchPodMetadata set and nothing else
	changes changes

	claims map[string]bool                      // volumes that a controller adds, once they were asked for
	places map[named]int                        // of what is in changes, in its list
	kept   map[[2]string]bool                   // sets and volumes of theirs that were told not to be injected
	lasts  map[*yaml.Node]map[string]*yaml.Node // the last variable of each name, by container
}

// named is one element of a list of the pod spec, or one annotation.
type named struct{ field, name string }

// place notes that what comes next in a list of changes has a name, and says whether an earlier one has it.
func (c *collector) place(field, name string, next int) (earlier int, taken bool) {
	if i, ok := c.places[named{field, name}]; ok {
		return i, true
	}
	if c.places == nil {
		c.places = map[named]int{}
	}
	c.places[named{field, name}] = next
	return next, false
}

// collect works out the changes of all matched sets, in the webhook's order of steps.
func (c *collector) collect() {
	for _, set := range c.sets {
		c.patchMetadata(set)
	}
	c.patched = maps.Clone(c.annotations)
	for _, set := range c.sets {
		c.collectSet(set)
	}
	// Across sets init containers run in the order of their names, whatever set they come from.
	slices.SortStableFunc(c.changes.inits, func(x, y placed) int { return strings.Compare(x.name, y.name) })
	if c.in.opts.SortByName {
		slices.SortStableFunc(c.changes.containers, func(x, y placed) int { return strings.Compare(x.name, y.name) })
	}
	c.nameDefault()
	c.checkNames()
	c.checkMeeting()
	c.checkOverrides()
}

// collectSet builds the containers of a set. Its pull secrets come along where one of them is injected.
func (c *collector) collectSet(set *SidecarSet) {
	any := false
	for _, l := range set.sidecarLists() {
		for i := range l.sidecars {
			s := &l.sidecars[i]
			if c.skips(s.Name) {
				c.origin(l.field, s.Name, set, "skipped by the annotation "+skipAnnotation, "")
				continue
			}
			any = c.collectSidecar(set, s, indexed("spec."+l.field, i)) || any
		}
	}
	if any {
		c.pullSecrets(set)
	}
}

// collectSidecar builds one container of a set, or the pair of a hot upgrade, and says whether it did.
func (c *collector) collectSidecar(set *SidecarSet, s *Sidecar, field string) bool {
	native := !s.init && c.ends() && c.in.opts.jobs(set) == Native
	list, into := containersField, &c.changes.containers
	if s.init || native {
		list, into = initsField, &c.changes.inits
	}
	places, ok := c.placesOf(set, s, list)
	if !ok {
		return false
	}
	for _, p := range places {
		c.origin(list, p.name, set, field+c.policyWord(s, list), p.prevailed(list))
	}
	sidecar := &sidecarBuild{collector: c, set: set, s: s, list: list}
	container := sidecar.container()
	if native {
		container = manifest.With(container, restartField, manifest.NewScalar(restartAlways))
		c.origin(list, s.Name+"]."+restartField, set, "jobs: Native", "")
	}
	for i, variant := range sidecar.hotUpgrade(container) {
		places[i].node = sidecar.override(variant)
	}
	*into = append(*into, places...)
	c.collectVolumes(set, s)
	return true
}

// policyWord tells in a rule where a sidecar goes and who said so.
func (c *collector) policyWord(s *Sidecar, list string) string {
	if s.PodInjectPolicy != "" {
		return ", " + s.PodInjectPolicy
	}
	return ", " + c.policy(s, list) + " by default"
}

func (c *collector) policy(s *Sidecar, list string) string {
	switch {
	case s.PodInjectPolicy != "":
		return s.PodInjectPolicy
	case list == initsField:
		return AfterAppContainer
	default:
		return c.in.opts.PodInjectPolicyDefault
	}
}

// placesOf decides where a sidecar goes, one place for each of its names in the pod, and whether it goes anywhere where
// an app container has one of them.
func (c *collector) placesOf(set *SidecarSet, s *Sidecar, list string) ([]placed, bool) {
	var out []placed
	for _, name := range s.podNames() {
		p := placed{set: set.Metadata.Name, name: name, before: c.policy(s, list) == BeforeAppContainer, replaces: -1}
		if n, i := c.named[list].Named(name); n != nil {
			if !c.nameConflict(set, n, name, indexed(specField+"."+list, i)) {
				return nil, false
			}
			p.replaces = i
		}
		out = append(out, p)
	}
	return out, true
}

// nameConflict reports a sidecar whose name a container of the app has, and says whether it takes that one's place.
func (c *collector) nameConflict(set *SidecarSet, n *yaml.Node, name, field string) bool {
	switch c.in.opts.OnNameConflict {
	case Replace:
		c.report(manifest.SeverityWarning, n, "name-conflict", field,
			fmt.Sprintf("container %s of the app is replaced by that of SidecarSet %s", name, set.Metadata.Name), "")
		return true
	case Keep:
		c.report(manifest.SeverityWarning, n, "name-conflict", field,
			fmt.Sprintf("container %s of the app stays; that of SidecarSet %s is not injected", name, set.Metadata.Name), "")
	default:
		c.report(manifest.SeverityError, n, "name-conflict", field,
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

// checkNames reports what the API server would refuse: one name twice in a pod.
func (c *collector) checkNames() {
	from := map[string]string{}
	for _, p := range slices.Concat(c.changes.inits, c.changes.containers) {
		if other, dup := from[p.name]; dup {
			c.report(c.mistake(), nil, "duplicate-container", "", fmt.Sprintf(
				"container %s comes from SidecarSet %s and from SidecarSet %s", p.name, other, p.set),
				"narrow the selector of one, or rename the container")
		}
		from[p.name] = p.set
	}
	c.checkOtherList(c.changes.inits, containersField)
	c.checkOtherList(c.changes.containers, initsField)
}

// checkOtherList reports injected elements whose name the app has in the other list of containers.
func (c *collector) checkOtherList(injected []placed, field string) {
	for _, p := range injected {
		if n, i := c.named[field].Named(p.name); n != nil {
			c.report(c.mistake(), n, "name-conflict", indexed(specField+"."+field, i),
				fmt.Sprintf("SidecarSet %s injects a container of the same name, %s", p.set, p.name),
				"container names are unique in a pod, init containers included: rename one of the two")
		}
	}
}

// pullSecrets adds those of a set that neither the pod nor an earlier set names.
func (c *collector) pullSecrets(set *SidecarSet) {
	for _, s := range set.Spec.ImagePullSecrets {
		if n, _ := c.named[pullSecretsField].Named(s.Name); n != nil {
			continue
		}
		if _, taken := c.place(pullSecretsField, s.Name, len(c.changes.pullSecrets)); taken {
			continue
		}
		c.origin(pullSecretsField, s.Name, set, "spec.imagePullSecrets", "")
		c.changes.pullSecrets = append(c.changes.pullSecrets, placed{
			set: set.Metadata.Name, name: s.Name, replaces: -1, node: manifest.NewMapping(manifest.NewScalar(nameField),
				manifest.NewScalar(s.Name)),
		})
	}
}
