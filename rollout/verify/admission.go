// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
)

// trial is what the API server would make of a new pod, and of a change in place.
type trial struct {
	sent      *corev1.Pod
	taken     *corev1.Pod // nil: it was not tried, or refused
	no        string      // why it is refused, in the server's words
	noInPlace string      // why a change in place is refused, and of which pod
}

// trialInstance stands for the instance id of a pod that is never created.
const trialInstance = "trial"

// newPod is a pod as the release would create it, or the controller that does.
func (s *snapshot) newPod() (map[string]any, error) {
	var body map[string]any
	if r, ok := s.history.Find(s.history.Update); ok && s.direct() {
		var err error
		as := rollout.Action{
			Kind: rollout.CreatePod, Pod: rollout.PodRef{Name: s.options.Name + "-" + trialInstance}, Instance: trialInstance,
			Lifecycle: rollout.Normal,
		}
		if body, err = kube.NewPod(s.coming, r, as, s.now); err != nil {
			return nil, err
		}
		kube.Child(body, "metadata")["namespace"] = s.options.Namespace
	} else {
		template := s.coming.Template()
		body = map[string]any{
			"apiVersion": "v1", "kind": "Pod", "spec": template["spec"],
			"metadata": map[string]any{
				"generateName": s.options.Name + "-", "namespace": s.options.Namespace, "ownerReferences": []any{s.coming.Owner()},
				"labels":      s.controllerLabels(kube.Field(template, "metadata", "labels")),
				"annotations": kube.Field(template, "metadata", "annotations"), "finalizers": kube.Field(template, "metadata", "finalizers"),
			},
		}
	}
	if s.coming.UID == "" {
		delete(kube.Child(body, "metadata"), "ownerReferences") // an owner that is not there yet has no UID to name
	}
	return body, nil
}

// controllerLabels adds to a template's labels the one that names the revision, where a controller writes its whole name.
func (s *snapshot) controllerLabels(of any) map[string]any {
	out := map[string]any{}
	if written, ok := of.(map[string]any); ok {
		maps.Copy(out, written)
	}
	if kind := s.set.KindOf(); !kind.BySurge && !kind.Nodes {
		out[kube.LabelRevision] = s.history.Update
	}
	return out
}

// tryPod asks the API server for a dry run of one new pod: every policy, webhook and rule of admission looks at it, and it is
// stored nowhere.
func (s *snapshot) tryPod(ctx context.Context, r *reader) error {
	body, err := s.newPod()
	if err != nil {
		return err
	}
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	var sent, taken corev1.Pod
	if err := json.Unmarshal(data, &sent); err != nil {
		return err
	}
	s.trial.sent = &sent
	if s.trial.no = badNames(&sent); s.trial.no != "" {
		return nil
	}
	const unchecked = "whether policies, webhooks and Pod Security take the pods: the first pod will show it"
	switch err := r.client.TryCreate(ctx, kube.Pods(s.options.Namespace).Path, body, &taken); {
	case err == nil:
		s.trial.taken = &taken
	case kube.OverQuota(err) != "":
		// there may be room when the release begins, and probeQuotas counts it
	case kube.NotAdmitted(err) && !withoutDryRun(err):
		s.trial.no = kube.Words(err)
	case apierrors.IsNotFound(err):
		// no such namespace, which is the target's to tell
	default:
		r.untried(s.ref("Pod", sent.Name), "create", err, unchecked)
	}
	return nil
}

// badNames are the labels of a pod that no API server takes, found without asking one.
func badNames(pod *corev1.Pod) string {
	var all []string
	for _, err := range metavalidation.ValidateLabels(pod.Labels, field.NewPath("metadata", "labels")) {
		all = append(all, err.Error())
	}
	return strings.Join(all, "; ")
}

// untried notes that a pod could not be shown to admission.
func (r *reader) untried(of manifest.ObjectRef, verb string, err error, unchecked string) {
	why, remedy := kube.Words(err), ""
	if kube.RightMissing(err) {
		why = "no right to " + verb + " pods"
		remedy = "to have it checked, grant " + verb + " on pods to whoever verifies: nothing is stored, it is a dry run"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unread = append(r.unread, newFinding(codeUnread, of,
		fmt.Sprintf("could not be tried (%s), so it is not known %s", why, unchecked), remedy))
}

// probeAdmission says what the API server would refuse of a new pod. Where another finding has said why already, in words that
// name what to change, it says nothing more.
func probeAdmission(s *snapshot) []Finding {
	predicted := func(f Finding) bool {
		return slices.Contains([]string{codeTemplate, codeLimitRange, codeQuotaDemands, codeMissing}, f.Code)
	}
	if s.trial.no == "" || slices.ContainsFunc(s.found, predicted) {
		return nil
	}
	then := "the release fails at its first one (exit code 11, or 12 with a rollback)"
	if s.direct() && s.inPlace() && s.surge() == 0 {
		then = "none that is lost during the release can be replaced, although those that are there are updated in place"
	}
	return one(codePodRefused, s.target(), "the API server refuses a new pod, so "+then+": "+s.trial.no,
		"change the pod template, or what refuses it")
}

// probeMutation finds what admission writes into new pods that an update in place does not go through: it is made for the
// creation of pods alone, so a pod that stays gets what Git says.
func probeMutation(s *snapshot) []Finding {
	if s.trial.taken == nil || !s.inPlace() || len(s.old) == 0 {
		return nil
	}
	var changed []string
	for _, c := range s.trial.sent.Spec.Containers {
		for _, t := range s.trial.taken.Spec.Containers {
			if t.Name == c.Name && t.Image != c.Image {
				changed = append(changed, fmt.Sprintf("the image of container %s from %s to %s", c.Name, c.Image, t.Image))
			}
		}
	}
	for _, m := range []struct {
		what        string
		sent, taken map[string]string
	}{
		{"label", s.trial.sent.Labels, s.trial.taken.Labels}, {"annotation", s.trial.sent.Annotations, s.trial.taken.Annotations},
	} {
		for _, name := range slices.Sorted(maps.Keys(m.sent)) {
			if now, ok := m.taken[name]; ok && now != m.sent[name] {
				changed = append(changed, fmt.Sprintf("the %s %s from %q to %q", m.what, name, m.sent[name], now))
			}
		}
	}
	if len(changed) == 0 {
		return nil
	}
	return one(codeMutated, s.target(), "admission changes new pods, and pods that are updated in place keep what the template "+
		"says: it changes "+strings.Join(changed, ", "),
		"write into the template what admission would make of it, or set the type to ReCreate")
}
