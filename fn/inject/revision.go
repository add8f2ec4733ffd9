// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// revision is an earlier state of a SidecarSet: what a ControllerRevision of it holds.
type revision struct {
	name, customVersion string
	set                 string // "" where the object does not say
	number              int64  // counts up with every change of the set
	created             string // when, in the one form that API servers write
	spec                *yaml.Node
	replaces            bool // the spec as a whole, in the place of a merge into it
}

const sidecarSetNameLabel = "kruise.io/sidecarset-name"

// isSidecarSetRevision says whether an object is a ControllerRevision of a SidecarSet.
func isSidecarSetRevision(object *yaml.Node) bool {
	if manifest.Text(manifest.Lookup(object, "kind")) != "ControllerRevision" {
		return false
	}
	_, labelled := manifest.StringMap(manifest.At(object, metadataField, labelsField))[sidecarSetNameLabel]
	if labelled {
		return true
	}
	for _, owner := range manifest.Items(manifest.At(object, metadataField, "ownerReferences")) {
		if manifest.Text(manifest.Lookup(owner, "kind")) == "SidecarSet" {
			return true
		}
	}
	return false
}

// readHistory indexes ControllerRevisions by the SidecarSet that they belong to.
func readHistory(objects []*yaml.Node) map[string][]revision {
	out := map[string][]revision{}
	for _, o := range objects {
		labels := manifest.StringMap(manifest.At(o, metadataField, labelsField))
		r := revision{
			name: manifest.RefOf(o).Name, customVersion: labels[customVersionLabel], set: labels[sidecarSetNameLabel],
			created: manifest.Text(manifest.At(o, metadataField, "creationTimestamp")),
		}
		for _, data := range []*yaml.Node{manifest.Lookup(o, "data"), manifest.At(o, "data", "raw")} {
			if spec := manifest.Lookup(data, specField); r.spec == nil && !manifest.IsNull(spec) {
				r.spec, r.replaces = spec, isReplacement(data) || isReplacement(spec)
			}
		}
		if n, err := strconv.ParseInt(manifest.ScalarText(manifest.Lookup(o, "revision")), 10, 64); err == nil {
			r.number = n
		}
		for _, owner := range manifest.Items(manifest.At(o, metadataField, "ownerReferences")) {
			if r.set == "" && manifest.Text(manifest.Lookup(owner, "kind")) == "SidecarSet" {
				r.set = manifest.Text(manifest.Lookup(owner, nameField))
			}
		}
		if r.spec != nil {
			out[r.set] = append(out[r.set], r)
		}
	}
	return out
}

// isReplacement says whether a patch takes the place of what it patches.
func isReplacement(patch *yaml.Node) bool {
	return manifest.Text(manifest.Lookup(patch, "$patch")) == "replace"
}

// pinned is a set at the revision that its injectionStrategy names, or why there is none.
type pinned struct {
	set         *SidecarSet
	reason, add string
}

// pinAll restores every set that names a revision, once for all pods.
func (in *Injector) pinAll() {
	in.pinned = map[*SidecarSet]pinned{}
	for _, set := range in.sets {
		if want := set.Spec.InjectionStrategy.Revision; want != nil && want.RevisionName+want.CustomVersion != "" {
			in.pinned[set] = in.restored(set, want.RevisionName, want.CustomVersion)
		}
	}
}

func (in *Injector) restored(set *SidecarSet, name, customVersion string) pinned {
	r, ok := in.findRevision(set.Metadata.Name, name, customVersion)
	if ok {
		return restore(set, r)
	}
	what := "revision " + name
	if name == "" {
		what = "custom version " + customVersion
	}
	return pinned{
		reason: "it is pinned to " + what + ", which is not in the input",
		add:    "add the ControllerRevision to the input or to -s (kubectl get controllerrevisions -n kruise-system -o yaml)",
	}
}

// pin returns the revision of a set that its injectionStrategy asks for, and nil where that is gone. The latest is never
// taken in its place: the webhook refuses the pod then, also where policy Partial would take the latest, and so it is an
// error however undecided matches are treated.
func (in *Injector) pin(set *SidecarSet, p pod, m *Match) *SidecarSet {
	found, ok := in.pinned[set]
	if !ok {
		return set
	}
	if found.set == nil {
		m.Verdict, m.Reason, m.Add = Undecided, found.reason, found.add
		return nil
	}
	if set.Spec.InjectionStrategy.Revision.Policy == revisionPartial {
		switch pinned, why := pinnedByPartial(set, p); {
		case why != "":
			m.Verdict, m.Reason, m.Add = Undecided, why, "use an integer partition, a selector, or policy: Always"
			return set
		case !pinned:
			return set
		}
	}
	m.Reason += ", " + found.reason
	return found.set
}

// findRevision returns the revision of a name, which the webhook does not ask whose it is, or, where no name is given,
// the latest one that the set has of a custom version.
func (in *Injector) findRevision(set, name, customVersion string) (found revision, ok bool) {
	if name == "" {
		for _, r := range in.history[set] {
			if r.customVersion == customVersion && (!ok || r.after(found)) {
				found, ok = r, true
			}
		}
		return found, ok
	}
	for _, list := range append([][]revision{in.history[set]}, slices.Collect(maps.Values(in.history))...) {
		if i := slices.IndexFunc(list, func(r revision) bool { return r.name == name }); i >= 0 {
			return list[i], true
		}
	}
	return revision{}, false
}

// after orders the revisions of a set as Kubernetes does.
func (r revision) after(o revision) bool {
	return cmp.Or(cmp.Compare(r.number, o.number), cmp.Compare(r.created, o.created), cmp.Compare(r.name, o.name)) > 0
}

func (set *SidecarSet) customVersion() string {
	return orWord(set.Spec.CustomVersion, set.Metadata.Labels[customVersionLabel])
}

// pinnedByPartial says whether policy Partial pins this pod, or why it cannot be known. The webhook draws lots for a
// percentage.
func pinnedByPartial(set *SidecarSet, p pod) (pinned bool, why string) {
	u := set.Spec.UpdateStrategy
	if u.Paused {
		return true, ""
	}
	if !u.Selector.empty() { // an empty one selects every pod
		a := selectLabels(u.Selector, p.labels, p.kind.Adds)
		if a.verdict == Undecided {
			return false, "spec.updateStrategy.selector: " + a.reason
		}
		if a.verdict == Unmatched {
			return true, ""
		}
	}
	text, percent := strings.CutSuffix(manifest.Text(u.Partition), "%")
	if !percent {
		return false, ""
	}
	switch share, err := strconv.ParseFloat(text, 64); {
	case err != nil:
		return false, fmt.Sprintf("spec.updateStrategy.partition %q is not a percentage", manifest.Text(u.Partition))
	case share <= 0:
		return false, ""
	case share >= 100:
		return true, ""
	default:
		return false, "its revision is drawn by chance for every pod (policy Partial with partition " + manifest.Text(u.Partition) +
			")"
	}
}

// restore is the set with what its revision recorded in the place of what it holds now.
func restore(set *SidecarSet, r revision) pinned {
	spec, err := restoredSpec(manifest.Lookup(set.Node, specField), r)
	if err != nil {
		return pinned{reason: "revision " + r.name + " cannot be merged into the set: " + err.Error()}
	}
	old, findings := ParseSidecarSet(manifest.With(set.Node, specField, spec), set.Source)
	if manifest.HasErrors(findings) {
		return pinned{reason: "revision " + r.name + " cannot be read: " + findings[0].Message}
	}
	return pinned{set: old, reason: "at revision " + r.name}
}

// recordedFields are the fields of a spec that Kruise keeps in its history.
func recordedFields() []string {
	return []string{volumesField, containersField, initsField, pullSecretsField, patchesField}
}

// restoredSpec puts the recorded fields into a spec; null in the revision means that there were none. Kruise records
// them since 1.7 as a replacement, before that as a strategic merge, in which what a container has gained since stays.
func restoredSpec(spec *yaml.Node, r revision) (*yaml.Node, error) {
	patch, kept := manifest.NewMapping(), manifest.NewMapping()
	for _, f := range recordedFields() {
		if v := manifest.Lookup(r.spec, f); v != nil {
			patch.Content = append(patch.Content, manifest.NewScalar(f), v)
		}
	}
	if r.replaces {
		manifest.EachPair(spec, func(key, v *yaml.Node) {
			if !slices.Contains(recordedFields(), key.Value) {
				kept.Content = append(kept.Content, key, v)
			}
		})
		kept.Content = append(kept.Content, patch.Content...)
		return kept, nil
	}
	text, err := json.Marshal(value(patch))
	if err != nil {
		return nil, err
	}
	return mergeStrategic(spec, text, revisionSpec{})
}

// revisionSpec tells a strategic merge which lists of a SidecarSet's spec merge by name.
type revisionSpec struct {
	InitContainers   []revisionSidecar             `json:"initContainers" patchStrategy:"merge" patchMergeKey:"name"`
	Containers       []revisionSidecar             `json:"containers" patchStrategy:"merge" patchMergeKey:"name"`
	Volumes          []corev1.Volume               `json:"volumes" patchStrategy:"merge" patchMergeKey:"name"`
	ImagePullSecrets []corev1.LocalObjectReference `json:"imagePullSecrets" patchStrategy:"merge" patchMergeKey:"name"`
	PatchPodMetadata []PodMetadataPatch            `json:"patchPodMetadata"`
}

type revisionSidecar struct {
	corev1.Container        `json:",inline"`
	UpgradeStrategy         UpgradeStrategy `json:"upgradeStrategy"`
	ShareVolumePolicy       TypedPolicy     `json:"shareVolumePolicy"`
	ShareVolumeDevicePolicy *TypedPolicy    `json:"shareVolumeDevicePolicy"`
	TransferEnv             []TransferEnv   `json:"transferEnv"`
	ResourcesPolicy         ResourcesPolicy `json:"resourcesPolicy"`
}
