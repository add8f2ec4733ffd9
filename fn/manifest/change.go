// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Change says what differs between two pod templates and whether a running pod can follow.
type Change struct {
	InPlace  bool     // images, cpu and memory, and metadata only
	Restarts bool     // containers restart, so the pod must be drained first
	Images   []string // names of containers whose image differs
	Resized  []Resize // containers whose cpu or memory differs, for a cluster that can resize pods
	Metadata []string // labels, annotations and finalizers that differ, such as labels/app, and other metadata by name
	Blockers []string // fields that only a new pod can take, such as spec.containers[0].env
}

// CompareTemplates tells how a pod of template before becomes one of template after. In place go images of
// containers (not of init containers), their cpu and memory, and any metadata, as CloneSet does it. A label or annotation
// that a container reads into its environment needs a new pod: only a restart by a node daemon could make it visible.
func CompareTemplates(before, after map[string]any) Change {
	var c Change
	compareMetadata(&c, Map(before, "metadata"), Map(after, "metadata"))
	oldSpec, newSpec := Map(before, "spec"), Map(after, "spec")
	for _, name := range union(oldSpec, newSpec) {
		if name == "containers" {
			compareContainers(&c, List(oldSpec, name), List(newSpec, name))
		} else if !equal("spec."+name, oldSpec[name], newSpec[name]) {
			c.Blockers = append(c.Blockers, "spec."+name)
		}
	}
	for _, key := range c.Metadata {
		if container := readsMetadata(newSpec, key); container != "" {
			c.Blockers = append(c.Blockers, fmt.Sprintf("metadata.%s (container %s reads it as an environment variable)", key, container))
		}
	}
	c.checkResize(oldSpec, newSpec)
	c.Restarts = len(c.Images) > 0 || slices.ContainsFunc(c.Resized, func(r Resize) bool { return r.Restarts })
	c.InPlace = len(c.Blockers) == 0
	return c
}

// Restarting names the containers that restart.
func (c Change) Restarting() []string {
	names := slices.Clone(c.Images)
	for _, r := range c.Resized {
		if r.Restarts && !slices.Contains(names, r.Container) {
			names = append(names, r.Container)
		}
	}
	return names
}

func compareMetadata(c *Change, before, after map[string]any) {
	for _, kind := range union(before, after) {
		switch kind {
		case "annotations", "labels":
			o, n := Map(before, kind), Map(after, kind)
			for _, key := range union(o, n) {
				if !equal("metadata."+kind, o[key], n[key]) {
					c.Metadata = append(c.Metadata, kind+"/"+key)
				}
			}
		case "finalizers":
			c.Metadata = append(c.Metadata, finalizers(List(before, kind), List(after, kind))...)
		default:
			if !equal("metadata."+kind, before[kind], after[kind]) {
				c.Metadata = append(c.Metadata, kind)
			}
		}
	}
}

// finalizers names those that only one of the templates gives its pods. Their order means nothing.
func finalizers(before, after []any) []string {
	var out []string
	for _, f := range append(slices.Clone(before), after...) {
		if slices.Contains(before, f) != slices.Contains(after, f) {
			out = append(out, fmt.Sprint("finalizers/", f))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func compareContainers(c *Change, before, after []any) {
	if len(before) != len(after) {
		c.Blockers = append(c.Blockers, "spec.containers")
		return
	}
	for i := range after {
		o, n := Map(before[i]), Map(after[i])
		for _, name := range union(o, n) {
			if !equal("spec.containers."+name, o[name], n[name]) {
				compareField(c, fmt.Sprintf("containers[%d].%s", i, name), name, o, n)
			}
		}
	}
}

// compareField says what becomes of a container one of whose fields differs.
func compareField(c *Change, field, name string, before, after map[string]any) {
	same := before["name"] == after["name"]
	if name == "image" && same && before["image"] != nil && after["image"] != nil {
		c.Images = append(c.Images, fmt.Sprint(after["name"]))
		return
	}
	if name == "resources" && same {
		r, differs, ok := resizeOf(field, before, after)
		if ok && differs {
			c.Resized = append(c.Resized, r)
		}
		if ok {
			return
		}
	}
	c.Blockers = append(c.Blockers, "spec."+field)
}

// readsMetadata names a container with an environment variable from the label or annotation key ("labels/app").
func readsMetadata(spec map[string]any, key string) string {
	kind, name, _ := strings.Cut(key, "/")
	path := fmt.Sprintf("metadata.%s['%s']", kind, name)
	for _, c := range List(spec, "containers") {
		for _, env := range List(c, "env") {
			from := Map(env, "valueFrom", "fieldRef")
			if from["fieldPath"] == path {
				return fmt.Sprint(Map(c)["name"])
			}
		}
	}
	return ""
}

func union(a, b map[string]any) []string {
	keys := slices.Sorted(maps.Keys(a))
	for k := range b {
		if _, ok := a[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// equal compares the decoded YAML or JSON values of a field; path leaves out the indexes of lists. An absent value equals an
// empty one (resources: {}), unless being there is what the field says (labelSelector: {}), and 1 equals 1.0, because the
// API server and the file spell them differently.
func equal(path string, a, b any) bool {
	if empty(a) && empty(b) {
		return !presence[path] || (a == nil) == (b == nil)
	}
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		return ok && !slices.ContainsFunc(union(x, y), func(k string) bool { return !equal(path+"."+k, x[k], y[k]) })
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, func(a, b any) bool { return equal(path, a, b) })
	default:
		return fmt.Sprint(a) == fmt.Sprint(b)
	}
}

func empty(v any) bool {
	switch x := v.(type) {
	case nil:
		return true
	case map[string]any:
		return len(x) == 0
	case []any:
		return len(x) == 0
	default:
		return false
	}
}
