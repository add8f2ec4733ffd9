// SPDX-License-Identifier: Apache-2.0

package render

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/render/yamltext"
)

// Effect is what becomes of the pods that run from a template when the template changes.
type Effect string

// The effects, from the one that a release has to stage to the one that pods survive.
const (
	Restart       Effect = "restart"  // every pod is replaced
	Replace       Effect = "replace"  // the object itself has to be deleted and created again
	NewPods       Effect = "new pods" // pods that run stay as they are
	InPlaceUpdate Effect = "in place" // running pods take the change
)

// Impact is what a change of one pod template means in the cluster.
type Impact struct {
	Object  manifest.ObjectRef `json:"object"`
	Field   string             `json:"field,omitempty"` // where the template stands; "" is the object itself
	Source  manifest.Source    `json:"source"`
	Effect  Effect             `json:"effect"`
	Reason  string             `json:"reason"`
	Changes []string           `json:"changes"` // what the template gains, loses and has changed
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
		before, after := find(manifest.Root(old), t.Object), find(manifest.Root(now), t.Object)
		was, is := walk(before, t.Field), walk(after, t.Field)
		changes := compare(was, is)
		if len(changes) == 0 {
			continue
		}
		i := Impact{Object: t.Object, Field: t.Field, Source: t.Source, Changes: changes}
		owner := t.Field[:max(strings.LastIndexByte(t.Field, '.'), 0)]
		i.Effect, i.Reason = effectOf(t.Object, walk(after, owner), manifest.CompareTemplates(decoded(was), decoded(is)))
		out = append(out, i)
	}
	return out, nil
}

// find returns the object that a reference names: the document's own, or one in a list.
func find(n *yaml.Node, ref manifest.ObjectRef) *yaml.Node {
	if n == nil || manifest.RefOf(n) == ref {
		return n
	}
	for _, item := range manifest.Items(manifest.Lookup(n, "items")) {
		if found := find(item, ref); found != nil {
			return found
		}
	}
	return nil
}

// walk follows a path such as spec.replicatedJobs[2].template. The empty path is the object itself.
func walk(n *yaml.Node, path string) *yaml.Node {
	for _, part := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == ']' }) {
		key, index, list := strings.Cut(part, "[")
		n = manifest.Lookup(n, key)
		if !list {
			continue
		}
		if i, err := strconv.Atoi(index); err == nil && i < len(manifest.Items(n)) {
			n = manifest.Items(n)[i]
		}
	}
	return n
}

// effectOf says what the owner of a template does when the template changes.
func effectOf(o manifest.ObjectRef, spec *yaml.Node, c manifest.Change) (Effect, string) {
	policy := inPlacePolicy(spec)
	switch {
	case o.Kind == "Pod" && c.WithoutResize("").InPlace:
		return InPlaceUpdate, "only " + parts(c) + " change, and a pod takes new ones"
	case o.Kind == "Pod":
		return Replace, "containers of a pod cannot be added, taken out or changed but for their images"
	case o.Kind == "Job" || o.Kind == "JobSet":
		return Replace, "its pod template is immutable"
	case slices.Contains([]string{"CronJob", "AdvancedCronJob", "ScaledJob"}, o.Kind):
		return NewPods, "from the next run on"
	case slices.Contains([]string{"ReplicaSet", "ReplicationController", "PodTemplate"}, o.Kind):
		return NewPods, "its controller leaves running pods alone"
	case manifest.Text(manifest.At(spec, "updateStrategy", "type")) == "OnDelete":
		return NewPods, "updateStrategy.type is OnDelete"
	case o.Kind == "CloneSet" && policy != "" && c.InPlace && len(c.Resized) > 0:
		return InPlaceUpdate, "only " + parts(c) + " change, and the update strategy is " + policy +
			"; cpu and memory need pods/resize, and of Kruise the feature gate InPlaceWorkloadVerticalScaling"
	case len(c.Resized) > 0:
		return Restart, "its controller replaces the pods"
	case o.Group() == manifest.KruiseGroup && policy != "" && c.InPlace:
		return InPlaceUpdate, "only " + parts(c) + " change, and the update strategy is " + policy
	case o.Group() == manifest.KruiseGroup && c.InPlace:
		return Restart, "only " + parts(c) + " change; with the update strategy InPlaceIfPossible pods would stay"
	case c.InPlace:
		return Restart, "only " + parts(c) + " change, but a " + o.Kind + " replaces its pods"
	}
	return Restart, "its controller replaces the pods"
}

// parts names what a change that pods can follow in place consists of.
func parts(c manifest.Change) string {
	if len(c.Resized) > 0 {
		rest := c
		if rest.Resized = nil; len(c.Images)+len(c.Metadata) == 0 {
			return "cpu and memory"
		}
		return "cpu and memory, " + parts(rest)
	}
	other := slices.ContainsFunc(c.Metadata, func(field string) bool {
		return !strings.HasPrefix(field, "labels/") && !strings.HasPrefix(field, "annotations/")
	})
	switch {
	case len(c.Metadata) == 0:
		return "images"
	case other && len(c.Images) == 0:
		return "metadata"
	case other:
		return "images and metadata"
	case len(c.Images) == 0:
		return "labels and annotations"
	default:
		return "images, labels and annotations"
	}
}

// inPlacePolicy is the update strategy of a CloneSet, an Advanced StatefulSet or an Advanced DaemonSet if it is in place.
func inPlacePolicy(spec *yaml.Node) string {
	for _, path := range [][]string{{"type"}, {"rollingUpdate", "podUpdatePolicy"}, {"rollingUpdate", "rollingUpdateType"}} {
		policy := manifest.Text(manifest.At(manifest.Lookup(spec, "updateStrategy"), path...))
		if strings.HasPrefix(policy, "InPlace") {
			return policy
		}
	}
	return ""
}

// difference puts into words what is not the same in two versions of a pod template.
type difference []string

func compare(old, now *yaml.Node) difference {
	var d difference
	origin := origins(old)
	for key, set := range origins(now) {
		origin[key] = set
	}
	for _, list := range []struct{ field, noun string }{
		{"initContainers", "init container"}, {"containers", "container"}, {"volumes", "volume"}, {"imagePullSecrets", "pull secret"},
	} {
		d.lists(list.noun, list.field, manifest.At(old, "spec", list.field), manifest.At(now, "spec", list.field), origin)
	}
	for _, field := range []string{"labels", "annotations"} {
		d.mappings(strings.TrimSuffix(field, "s"), manifest.At(old, "metadata", field), manifest.At(now, "metadata", field))
	}
	return d
}

// origins reads from which set each part of a template came, by field and name.
func origins(tmpl *yaml.Node) map[string]string {
	var record struct {
		Sets map[string]map[string][]string `json:"sets"`
	}
	from := map[string]string{}
	mark := manifest.Text(manifest.At(tmpl, "metadata", "annotations", inject.InjectedAnnotation))
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

// lists compares two lists whose elements have names.
func (d *difference) lists(noun, field string, old, now *yaml.Node, origin map[string]string) {
	before, after := manifest.Items(old), manifest.Items(now)
	say := func(format, name string, more ...any) {
		line := fmt.Sprintf(format, append([]any{noun + " " + name}, more...)...)
		if set := origin[field+"/"+name]; set != "" {
			line += " (SidecarSet " + set + ")"
		}
		*d = append(*d, line)
	}
	same := true
	for _, name := range either(names(after), names(before)) {
		was, _ := manifest.Named(before, name)
		is, _ := manifest.Named(after, name)
		switch {
		case was == nil:
			say("adds %s", name)
		case is == nil:
			say("takes out %s", name)
		case inject.Equal(was, is):
			continue
		case field == "containers" && inject.Equal(manifest.Without(was, "image"), manifest.Without(is, "image")):
			say("image of %s: %s -> %s", name, manifest.Text(manifest.Lookup(was, "image")), manifest.Text(manifest.Lookup(is, "image")))
			continue
		default:
			say("changes %s", name)
		}
		same = false
	}
	if same && !slices.Equal(names(before), names(after)) {
		*d = append(*d, "changes the order of "+noun+"s")
	}
}

func names(list []*yaml.Node) []string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = manifest.Text(manifest.Lookup(n, "name"))
	}
	return out
}

// either is the names of both lists, in the order of the first and then of the second.
func either(first, second []string) []string {
	out := slices.Clone(first)
	for _, name := range second {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// mappings compares labels or annotations; slipway's own record is told by what it records.
func (d *difference) mappings(noun string, old, now *yaml.Node) {
	before, after := manifest.StringMap(old), manifest.StringMap(now)
	for _, key := range either(keys(now), keys(old)) {
		was, wasThere := before[key]
		is, isThere := after[key]
		switch {
		case was == is && wasThere == isThere || key == inject.InjectedAnnotation:
		case !wasThere:
			*d = append(*d, "adds "+noun+" "+key)
		case !isThere:
			*d = append(*d, "takes out "+noun+" "+key)
		default:
			*d = append(*d, "changes "+noun+" "+key)
		}
	}
}

func keys(mapping *yaml.Node) []string {
	var out []string
	manifest.EachPair(mapping, func(key, _ *yaml.Node) { out = append(out, manifest.Key(key)) })
	return out
}

// decoded is a template as plain values. What cannot be decoded has no fields, and so differs from everything.
func decoded(n *yaml.Node) map[string]any {
	var out map[string]any
	if n == nil || manifest.Decode(n, &out) != nil {
		return nil
	}
	delete(manifest.Map(out, "metadata", "annotations"), inject.InjectedAnnotation)
	return out
}
