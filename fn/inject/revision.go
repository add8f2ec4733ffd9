// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"encoding/json"
	"fmt"
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
	spec                *yaml.Node
}

const sidecarSetNameLabel = "kruise.io/sidecarset-name"

// IsSidecarSetRevision says whether an object is a ControllerRevision of a SidecarSet.
func IsSidecarSetRevision(object *yaml.Node) bool {
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
			spec: manifest.At(o, "data", specField),
		}
		if r.spec == nil {
			r.spec = manifest.At(o, "data", "raw", specField)
		}
		if n, err := strconv.ParseInt(manifest.Text(manifest.Lookup(o, "revision")), 10, 64); err == nil {
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

// pin returns the revision of a set that its injectionStrategy asks for. Where that cannot be known it makes the match
// undecided: the latest is never taken in its place, which is what the webhook does in silence.
func (in *Injector) pin(set *SidecarSet, p pod, m *Match) *SidecarSet {
	want := set.Spec.InjectionStrategy.Revision
	if want == nil || want.RevisionName == "" && want.CustomVersion == "" {
		return set
	}
	if want.Policy == revisionPartial {
		switch pinned, why := pinnedByPartial(set, p); {
		case why != "":
			m.Verdict, m.Reason, m.Add = Undecided, why, "use an integer partition, a selector, or policy: Always"
			return set
		case !pinned:
			return set
		}
	}
	if want.CustomVersion != "" && want.CustomVersion == set.customVersion() {
		return set
	}
	if r, ok := findRevision(in.history[set.Metadata.Name], want.RevisionName, want.CustomVersion); ok {
		return restore(set, r, m)
	}
	m.Verdict = Undecided
	m.Reason = fmt.Sprintf("it is pinned to revision %s, which is not in the input", orWord(want.RevisionName, want.CustomVersion))
	m.Add = "add the ControllerRevision to the input or to -s (kubectl get controllerrevisions -n kruise-system -o yaml)"
	return set
}

// findRevision returns the revision of a name or, where no name is given, the latest one of a custom version.
func findRevision(history []revision, name, customVersion string) (found revision, ok bool) {
	for _, r := range history {
		if name != "" && r.name == name {
			return r, true
		}
		if name == "" && r.customVersion == customVersion && (!ok || r.number >= found.number) {
			found, ok = r, true
		}
	}
	return found, ok
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
		return false, "its revision is drawn by chance for every pod (policy Partial with partition " + manifest.Text(u.Partition) + ")"
	}
}

// restore is the set with what its revision recorded merged into it: a strategic merge, as Kruise does it, so that what
// a container has gained since stays.
func restore(set *SidecarSet, r revision, m *Match) *SidecarSet {
	spec, err := mergeRevision(manifest.Lookup(set.Node, specField), r.spec)
	if err != nil {
		m.Verdict, m.Reason = Undecided, "revision "+r.name+" cannot be merged into the set: "+err.Error()
		return set
	}
	old, findings := ParseSidecarSet(manifest.With(set.Node, specField, spec), set.Source)
	if manifest.HasErrors(findings) {
		m.Verdict, m.Reason = Undecided, "revision "+r.name+" cannot be read: "+findings[0].Message
		return set
	}
	m.Reason += ", at revision " + r.name
	return old
}

// mergeRevision merges the fields that Kruise keeps in its history; null in the revision means that there were none.
func mergeRevision(spec, recorded *yaml.Node) (*yaml.Node, error) {
	patch := manifest.NewMapping()
	for _, f := range []string{volumesField, containersField, initsField, pullSecretsField, patchesField} {
		if v := manifest.Lookup(recorded, f); v != nil {
			patch.Content = append(patch.Content, manifest.NewScalar(f), v)
		}
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
