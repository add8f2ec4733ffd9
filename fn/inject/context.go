// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"maps"

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
	switch ref := Ref(object); {
	case IsSidecarSet(object):
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
	case ref.Kind == "List" || ref.Kind == "SidecarSetList" || ref.Kind == "NamespaceList":
		var findings []Finding
		for _, item := range items(lookup(object, "items")) {
			findings = append(findings, c.Read(item, source, opts)...)
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
