// SPDX-License-Identifier: Apache-2.0

// Package resize is how a running pod gets other cpu and memory: what is sent to its resize subresource, and what the kubelet
// says of it in the pod's status. It knows one pod, and nothing of a release.
package resize

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

// Patch is a strategic merge patch that gives containers of a pod the cpu and memory of a template. Without names it is all of
// its containers. It is nil where the template says nothing of them.
func Patch(metadata, template map[string]any, names map[string]bool) map[string]any {
	var containers []any
	for _, c := range manifest.List(template, "spec", "containers") {
		name := manifest.String(c, "name")
		amounts := manifest.Amounts(c)
		if (names == nil || names[name]) && len(amounts) > 0 {
			containers = append(containers, map[string]any{"name": name, "resources": amounts})
		}
	}
	if containers == nil {
		return nil
	}
	return map[string]any{"metadata": metadata, "spec": map[string]any{"containers": containers}}
}

// Why is what a pod's resources wait for, as the kubelet says it; nil: every container has those of its spec, and the kubelet
// has nothing to do.
func Why(pod []byte) (*waiting.Why, error) {
	var p corev1.Pod
	if err := json.Unmarshal(pod, &p); err != nil {
		return nil, err
	}
	for _, kind := range []corev1.PodConditionType{corev1.PodResizePending, corev1.PodResizeInProgress} {
		for _, c := range p.Status.Conditions {
			if c.Type == kind && c.Status == corev1.ConditionTrue {
				return said(c), nil
			}
		}
	}
	for _, c := range p.Spec.Containers {
		if !has(p.Status.ContainerStatuses, c) {
			return &waiting.Why{
				State: string(corev1.PodResizePending), Reason: string(corev1.PodResizePending), Container: c.Name,
				Message: "the kubelet has not given the container the resources of its spec yet",
			}, nil
		}
	}
	return nil, nil
}

// said is a condition in the kubelet's words. It gives a reason where somebody has to do something about it.
func said(c corev1.PodCondition) *waiting.Why {
	w := &waiting.Why{State: string(c.Type), Reason: c.Reason, Message: c.Message}
	if w.Reason == "" {
		w.Reason = string(c.Type)
	}
	if !c.LastTransitionTime.IsZero() {
		w.Since = c.LastTransitionTime.UTC()
	}
	return w
}

// has tells whether a container runs with the cpu and memory of its spec, and the node has set as much aside.
func has(statuses []corev1.ContainerStatus, c corev1.Container) bool {
	for _, s := range statuses {
		if s.Name != c.Name {
			continue
		}
		return s.Resources != nil && covers(s.Resources.Limits, c.Resources.Limits) &&
			covers(s.Resources.Requests, c.Resources.Requests) &&
			(s.AllocatedResources == nil || covers(s.AllocatedResources, c.Resources.Requests))
	}
	return false
}

// covers tells whether the amounts of cpu and memory are those that are wanted.
func covers(amounts, wanted corev1.ResourceList) bool {
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		want, ok := wanted[name]
		if ok && !is(amounts, name, want) {
			return false
		}
	}
	return true
}

func is(amounts corev1.ResourceList, name corev1.ResourceName, want resource.Quantity) bool {
	have, ok := amounts[name]
	return ok && have.Cmp(want) == 0
}
