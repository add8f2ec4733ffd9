// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"maps"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Orphans warns of containers that stay in what was made of an object and mount a volume that an earlier injection had put in
// and that is gone now. Somebody has written the mount since, or a container of ours under another name: an API server
// refuses it.
func (in *Injector) Orphans(object, made *yaml.Node, source manifest.Source) []manifest.Finding {
	var out []manifest.Finding
	for t := range in.opts.templates(object, &manifest.Decoder{}) {
		mark := manifest.At(t.node, metadataField, annotationsField, InjectedAnnotation)
		if mark == nil {
			continue
		}
		rec, err := decodeProvenance(manifest.Text(mark))
		if err != nil {
			continue // told where it is taken out
		}
		o := &orphans{
			template: &template{in: in, podTemplate: t, source: source},
			rec:      rec, put: rec.recorded(volumesField),
			spec: manifest.Lookup(descend(made, t.path), specField),
		}
		for _, field := range []string{initsField, containersField} {
			o.containers(field)
		}
		out = append(out, o.findings...)
	}
	return out
}

// orphans is a template with what an earlier injection put into it, and the pod spec that it has now.
type orphans struct {
	*template
	rec  *provenance
	put  []string // volumes
	spec *yaml.Node
}

func (o *orphans) containers(field string) {
	now := manifest.NewIndex(manifest.Items(manifest.Lookup(o.spec, field)))
	for i, c := range manifest.Items(manifest.At(o.node, specField, field)) {
		name := manifest.Text(manifest.Lookup(c, nameField))
		kept, _ := now.Named(name)
		for _, mounts := range []string{volumeMountsField, devicesField} {
			for _, m := range manifest.Items(manifest.Lookup(kept, mounts)) {
				volume := manifest.Text(manifest.Lookup(m, nameField))
				if !contains(o.put, volume) || o.has(volume) {
					continue
				}
				o.report(manifest.SeverityWarning, c, "no-volume", indexed(specField+"."+field, i), fmt.Sprintf(
					"container %s mounts the volume %q, which came with SidecarSet %s and has gone with it", name, volume, o.from(volume)),
					"take the mount out, or add the volume to the pod's own")
			}
		}
	}
}

// has says whether the pod still has a volume.
func (o *orphans) has(volume string) bool {
	n, _ := manifest.Named(manifest.Items(manifest.Lookup(o.spec, volumesField)), volume)
	return n != nil || o.claimed()[volume]
}

// from is the set that a volume came with.
func (o *orphans) from(volume string) string {
	for _, set := range slices.Sorted(maps.Keys(o.rec.Sets)) {
		if r := o.rec.Sets[set]; r != nil && slices.Contains(r.Volumes, volume) {
			return set
		}
	}
	return ""
}
