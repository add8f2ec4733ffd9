// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// patchMetadata applies a set's patchPodMetadata. Later sets see what earlier ones have set.
func (b *build) patchMetadata(set *SidecarSet) {
	for i, p := range set.Spec.PatchPodMetadata {
		field := indexed("spec.patchPodMetadata", i)
		known := slices.Contains([]string{"", patchRetain, patchOverwrite, patchMergeJSON}, p.PatchPolicy)
		for _, key := range slices.Sorted(maps.Keys(p.Annotations)) {
			value, err := b.patchedValue(p, key)
			if err != nil {
				b.report(manifest.SeverityError, nil, "bad-merge-patch", "metadata.annotations["+key+"]", fmt.Sprintf(
					"SidecarSet %s, %s: MergePatchJson needs JSON on both sides: %v", set.Metadata.Name, field, err),
					"mend the annotation, or use Retain or Overwrite")
				continue
			}
			if old, had := b.annotations[key]; had && old == value || !had && !known {
				continue
			}
			b.annotate(set, field+" ("+orWord(p.PatchPolicy, patchRetain)+")", []annotation{{key: key, value: value}})
		}
	}
}

// patchedValue is the value that a patch leaves an annotation with.
func (b *build) patchedValue(p PodMetadataPatch, key string) (string, error) {
	old, had := b.annotations[key]
	value := p.Annotations[key]
	switch {
	case p.PatchPolicy == patchOverwrite || !had:
		return value, nil
	case p.PatchPolicy != patchMergeJSON:
		return old, nil // Retain, Kruise's default
	case old == "":
		return value, nil
	}
	merged, err := jsonpatch.MergePatch([]byte(old), []byte(value))
	return string(merged), err
}

// annotate records annotations that a set writes; the last value of a key stands.
func (b *build) annotate(set *SidecarSet, rule string, list []annotation) {
	for _, a := range list {
		a.set = set.Metadata.Name
		prevailed := ""
		if old, had := b.annotations[a.key]; had {
			prevailed = "replaces " + manifest.Shorten(old)
		}
		b.annotations[a.key] = a.value
		b.origin(annotationsField, a.key, set, rule, prevailed)
		if i := slices.IndexFunc(b.changes.annotations, func(x annotation) bool { return x.key == a.key }); i >= 0 {
			b.changes.annotations[i] = a
			continue
		}
		b.changes.annotations = append(b.changes.annotations, a)
	}
}

// defaultContainer is the annotation that names the container which kubectl logs and exec take.
const defaultContainer = "kubectl.kubernetes.io/default-container"

// nameDefault names the app's first container as kubectl's default where the options ask for it, a sidecar goes before it
// and nothing else names one: kubectl would take the sidecar. Where they do not ask, explain says so.
func (b *build) nameDefault() {
	first := slices.IndexFunc(b.changes.containers, func(p placed) bool { return p.before && p.replaces < 0 })
	if first < 0 || len(b.containers) == 0 {
		return
	}
	if _, named := b.annotations[defaultContainer]; named {
		return
	}
	sidecar := b.changes.containers[first]
	i := slices.IndexFunc(b.sets, func(s *SidecarSet) bool { return s.Metadata.Name == sidecar.set })
	if !b.in.opts.DefaultContainer {
		b.origin(annotationsField, defaultContainer, b.sets[i], "not set, defaultContainer: true would",
			"kubectl logs and exec take container "+sidecar.name+", which goes first")
		return
	}
	b.annotate(b.sets[i], "defaultContainer: true", []annotation{
		{key: defaultContainer, value: manifest.Text(manifest.Lookup(b.containers[0], nameField))},
	})
}

// markWorking records in the pod which container of a hot upgrade pair works, beside those of other sidecars.
func (b *build) markWorking(set *SidecarSet, name, container string) {
	working := map[string]string{}
	if old := b.annotations[workingHotUpgrade]; old != "" {
		if err := json.Unmarshal([]byte(old), &working); err != nil {
			b.report(b.mistake(), nil, "bad-annotation", "metadata.annotations["+workingHotUpgrade+"]",
				"is not a JSON object of strings: "+err.Error(), "")
			working = map[string]string{}
		}
	}
	working[name] = container
	text, err := json.Marshal(working)
	if err != nil {
		panic("inject: a map of strings does not marshal: " + err.Error())
	}
	b.annotate(set, "the working container of a hot upgrade", []annotation{{key: workingHotUpgrade, value: string(text)}})
}

func orWord(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
