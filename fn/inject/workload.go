// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// kindOf finds how to read a kind, users' kinds before the built-in ones.
func (o *Options) kindOf(group, kind string) (manifest.Kind, bool) {
	for _, w := range o.Workloads {
		if w.Group == group && w.Kind == kind {
			return w, true
		}
	}
	return manifest.KindOf(group, kind)
}

// stepsTo splits the path to a pod template.
func stepsTo(path string) ([]step, error) {
	keys, err := manifest.SplitPath(path)
	steps := make([]step, len(keys))
	for i, key := range keys {
		if steps[i] = (step{key: key}); key == manifest.EachElement {
			steps[i] = step{index: -1}
		}
	}
	return steps, err
}

// podTemplate is one pod template of an object.
type podTemplate struct {
	object manifest.ObjectRef
	kind   manifest.Kind
	root   *yaml.Node        // the object that holds it
	path   []step            // from the document's root
	lead   int               // how many steps of path lead to the object, where that stands in a list
	node   *yaml.Node        // the template: a mapping with metadata and spec
	given  map[string]string // labels that its pods get in place of their own, from an OpenShift template around the object
}

// templates finds every pod template of an object, one after the other, lists of objects included. It reports what cannot be
// one.
func (o *Options) templates(object *yaml.Node, d *manifest.Decoder) iter.Seq[podTemplate] {
	return o.templatesOf(object, manifest.RefOf(object), d)
}

// templatesOf is templates for an object that is known to be ref.
func (o *Options) templatesOf(object *yaml.Node, ref manifest.ObjectRef, d *manifest.Decoder) iter.Seq[podTemplate] {
	return func(yield func(podTemplate) bool) { o.walk(object, ref, nil, d, yield) }
}

// walk hands the pod templates of an object that stands behind prefix to yield, and is false once that has enough.
func (o *Options) walk(
	object *yaml.Node, ref manifest.ObjectRef, prefix []step, d *manifest.Decoder, yield func(podTemplate) bool,
) bool {
	if field, list := elements(object, ref); list != nil {
		return o.walkList(elementsOf{ref, field, list, given(object, field)}, prefix, d, yield)
	}
	kind, ok := o.kindOf(ref.Group(), ref.Kind)
	if !ok {
		return true
	}
	d.Object = ref
	for _, p := range kind.PodTemplatePaths {
		steps, err := stepsTo(p)
		if err != nil {
			d.Report(object, "bad-path", "", err.Error(), "")
			continue
		}
		for _, found := range expand(object, steps, nil) {
			t := podTemplate{object: ref, kind: kind, root: object, path: slices.Concat(prefix, found), lead: len(prefix)}
			if t.locate(object, found, d) && !yield(t) {
				return false
			}
		}
	}
	return true
}

// elements are the objects that an object holds: the items of a list, and the objects of an OpenShift template.
func elements(object *yaml.Node, ref manifest.ObjectRef) (field string, list *yaml.Node) {
	switch {
	case strings.HasSuffix(ref.Kind, "List"):
		field = itemsField
	case ref.Kind == templateKind && (ref.Group() == "template.openshift.io" || ref.APIVersion == "v1"):
		field = objectsField
	default:
		return "", nil
	}
	return field, manifest.Lookup(object, field)
}

// elementRef is which object an element is.
func elementRef(field string, holder manifest.ObjectRef, element *yaml.Node) manifest.ObjectRef {
	if field == itemsField {
		return itemRef(holder, element)
	}
	return manifest.RefOf(element)
}

// itemRef is which object an item of a list is; in a typed list, such as a DeploymentList, the list may say its kind.
func itemRef(list manifest.ObjectRef, item *yaml.Node) manifest.ObjectRef {
	ref := manifest.RefOf(item)
	if kind := strings.TrimSuffix(list.Kind, "List"); ref.Kind == "" && kind != "" {
		ref.Kind, ref.APIVersion = kind, orWord(ref.APIVersion, list.APIVersion)
	}
	return ref
}

// elementsOf are what an object, holder, has in a field: other objects.
type elementsOf struct {
	holder manifest.ObjectRef
	field  string
	list   *yaml.Node
	labels map[string]string // what an OpenShift template gives to them
}

// walkList is walk for the objects that an object holds.
func (o *Options) walkList(e elementsOf, prefix []step, d *manifest.Decoder, yield func(podTemplate) bool) bool {
	if e.list.Kind != yaml.SequenceNode {
		if !manifest.IsNull(e.list) {
			d.Object = e.holder
			d.Mismatch(e.list, "a list", e.field)
		}
		return true
	}
	for i, item := range e.list.Content {
		path := slices.Concat(prefix, []step{{key: e.field}, {index: i}})
		labelled := yield
		if e.labels != nil {
			labelled = func(t podTemplate) bool { return yield(t.with(e.labels, len(path))) }
		}
		if !o.walk(manifest.Resolve(item), elementRef(e.field, e.holder, item), path, d, labelled) {
			return false
		}
	}
	return true
}

// given are the labels of an OpenShift template, which it gives to its objects and to the pods of a DeploymentConfig.
func given(object *yaml.Node, field string) map[string]string {
	if field != objectsField {
		return nil
	}
	return manifest.StringMap(manifest.Lookup(object, labelsField))
}

// with notes the labels that the pods of a template get from what holds its object, to which lead steps lead.
func (t podTemplate) with(labels map[string]string, lead int) podTemplate {
	if t.lead == lead && (len(t.path) == lead || t.object.Kind == "DeploymentConfig") {
		t.given = labels
	}
	return t
}

// label is a label of the template's pods.
func (t *podTemplate) label(key string) string {
	if value, ok := t.given[key]; ok {
		return value
	}
	return manifest.StringMap(manifest.At(t.node, metadataField, labelsField))[key]
}

// labels are what selectors see of the template's pods: its own, and of those that are given to it the ones that some selector
// asks for. There may be many, and as many templates that they are given to.
func (t *podTemplate) labels(asked map[string]bool) map[string]string {
	labels := manifest.StringMap(manifest.At(t.node, metadataField, labelsField))
	if len(t.given) <= len(asked) {
		maps.Copy(labels, t.given)
		return labels
	}
	for key := range asked {
		if value, ok := t.given[key]; ok {
			labels[key] = value
		}
	}
	return labels
}

// locate finds the template's node below object and says whether there is one.
func (t *podTemplate) locate(object *yaml.Node, path []step, d *manifest.Decoder) bool {
	n := descend(object, path)
	if manifest.IsNull(n) {
		return false // a workload without a template: a workloadRef, an optional path
	}
	if n.Kind != yaml.MappingNode {
		d.Mismatch(n, "a pod template", pathString(path))
		return false
	}
	t.node = n
	return true
}

// expand replaces every [*] by the indexes that the object has.
func expand(n *yaml.Node, path, done []step) [][]step {
	if len(path) == 0 {
		return [][]step{done}
	}
	n = manifest.Resolve(n)
	if path[0].key != "" {
		return expand(manifest.Lookup(n, path[0].key), path[1:], append(done[:len(done):len(done)], path[0]))
	}
	var out [][]step
	for i, c := range manifest.Items(n) {
		out = append(out, expand(c, path[1:], append(done[:len(done):len(done)], step{index: i}))...)
	}
	return out
}

// namespace is where the template's pods will run; "" where nothing says so.
func (t *podTemplate) namespace(o *Options) string {
	switch {
	case t.object.Namespace != "":
		return t.object.Namespace
	case o.Namespace != "":
		return o.Namespace
	case o.Compatibility == Kruise:
		return "default" // what the webhook takes a request without a namespace for
	}
	return ""
}

// field is a path below the template, from the object's root as a user would write it.
func (t *podTemplate) field(below string) string {
	switch base := pathString(t.path[t.lead:]); {
	case base == "":
		return below
	case below == "":
		return base
	default:
		return base + "." + below
	}
}

// claimed names the volumes that a controller adds to the pods from volumeClaimTemplates. They are there before any
// webhook sees the pod, and so they prevail over a SidecarSet's volumes as the template's own do.
func (t *podTemplate) claimed() map[string]bool {
	out := map[string]bool{}
	if len(t.path) == t.lead {
		return out
	}
	holder := t.root
	if steps := t.path[t.lead : len(t.path)-1]; len(steps) > 0 {
		holder = descend(t.root, steps)
	}
	for _, claim := range manifest.Items(manifest.Lookup(holder, "volumeClaimTemplates")) {
		out[manifest.Text(manifest.At(claim, metadataField, nameField))] = true
	}
	return out
}

func indexed(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }
