// SPDX-License-Identifier: Apache-2.0

package trust

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Origin holds where the release came from against what nobody writes who may only approve: of a Deployment against its
// annotation while it has one, and while no release holds it against its fields and ReplicaSets; with OnDelete against the pods.
// Where somebody has taken the annotation of a held Deployment away, nothing but the record remembers its fields.
func Origin(found rollout.Progress, o *rollout.Observed) (rollout.Progress, []string) {
	return origin(found, o, found.Revision)
}

// origin is Origin of a progress that may have been left by a release of another revision.
func origin(found rollout.Progress, o *rollout.Observed, released string) (rollout.Progress, []string) {
	switch {
	case found.Outcome != "" || found.Finished:
		return found, nil
	case o.Workload.Rolling != nil:
		return ofDeployment(found, o)
	case o.Workload.Spec.OnDelete:
		return ran(found, o, released)
	default:
		return found, nil
	}
}

func ofDeployment(found rollout.Progress, o *rollout.Observed) (rollout.Progress, []string) {
	rolling := o.Workload.Rolling
	shown := rolling.Original
	if shown == nil && !rolling.Held() {
		shown = new(o.Workload.Originals())
	}
	var warnings []string
	if was := found.Original; shown != nil && was != nil && fields(*was) != fields(*shown) {
		warnings = append(warnings, fmt.Sprintf("it says that before the release %s, and the Deployment says that %s", words(*was),
			words(*shown)))
		own := *shown
		own.Paused = was.Paused // a release pauses before it writes the annotation
		found.Original = &own
	}
	unknown := found.Stable != "" && found.Stable != found.Revision && rolling.Original == nil &&
		!slices.ContainsFunc(o.Sets, func(s rollout.ReplicaSet) bool { return s.Revision == found.Stable })
	switch {
	case rolling.Original != nil && shown.Stable != "" && found.Stable != "" && found.Stable != shown.Stable:
		warnings = append(warnings, fmt.Sprintf("it says that the release goes back to %s, and the Deployment says %s", found.Stable,
			shown.Stable))
		found.Stable = shown.Stable
	case unknown:
		warnings = append(warnings, fmt.Sprintf("it says that the release goes back to %s, of which there is no ReplicaSet",
			found.Stable))
		found = Afresh(found)
		found.Stable = ""
	}
	return found, warnings
}

// fields are those of an Original that say how fast pods go.
func fields(o plan.Original) [4]string {
	return [4]string{fmt.Sprint(o.MinReady), fmt.Sprint(o.Deadline), o.MaxSurge.String(), o.MaxUnavailable.String()}
}

func words(o plan.Original) string {
	f := fields(o)
	return fmt.Sprintf("minReadySeconds was %s, progressDeadlineSeconds %s, maxSurge %s and maxUnavailable %s", f[0], f[1], f[2],
		f[3])
}

// Kept is the revision that a record keeps for a Deployment to go back to, or none. It is a pod template, which a release that
// goes back writes: so it is believed by its digest in the Deployment's annotation and by nothing else. Without one a release
// goes back to what a ReplicaSet of the Deployment has.
func Kept(record kube.Record, set kube.Workload) ([]kube.Revision, error) {
	kept, err := kube.KeptRevisions(record)
	if err != nil || len(kept) == 0 {
		return nil, err
	}
	says, err := plan.ParseOriginal(set.Annotations[plan.OriginalAnnotation])
	if err == nil && says.UID == string(set.UID) && says.Stable == kept[0].Name && says.Template != "" &&
		says.Template == Digest(kept[0]) {
		return kept, nil
	}
	return nil, nil
}

// Digest is that of a revision's pod template, whatever the order of its keys; "" where it has none.
func Digest(r kube.Revision) string {
	template, err := r.Template()
	if err != nil {
		return ""
	}
	text, err := json.Marshal(template)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}
