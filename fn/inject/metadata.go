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
func (c *collector) patchMetadata(set *SidecarSet) {
	for i, p := range set.Spec.PatchPodMetadata {
		field := indexed("spec.patchPodMetadata", i)
		known := slices.Contains([]string{"", patchRetain, patchOverwrite, patchMergeJSON}, p.PatchPolicy)
		for _, key := range slices.Sorted(maps.Keys(p.Annotations)) {
			value, err := c.patchedValue(p, key)
			if err != nil {
				old := manifest.At(c.metadata, annotationsField, key)
				c.report(manifest.SeverityError, old, "bad-merge-patch", "metadata.annotations["+key+"]", fmt.Sprintf(
					"SidecarSet %s, %s: MergePatchJson needs JSON on both sides: %v", set.Metadata.Name, field, err),
					"mend the annotation, or use Retain or Overwrite")
				continue
			}
			if old, had := c.annotations[key]; had && old == value || !had && !known {
				continue
			}
			c.annotate(set, field+" ("+orWord(p.PatchPolicy, patchRetain)+")", []annotation{{key: key, value: value}})
		}
	}
}

// patchedValue is the value that a patch leaves an annotation with.
func (c *collector) patchedValue(p PodMetadataPatch, key string) (string, error) {
	old, had := c.annotations[key]
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
func (c *collector) annotate(set *SidecarSet, rule string, list []annotation) {
	for _, a := range list {
		a.set = set.Metadata.Name
		prevailed := ""
		if old, had := c.annotations[a.key]; had {
			prevailed = "replaces " + manifest.Shorten(old)
		}
		c.annotations[a.key] = a.value
		c.origin(annotationsField, a.key, set, rule, prevailed)
		if i, taken := c.place(annotationsField, a.key, len(c.changes.annotations)); taken {
			c.changes.annotations[i] = a
			continue
		}
		c.changes.annotations = append(c.changes.annotations, a)
	}
}

// defaultContainer is the annotation that names the container which kubectl logs and exec take.
const defaultContainer = "kubectl.kubernetes.io/default-container"

// nameDefault names the app's first container as kubectl's default where the options ask for it, a sidecar goes before it
// and nothing else names one: kubectl would take the sidecar. Where they do not ask, explain says so.
func (c *collector) nameDefault() {
	first := slices.IndexFunc(c.changes.containers, func(p placed) bool { return p.before && p.replaces < 0 })
	if first < 0 || len(c.containers) == 0 {
		return
	}
	if _, named := c.annotations[defaultContainer]; named {
		return
	}
	sidecar := c.changes.containers[first]
	i := slices.IndexFunc(c.sets, func(s *SidecarSet) bool { return s.Metadata.Name == sidecar.set })
	if !c.in.opts.DefaultContainer {
		c.origin(annotationsField, defaultContainer, c.sets[i], "not set, defaultContainer: true would",
			"kubectl logs and exec take container "+sidecar.name+", which goes first")
		return
	}
	c.annotate(c.sets[i], "defaultContainer: true", []annotation{
		{key: defaultContainer, value: manifest.Text(manifest.Lookup(c.containers[0], nameField))},
	})
}

// markWorking records in the pod which container of a hot upgrade pair works, beside those of other sidecars.
func (c *collector) markWorking(set *SidecarSet, name, container string) {
	working := map[string]string{}
	if old := c.annotations[workingHotUpgrade]; old != "" {
		if err := json.Unmarshal([]byte(old), &working); err != nil {
			c.reportAnnotation(c.mistake(), workingHotUpgrade, "bad-annotation",
				"is not a JSON object of strings: "+err.Error(), "")
			working = map[string]string{}
		}
	}
	working[name] = container
	text, err := json.Marshal(working)
	if err != nil {
		panic("inject: a map of strings does not marshal: " + err.Error())
	}
	c.annotate(set, "the working container of a hot upgrade", []annotation{{key: workingHotUpgrade, value: string(text)}})
}

func orWord(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
