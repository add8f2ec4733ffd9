// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
)

// tryInPlace asks the API server for a dry run of the change of one old pod, as the agent would make it: what looks at the
// update of a pod is not what looks at a new one.
func (s *snapshot) tryInPlace(ctx context.Context, r *reader) error {
	if !s.direct() || !s.at.Kind.Direct || !s.inPlace() || s.toReplace() == 0 || badNames(s.pod) != "" {
		return nil // the new pod's finding names the label
	}
	to, known := s.history.Find(s.history.Update)
	i := slices.IndexFunc(s.old, func(p corev1.Pod) bool { _, ok := s.revisionOf(p); return ok })
	if i < 0 || !known {
		return nil
	}
	old := s.old[i]
	patch, resize, err := s.inPlacePatches(old, to)
	if err != nil {
		return err
	}
	at := kube.Pods(s.options.Namespace)
	err = r.client.TryStrategicPatch(ctx, at.Object(old.Name), patch)
	if err == nil && resize != nil {
		err = r.client.TryStrategicPatch(ctx, at.Object(old.Name, "resize"), resize)
	}
	switch {
	case err == nil, apierrors.IsNotFound(err):
		// it is taken, or the pod has just gone
	case kube.NotAdmitted(err) && !withoutDryRun(err):
		s.trial.noInPlace = "of Pod " + old.Name + ": " + kube.Words(err)
	default:
		r.untried(s.ref("Pod", old.Name), "patch", err, "whether policies and webhooks take a change of it in place: the first pod "+
			"will show it")
	}
	return nil
}

// revisionOf is the revision of an old pod, where its template is known.
func (s *snapshot) revisionOf(p corev1.Pod) (kube.Revision, bool) {
	name, _ := s.history.NameOf(s.revision(p))
	return s.history.Find(name)
}

// inPlacePatches are what the agent would send to make an old pod one of the coming revision, whatever the pod is like by then:
// to the pod, and to its resize subresource where cpu or memory changes.
func (s *snapshot) inPlacePatches(old corev1.Pod, to kube.Revision) (patch, resize map[string]any, err error) {
	data, err := json.Marshal(old)
	if err != nil {
		return nil, nil, err
	}
	var pod kube.Pod
	if err := json.Unmarshal(data, &pod); err != nil {
		return nil, nil, err
	}
	from, _ := s.revisionOf(old)
	as := rollout.Action{Kind: rollout.UpdatePodInPlace, Pod: rollout.PodRef{Name: old.Name, UID: string(old.UID)}}
	if s.set.Spec.Lifecycle.InPlaceUpdate.IsSet() {
		as.Lifecycle = rollout.Updating
	}
	if resize, err = kube.ResizePatch(as.Pod, from, to); err != nil {
		return nil, nil, err
	}
	if patch, err = kube.InPlacePatch(pod, from, to, as, s.now); err != nil {
		return nil, nil, err
	}
	// Its status moves all the time, and nothing is written.
	delete(kube.Child(patch, "metadata"), "resourceVersion")
	if resize != nil {
		delete(kube.Child(resize, "metadata"), "resourceVersion")
	}
	return patch, resize, nil
}

// withoutDryRun tells whether a webhook cannot be asked without consequences.
func withoutDryRun(err error) bool { return strings.Contains(err.Error(), "does not support dry run") }

// probeInPlace says what the API server would refuse of a change in place.
func probeInPlace(s *snapshot) []Finding {
	if s.trial.noInPlace == "" {
		return nil
	}
	return one(codePodRefused, s.target(), "the API server refuses a change in place, so the release fails at its first one "+
		"(exit code 11, or 12 with a rollback): "+s.trial.noInPlace,
		"change the pod template, or what refuses it")
}
