// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"maps"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Context is what the user's files hold besides workloads.
type Context struct {
	Sets      []*SidecarSet
	Revisions []*yaml.Node // ControllerRevisions of SidecarSets, for pinned revisions
}

// Read takes from an object what it adds to the context: a SidecarSet, a Namespace's labels (into opts), a revision of
// a SidecarSet, or any of them in a List. Other objects add nothing.
func (c *Context) Read(object *yaml.Node, source Source, opts *Options) []Finding {
	return c.read(object, Ref(object), source, opts)
}

func (c *Context) read(object *yaml.Node, ref ObjectRef, source Source, opts *Options) []Finding {
	switch {
	case isSidecarSet(ref):
		if ref != Ref(object) { // an item of a SidecarSetList, which says for it what it is
			object = with(with(object, "apiVersion", scalar(ref.APIVersion)), "kind", scalar(ref.Kind))
		}
		set, findings := ParseSidecarSet(object, source)
		c.Sets = append(c.Sets, set)
		return findings
	case ref.Kind == "Namespace" && ref.APIVersion == "v1":
		opts.Namespaces = maps.Clone(opts.Namespaces)
		if opts.Namespaces == nil {
			opts.Namespaces = map[string]map[string]string{}
		}
		opts.Namespaces[ref.Name] = stringMap(at(object, metadataField, labelsField))
	case IsSidecarSetRevision(object):
		c.Revisions = append(c.Revisions, object)
	case slices.Contains([]string{"List", "SidecarSetList", "NamespaceList"}, ref.Kind):
		var findings []Finding
		for _, item := range items(lookup(object, itemsField)) {
			findings = append(findings, c.read(item, itemRef(ref, item), source, opts)...)
		}
		return findings
	}
	return nil
}

// Findings collects findings and remembers whether one is an error.
type Findings struct {
	List   []Finding
	failed bool
}

// Add appends findings.
func (f *Findings) Add(more []Finding) {
	f.List = append(f.List, more...)
	f.failed = f.failed || HasErrors(more)
}

// Failed says whether one of the findings is an error.
func (f *Findings) Failed() bool { return f.failed }
