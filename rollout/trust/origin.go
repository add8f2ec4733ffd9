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

// Origin holds where the release of a Deployment came from against the Deployment itself, which nobody writes who may only approve:
// against its annotation while it has one, and while no release holds it against its fields and ReplicaSets. Where somebody has
// taken the annotation of a held Deployment away, nothing but the record remembers.
func Origin(found rollout.Progress, o *rollout.Observed) (rollout.Progress, []string) {
	rolling := o.Workload.Rolling
	if rolling == nil || found.Outcome != "" || found.Finished {
		return found, nil
	}
	shown := rolling.Original
	switch {
	case shown == nil && rolling.Held():
		return found, nil
	case shown == nil:
		shown = new(o.Workload.Originals())
	}
	var doubts []string
	if was := found.Original; was != nil && fields(*was) != fields(*shown) {
		doubts = append(doubts, fmt.Sprintf("it says that before the release %s, and the Deployment says that %s", words(*was), words(*shown)))
		own := *shown
		own.Paused = was.Paused // a release pauses before it writes the annotation
		found.Original = &own
	}
	unknown := found.Stable != "" && found.Stable != found.Revision && rolling.Original == nil &&
		!slices.ContainsFunc(o.Sets, func(s rollout.ReplicaSet) bool { return s.Revision == found.Stable })
	switch {
	case rolling.Original != nil && shown.Stable != "" && found.Stable != "" && found.Stable != shown.Stable:
		doubts = append(doubts, fmt.Sprintf("it says that the release goes back to %s, and the Deployment says %s", found.Stable, shown.Stable))
		found.Stable = shown.Stable
	case unknown:
		doubts = append(doubts, fmt.Sprintf("it says that the release goes back to %s, of which there is no ReplicaSet", found.Stable))
		found = Afresh(found)
		found.Stable = ""
	}
	return found, doubts
}

// fields are those of an Original that say how fast pods go.
func fields(o plan.Original) [4]string {
	return [4]string{fmt.Sprint(o.MinReady), fmt.Sprint(o.Deadline), o.MaxSurge.String(), o.MaxUnavailable.String()}
}

func words(o plan.Original) string {
	f := fields(o)
	return fmt.Sprintf("minReadySeconds was %s, progressDeadlineSeconds %s, maxSurge %s and maxUnavailable %s", f[0], f[1], f[2], f[3])
}

// Kept is the revision that a record keeps for a Deployment to go back to, or none. It is a pod template, which a release that goes
// back writes: so it is believed by its digest in the Deployment's annotation. Where there is none, slipway has to have written the
// entry, and its name has to be that of its template.
func Kept(record kube.Record, set kube.Workload) ([]kube.Revision, error) {
	kept, err := kube.KeptRevisions(record)
	if err != nil || len(kept) == 0 {
		return nil, err
	}
	annotation, err := plan.ParseOriginal(set.Annotations[plan.OriginalAnnotation])
	if err == nil && annotation.Template != "" && annotation.UID == string(set.UID) && annotation.Stable == kept[0].Name {
		return believed(kept, annotation.Template == Digest(kept[0])), nil
	}
	template, err := kept[0].Template()
	if err != nil {
		return nil, fmt.Errorf("reading %s of ConfigMap %s/%s: %w", kube.KeyStable, record.Namespace, record.Name, err)
	}
	named, err := kube.SetRevision(set.Name, template)
	return believed(kept, err == nil && named.Name == kept[0].Name && record.WriterOf(kube.KeyStable).Manager == kube.FieldManager), nil
}

// believed is a revision, or none.
func believed(kept []kube.Revision, is bool) []kube.Revision {
	if !is {
		return nil
	}
	return kept
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
