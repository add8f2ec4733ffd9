// SPDX-License-Identifier: Apache-2.0

package render

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/render/yamltext"
)

// Effect is what becomes of the pods that run from a template when the template changes.
type Effect string

// The effects, from the one that a release has to stage to the one that pods survive.
const (
	Restart    Effect = "restart"  // every pod is replaced
	Replace    Effect = "replace"  // the object itself has to be deleted and created again
	NewPods    Effect = "new pods" // pods that run stay as they are
	ImagesOnly Effect = "in place" // the controller can change images in running pods
)

// Impact is what a change of one pod template means in the cluster.
type Impact struct {
	Object  inject.ObjectRef `json:"object"`
	Field   string           `json:"field,omitempty"` // where the template stands; "" is the object itself
	Source  inject.Source    `json:"source"`
	Effect  Effect           `json:"effect"`
	Reason  string           `json:"reason"`
	Changes []string         `json:"changes"` // what the template gains, loses and has changed
}

// WriteImpact writes what a run means for running pods, a paragraph for each template that changed.
func WriteImpact(w io.Writer, impact []Impact) error {
	if len(impact) == 0 {
		return nil
	}
	count := map[Effect]int{}
	for _, i := range impact {
		count[i.Effect]++
	}
	var b strings.Builder
	fmt.Fprintf(&b, "impact on %s:", counted(len(impact), "pod template"))
	comma := ""
	for _, e := range []Effect{Restart, Replace, NewPods, ImagesOnly} {
		if count[e] > 0 {
			fmt.Fprintf(&b, "%s %d %s", comma, count[e], e)
			comma = ","
		}
	}
	b.WriteString("\n")
	for _, i := range impact {
		fmt.Fprintf(&b, "  %s: %s: %s\n", i.Object, i.Effect, i.Reason)
		for _, c := range i.Changes {
			fmt.Fprintf(&b, "    %s\n", c)
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the impact: %w", err)
	}
	return nil
}

// impactOf compares the pod templates of a document before and after a run.
func impactOf(d *Document) ([]Impact, error) {
	old, err := yamltext.Parse(d.Original)
	if err != nil {
		return nil, err
	}
	now, err := yamltext.Parse(d.Text)
	if err != nil {
		return nil, err
	}
	var out []Impact
	for _, t := range d.templates {
		before, after := find(inject.Root(old), t.Object), find(inject.Root(now), t.Object)
		c := compareTemplates(walk(before, t.Field), walk(after, t.Field))
		if len(c.changes) == 0 {
			continue
		}
		i := Impact{Object: t.Object, Field: t.Field, Source: t.Source, Changes: c.changes}
		owner := t.Field[:max(strings.LastIndexByte(t.Field, '.'), 0)]
		i.Effect, i.Reason = effectOf(t.Object, walk(after, owner), c)
		out = append(out, i)
	}
	return out, nil
}

// find returns the object that a reference names: the document's own, or one in a list.
func find(n *yaml.Node, ref inject.ObjectRef) *yaml.Node {
	if n == nil || inject.Ref(n) == ref {
		return n
	}
	if items := child(n, "items"); items != nil {
		for _, item := range items.Content {
			if found := find(yamltext.Target(item), ref); found != nil {
				return found
			}
		}
	}
	return nil
}

// walk follows a path such as spec.replicatedJobs[2].template. The empty path is the object itself.
func walk(n *yaml.Node, path string) *yaml.Node {
	for _, part := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == ']' }) {
		key, index, list := strings.Cut(part, "[")
		n = child(n, key)
		if i, err := strconv.Atoi(index); list && n != nil && err == nil && i < len(n.Content) {
			n = yamltext.Target(n.Content[i])
		}
	}
	return n
}

// child returns the value of a key of a mapping, or nil.
func child(n *yaml.Node, key string) *yaml.Node {
	if n = valueOf(n); n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return valueOf(n.Content[i+1])
		}
	}
	return nil
}

func valueOf(n *yaml.Node) *yaml.Node {
	if n == nil {
		return nil
	}
	return yamltext.Target(n)
}

// effectOf says what the owner of a template does when the template changes.
func effectOf(o inject.ObjectRef, spec *yaml.Node, c templateDiff) (Effect, string) {
	group, _, found := strings.Cut(o.APIVersion, "/")
	if !found {
		group = ""
	}
	switch {
	case o.Kind == "Pod" && c.onlyImages:
		return ImagesOnly, "only images change, and a pod takes new ones"
	case o.Kind == "Pod":
		return Replace, "containers of a pod cannot be added, taken out or changed but for their images"
	case o.Kind == "Job" || o.Kind == "JobSet":
		return Replace, "its pod template is immutable"
	case slices.Contains([]string{"CronJob", "AdvancedCronJob", "ScaledJob"}, o.Kind):
		return NewPods, "from the next run on"
	case slices.Contains([]string{"ReplicaSet", "ReplicationController", "PodTemplate"}, o.Kind):
		return NewPods, "its controller leaves running pods alone"
	case scalarText(child(child(spec, "updateStrategy"), "type")) == "OnDelete":
		return NewPods, "updateStrategy.type is OnDelete"
	case group == "apps.kruise.io" && inPlacePolicy(spec) != "" && c.onlyImages:
		return ImagesOnly, "only images change, and the update strategy is " + inPlacePolicy(spec)
	case group == "apps.kruise.io" && c.onlyImages:
		return Restart, "only images change; with the update strategy InPlaceIfPossible pods would stay"
	case c.onlyImages:
		return Restart, "only images change, but a " + o.Kind + " replaces its pods"
	}
	return Restart, "its controller replaces the pods"
}

// inPlacePolicy is the update strategy of a CloneSet, an Advanced StatefulSet or an Advanced DaemonSet if it is in place.
func inPlacePolicy(spec *yaml.Node) string {
	strategy := child(spec, "updateStrategy")
	rolling := child(strategy, "rollingUpdate")
	for _, n := range []*yaml.Node{child(strategy, "type"), child(rolling, "podUpdatePolicy"), child(rolling, "rollingUpdateType")} {
		if policy := scalarText(n); strings.HasPrefix(policy, "InPlace") {
			return policy
		}
	}
	return ""
}

// scalarText returns the value of a scalar, and "" for anything else.
func scalarText(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// templateDiff is the difference between two versions of a pod template.
type templateDiff struct {
	changes    []string
	onlyImages bool // of containers, which Kruise can change in place
}

func compareTemplates(old, now *yaml.Node) templateDiff {
	c := templateDiff{onlyImages: true}
	origin := origins(old)
	for key, set := range origins(now) {
		origin[key] = set
	}
	for _, list := range []struct{ field, noun string }{
		{"initContainers", "init container"}, {"containers", "container"}, {"volumes", "volume"}, {"imagePullSecrets", "pull secret"},
	} {
		c.compareLists(list.noun, list.field, child(child(old, "spec"), list.field), child(child(now, "spec"), list.field), origin)
	}
	for _, field := range []string{"labels", "annotations"} {
		c.compareMappings(strings.TrimSuffix(field, "s"), child(child(old, "metadata"), field), child(child(now, "metadata"), field))
	}
	return c
}

// origins reads from which set each part of a template came, by field and name.
func origins(tmpl *yaml.Node) map[string]string {
	var record struct {
		Sets map[string]map[string][]string `json:"sets"`
	}
	from := map[string]string{}
	mark := scalarText(child(child(child(tmpl, "metadata"), "annotations"), inject.InjectedAnnotation))
	if err := json.Unmarshal([]byte(mark), &record); err != nil {
		return from // not injected, or damaged, which injection reports
	}
	for set, fields := range record.Sets {
		for field, names := range fields {
			for _, name := range names {
				from[field+"/"+name] = set
			}
		}
	}
	return from
}

// compareLists compares two lists whose elements have names.
func (c *templateDiff) compareLists(noun, field string, old, now *yaml.Node, origin map[string]string) {
	before, after := byName(old), byName(now)
	say := func(format, name string, more ...any) {
		line := fmt.Sprintf(format, append([]any{noun + " " + name}, more...)...)
		if set := origin[field+"/"+name]; set != "" {
			line += " (SidecarSet " + set + ")"
		}
		c.changes = append(c.changes, line)
	}
	for _, name := range order(old, now) {
		was, is := before[name], after[name]
		switch {
		case was == nil:
			say("adds %s", name)
		case is == nil:
			say("takes out %s", name)
		case inject.Equal(was, is):
			continue
		case field == "containers" && onlyImage(was, is):
			say("image of %s: %s -> %s", name, scalarText(child(was, "image")), scalarText(child(is, "image")))
			continue
		default:
			say("changes %s", name)
		}
		c.onlyImages = false
	}
	if c.onlyImages && !slices.Equal(names(old), names(now)) {
		c.changes = append(c.changes, "changes the order of "+noun+"s")
		c.onlyImages = false
	}
}

// onlyImage says whether two containers differ in their images alone.
func onlyImage(a, b *yaml.Node) bool {
	return inject.Equal(withoutKey(a, "image"), withoutKey(b, "image"))
}

func withoutKey(n *yaml.Node, key string) *yaml.Node {
	c := *n
	c.Content = nil
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != key {
			c.Content = append(c.Content, n.Content[i], n.Content[i+1])
		}
	}
	return &c
}

func byName(list *yaml.Node) map[string]*yaml.Node {
	found := map[string]*yaml.Node{}
	if list != nil {
		for _, n := range list.Content {
			found[scalarText(child(n, "name"))] = yamltext.Target(n)
		}
	}
	return found
}

func names(list *yaml.Node) []string {
	var out []string
	if list != nil {
		for _, n := range list.Content {
			out = append(out, scalarText(child(n, "name")))
		}
	}
	return out
}

// order is the names of both lists, those of the second first.
func order(old, now *yaml.Node) []string {
	out := names(now)
	for _, name := range names(old) {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// compareMappings compares labels or annotations; slipway's own record is told by what it records.
func (c *templateDiff) compareMappings(noun string, old, now *yaml.Node) {
	before, after := values(old), values(now)
	for _, key := range append(keys(now), keys(old)...) {
		was, wasThere := before[key]
		is, isThere := after[key]
		if was == is && wasThere == isThere || key == inject.InjectedAnnotation {
			continue
		}
		verb := "changes"
		if !wasThere {
			verb = "adds"
		} else if !isThere {
			verb = "takes out"
		}
		if line := verb + " " + noun + " " + key; !slices.Contains(c.changes, line) {
			c.changes = append(c.changes, line)
			c.onlyImages = false
		}
	}
}

func keys(mapping *yaml.Node) []string {
	var out []string
	if mapping != nil {
		for i := 0; i+1 < len(mapping.Content); i += 2 {
			out = append(out, mapping.Content[i].Value)
		}
	}
	return out
}

func values(mapping *yaml.Node) map[string]string {
	out := map[string]string{}
	for _, key := range keys(mapping) {
		out[key] = scalarText(child(mapping, key))
	}
	return out
}
