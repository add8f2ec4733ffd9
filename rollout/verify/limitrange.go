// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	quantity "k8s.io/apimachinery/pkg/api/resource"
	podresource "k8s.io/component-helpers/resource"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/kube"
)

// probeLimitRanges finds what the LimitRanges of the namespace would refuse of new pods and claims.
func probeLimitRanges(s *snapshot) []Finding {
	if !s.creates() {
		return nil
	}
	pod := s.admitted()
	out := s.probeOwnLimits(pod)
	for i := range s.limits {
		var broken []string
		for _, item := range s.limits[i].Spec.Limits {
			broken = append(broken, refusals(item, pod)...)
			if item.Type == corev1.LimitTypePersistentVolumeClaim {
				broken = append(broken, s.claimRefusals(item)...)
			}
		}
		if len(broken) > 0 {
			out = append(out, newFinding(codeLimitRange, s.ref("LimitRange", s.limits[i].Name),
				"every new pod is refused, so the release ends before its first one: "+strings.Join(broken, "; "),
				"change requests and limits in the pod template, or the LimitRange"))
		}
	}
	return out
}

// probeOwnLimits finds requests above their limits, which may be the default of a LimitRange.
func (r *release) probeOwnLimits(pod *corev1.Pod) []Finding {
	written := slices.Concat(r.pod.Spec.InitContainers, r.pod.Spec.Containers)
	for i, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		for _, name := range sortedNames(c.Resources.Limits) {
			request, limit := c.Resources.Requests[name], c.Resources.Limits[name]
			if request.Cmp(limit) <= 0 {
				continue
			}
			effect := fmt.Sprintf("every new pod is refused, so the release ends before its first one: container %s requests %s of %s, "+
				"which is more than its limit %s", c.Name, request.String(), name, limit.String())
			if _, own := written[i].Resources.Limits[name]; own {
				return one(codeTemplate, r.target(), effect, "raise the limit, or lower the request")
			}
			return one(codeLimitRange, manifest.ObjectRef{Kind: "LimitRange", Namespace: r.options.Namespace},
				effect+", a default of the namespace",
				"write a limit into the pod template")
		}
	}
	return nil
}

// fillIn gives containers the defaults of a LimitRange.
func fillIn(pod *corev1.Pod, limits *corev1.LimitRange) {
	for _, item := range limits.Spec.Limits {
		if item.Type != corev1.LimitTypeContainer {
			continue
		}
		for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
			for i := range list {
				r := &list[i].Resources
				r.Limits = withDefaults(r.Limits, item.Default)
				r.Requests = withDefaults(r.Requests, item.DefaultRequest)
			}
		}
	}
}

func withDefaults(list, defaults corev1.ResourceList) corev1.ResourceList {
	for name, v := range defaults {
		if list == nil {
			list = corev1.ResourceList{}
		}
		if _, ok := list[name]; !ok {
			list[name] = v
		}
	}
	return list
}

// refusals are the reasons for which one item of a LimitRange refuses a pod.
func refusals(item corev1.LimitRangeItem, pod *corev1.Pod) []string {
	var out []string
	switch item.Type {
	case corev1.LimitTypeContainer:
		for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
			out = append(out, outside(item, "container "+c.Name, c.Resources.Requests, c.Resources.Limits)...)
		}
	case corev1.LimitTypePod:
		options := podresource.PodResourcesOptions{}
		out = outside(item, "the pod", podresource.PodRequests(pod, options), podresource.PodLimits(pod, options))
	case corev1.LimitTypePersistentVolumeClaim:
	}
	return out
}

// claimRefusals are the reasons for which an item for claims refuses one of the CloneSet's.
func (r *release) claimRefusals(item corev1.LimitRangeItem) []string {
	var out []string
	for _, t := range r.coming.ClaimTemplates() {
		storage, err := quantity.ParseQuantity(fmt.Sprint(kube.Field(t, "spec", "resources", "requests", "storage")))
		if err != nil {
			continue
		}
		list := corev1.ResourceList{corev1.ResourceStorage: storage}
		out = append(out, outside(item, "claim "+kube.Text(t, "metadata", "name"), list, list)...)
	}
	return out
}

// outside says which requests and limits lie outside an item's.
func outside(item corev1.LimitRangeItem, what string, requests, limits corev1.ResourceList) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, what+" "+fmt.Sprintf(format, args...)) }
	for _, name := range sortedNames(item.Min) {
		least := item.Min[name]
		request, requested := requests[name]
		limit, limited := limits[name]
		switch {
		case !requested:
			say("requests no %s, at least %s is demanded", name, least.String())
		case request.Cmp(least) < 0:
			say("requests %s of %s, at least %s is demanded", request.String(), name, least.String())
		case limited && limit.Cmp(least) < 0:
			say("is limited to %s of %s, at least %s is demanded", limit.String(), name, least.String())
		}
	}
	for _, name := range sortedNames(item.Max) {
		most := item.Max[name]
		request, requested := requests[name]
		limit, limited := limits[name]
		switch {
		case !limited:
			say("has no limit for %s, at most %s is allowed", name, most.String())
		case limit.Cmp(most) > 0:
			say("is limited to %s of %s, at most %s is allowed", limit.String(), name, most.String())
		case requested && request.Cmp(most) > 0:
			say("requests %s of %s, at most %s is allowed", request.String(), name, most.String())
		}
	}
	for _, name := range sortedNames(item.MaxLimitRequestRatio) {
		most := item.MaxLimitRequestRatio[name]
		request, limit := requests[name], limits[name]
		switch {
		case request.IsZero() || limit.IsZero():
			say("has no request or no limit for %s, but their ratio may be at most %s", name, most.String())
		case limit.AsApproximateFloat64() > most.AsApproximateFloat64()*request.AsApproximateFloat64()*(1+1e-9):
			say("has a limit of %s and a request of %s for %s, whose ratio may be at most %s", limit.String(), request.String(), name,
				most.String())
		}
	}
	return out
}
