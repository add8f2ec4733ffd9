// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"maps"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Context is what the user's files hold besides workloads.
type Context struct {
	Sets      []*SidecarSet
	Revisions []*yaml.Node // ControllerRevisions of SidecarSets, for pinned revisions
	Spreads   []*yaml.Node // WorkloadSpreads, whose patches can decide the labels of pods

	ownsNamespaces bool // the options' namespaces are a copy that Read has made
}

// Read takes from an object what it adds to the context: a SidecarSet, a Namespace's labels (into opts), a revision of
// a SidecarSet, or any of them in a List. Other objects add nothing.
func (c *Context) Read(object *yaml.Node, source manifest.Source, opts *Options) []manifest.Finding {
	return c.read(object, manifest.RefOf(object), source, opts)
}

func (c *Context) read(object *yaml.Node, ref manifest.ObjectRef, source manifest.Source, opts *Options) []manifest.Finding {
	switch {
	case isSidecarSet(ref):
		if ref != manifest.RefOf(object) { // an item of a SidecarSetList, which says for it what it is
			object = manifest.With(manifest.With(object, "apiVersion", manifest.NewScalar(ref.APIVersion)), "kind",
				manifest.NewScalar(ref.Kind))
		}
		set, findings := ParseSidecarSet(object, source)
		c.Sets = append(c.Sets, set)
		return findings
	case ref.Kind == "Namespace" && ref.APIVersion == "v1":
		if !c.ownsNamespaces {
			opts.Namespaces, c.ownsNamespaces = maps.Clone(opts.Namespaces), true
		}
		if opts.Namespaces == nil {
			opts.Namespaces = map[string]map[string]string{}
		}
		opts.Namespaces[ref.Name] = manifest.StringMap(manifest.At(object, metadataField, labelsField))
	case isSidecarSetRevision(object):
		c.Revisions = append(c.Revisions, object)
	case isSpread(ref):
		c.Spreads = append(c.Spreads, object)
	case slices.Contains([]string{"List", "SidecarSetList", "NamespaceList", templateKind}, ref.Kind):
		var findings []manifest.Finding
		field, list := elements(object, ref)
		for _, item := range manifest.Items(list) {
			findings = append(findings, c.read(item, elementRef(field, ref, item), source, opts)...)
		}
		return findings
	}
	return nil
}
