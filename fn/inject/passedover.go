// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// PassedOver is what looks like a pod template and stands where slipway does not look for one: in an object of an unknown
// kind, or beside its place in one of a known kind.
type PassedOver struct {
	Object manifest.ObjectRef
	Path   string // to the template, as podTemplatePaths has it
	Source manifest.Source
	// Wanted says that a SidecarSet matches its labels, or could.
	Wanted bool

	place string // where the object's kind has its templates; "" for an unknown kind
	bare  bool   // it holds containers, and neither metadata nor spec
}

// PassedOver lists the pod templates of an object that injection does not reach, and that nobody has opted out.
func (in *Injector) PassedOver(object *yaml.Node, source manifest.Source) []PassedOver {
	return in.passedOver(object, manifest.RefOf(object), source)
}

func (in *Injector) passedOver(object *yaml.Node, ref manifest.ObjectRef, source manifest.Source) []PassedOver {
	if field, list := elements(object, ref); list != nil {
		var out []PassedOver
		for _, item := range manifest.Items(list) {
			out = append(out, in.passedOver(item, elementRef(field, ref, item), source)...)
		}
		return out
	}
	kind, known := in.opts.kindOf(ref.Group(), ref.Kind)
	if isToolKind(ref) || known && in.reaches(object, ref) {
		return nil
	}
	var out []PassedOver
	eachTemplate(object, nil, func(n *yaml.Node, path []string, bare bool) {
		if len(path) == 0 && !looksLikePod(ref) || optedOut(object) || optedOut(n) {
			return
		}
		p := PassedOver{Object: ref, Path: joinPath(path), Source: manifest.SourceAt(source, n), bare: bare}
		if known {
			p.place = strings.Join(kind.PodTemplatePaths, " or ")
		}
		t := podTemplate{object: ref}
		labels := manifest.StringMap(manifest.At(n, metadataField, labelsField))
		at := pod{kind: kind, namespace: t.namespace(&in.opts), labels: labels}
		p.Wanted = slices.ContainsFunc(in.index.candidates(at), func(i int) bool {
			return in.match(in.sets[i], at).Verdict != Unmatched
		})
		out = append(out, p)
	})
	return out
}

// reaches says whether an object, which is ref, has a pod template where its kind has them.
func (in *Injector) reaches(object *yaml.Node, ref manifest.ObjectRef) bool {
	for range in.opts.templatesOf(object, ref, &manifest.Decoder{}) {
		return true
	}
	return false
}

// isToolKind says whether an object holds templates that are none of a workload's: sets, revisions, schemas.
func isToolKind(ref manifest.ObjectRef) bool {
	return isSidecarSet(ref) || slices.Contains([]string{"ControllerRevision", "CustomResourceDefinition"}, ref.Kind)
}

// looksLikePod says whether an object can be a pod whose kind is misspelt. Other objects may keep containers in their spec
// for reasons of their own.
func looksLikePod(ref manifest.ObjectRef) bool {
	return ref.APIVersion == "v1" || ref.APIVersion == "" || strings.EqualFold(ref.Kind, "Pod")
}

func optedOut(n *yaml.Node) bool { return manifest.Annotation(n, injectAnnotation) == "false" }

// eachTemplate calls f with every mapping below n that has the shape of a pod template, and the way to it.
func eachTemplate(n *yaml.Node, path []string, f func(n *yaml.Node, path []string, bare bool)) {
	n = manifest.Resolve(n)
	switch {
	case n == nil:
	case n.Kind == yaml.SequenceNode:
		for _, c := range n.Content {
			eachTemplate(c, append(path[:len(path):len(path)], manifest.EachElement), f)
		}
	case n.Kind != yaml.MappingNode:
	case holdsContainers(manifest.Lookup(n, specField)):
		f(n, path, false)
	case len(path) > 0 && strings.HasSuffix(strings.ToLower(path[len(path)-1]), "template") && holdsContainers(n):
		f(n, path, true)
	default:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i+1].Kind != yaml.AliasNode {
				eachTemplate(n.Content[i+1], append(path[:len(path):len(path)], n.Content[i].Value), f)
			}
		}
	}
}

// holdsContainers says whether a mapping is a pod's spec: its containers are mappings with a name and an image.
func holdsContainers(spec *yaml.Node) bool {
	list := manifest.Items(manifest.Lookup(spec, containersField))
	return len(list) > 0 && !slices.ContainsFunc(list, func(c *yaml.Node) bool {
		return manifest.Text(manifest.Lookup(c, nameField)) == "" || imageOf(c) == ""
	})
}

// joinPath writes a path as podTemplatePaths has it.
func joinPath(path []string) string {
	return strings.ReplaceAll(strings.Join(path, "."), "."+manifest.EachElement, manifest.EachElement)
}

// meant is the kind of workload that a person may have misspelt, or "". A slip differs from it by so little that it can hardly
// be another kind.
func (p PassedOver) meant(slip bool) string {
	if p.place != "" {
		return ""
	}
	for _, k := range manifest.Kinds() {
		if k.Group == p.Object.Group() && manifest.Nearest(p.Object.Kind, []string{k.Kind}) != "" &&
			(!slip || isTypo(p.Object.Kind, k.Kind)) {
			return k.Kind
		}
	}
	return ""
}

// TellPassedOver says, for each kind, how many of its objects were passed over and what to do about it: a warning where a
// SidecarSet could match one or the kind is misspelt, else an information.
func TellPassedOver(all []PassedOver) []manifest.Finding {
	var order []string
	members := map[string][]PassedOver{}
	for _, p := range all {
		kind := p.Object.Group() + "/" + p.Object.Kind
		if members[kind] == nil {
			order = append(order, kind)
		}
		members[kind] = append(members[kind], p)
	}
	out := make([]manifest.Finding, len(order))
	for i, kind := range order {
		out[i] = tellOfKind(members[kind])
	}
	return out
}

// maxPlaces is how many places one finding names.
const maxPlaces = 5

func tellOfKind(templates []PassedOver) manifest.Finding {
	first := templates[0]
	var places, paths []string
	objects, seen := map[string]bool{}, map[string]bool{}
	severity := manifest.SeverityInfo
	for _, p := range templates {
		if !seen[p.Path] {
			seen[p.Path], paths = true, append(paths, p.Path)
		}
		if p.Wanted || p.meant(true) != "" {
			severity = manifest.SeverityWarning
		}
		if object := fmt.Sprint(p.Object, p.Source.File, p.Source.Doc); !objects[object] {
			objects[object], places = true, append(places, cmp.Or(p.Source.String(), p.Object.String()))
		}
	}
	if more := len(places) - maxPlaces; more > 0 {
		places = append(places[:maxPlaces], fmt.Sprintf("%d more", more))
	}
	kind := strings.TrimSpace(cmp.Or(first.Object.Kind, "no kind") + " " + first.Object.Group())
	return manifest.Finding{
		Severity: severity, Code: "unknown-workload", Object: first.Object, Field: first.Path, Source: first.Source,
		Message: fmt.Sprintf("%s a pod template that slipway does not know: %s (%s)", carry(len(objects)), kind,
			strings.Join(places, ", ")),
		Hint: first.hint(paths),
	}
}

func carry(n int) string {
	if n == 1 {
		return "1 object carries"
	}
	return fmt.Sprintf("%d objects carry", n)
}

// hint says what its user does about templates of one kind at these paths: mend a slip, or configure the kind.
func (p PassedOver) hint(paths []string) string {
	switch {
	case p.place != "":
		return fmt.Sprintf("a %s has its pod template at %s: check the indentation", p.Object.Kind, p.place)
	case p.Object.Kind == "":
		return "the object has no kind"
	case p.Object.APIVersion == "":
		return "the object has no apiVersion"
	case p.bare:
		return "its pods cannot be injected into offline: the containers stand in the template itself, not in its spec"
	}
	meant := p.meant(false)
	if meant != "" {
		meant = fmt.Sprintf("did you mean the kind %s? ", meant)
	}
	quoted := make([]string, len(paths))
	for i, path := range paths {
		quoted[i] = strconv.Quote(path)
	}
	return fmt.Sprintf("%sgive workloads: [{group: %s, kind: %s, podTemplatePaths: [%s]}] in the configuration",
		meant, cmp.Or(p.Object.Group(), `""`), p.Object.Kind, strings.Join(quoted, ", "))
}
