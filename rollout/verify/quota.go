// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	quantity "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	podresource "k8s.io/component-helpers/resource"

	"github.com/slipway-dev/slipway/rollout/kube"
)

// probeQuotas holds what the release uses at its height against what quotas leave.
func probeQuotas(s *snapshot) []Finding {
	pod := s.admitted()
	var out []Finding
	for i := range s.quotas {
		q := &s.quotas[i]
		if scoped(q, pod) {
			out = append(out, s.probeRoom(q, s.peak(pod))...)
		}
		if len(q.Spec.Scopes) == 0 && q.Spec.ScopeSelector == nil {
			out = append(out, s.probeRoom(q, s.claimPeak())...)
		}
	}
	return out
}

// admitted is the coming pod as a namespace's LimitRanges and default PriorityClass fill it in.
func (s *snapshot) admitted() *corev1.Pod {
	pod := s.pod.DeepCopy()
	s.fill(pod)
	return pod
}

func (c *cluster) fill(pod *corev1.Pod) {
	for i := range c.limits {
		fillIn(pod, &c.limits[i])
	}
	for _, p := range c.priorities {
		if pod.Spec.PriorityClassName == "" && p.GlobalDefault {
			pod.Spec.PriorityClassName = p.Name
		}
	}
}

// usage is what one pod takes of a quota.
func usage(pod *corev1.Pod) corev1.ResourceList {
	single := *quantity.NewQuantity(1, quantity.DecimalSI)
	used := corev1.ResourceList{"pods": single, "count/pods": single}
	for name, v := range podresource.PodRequests(pod, podresource.PodResourcesOptions{}) {
		used["requests."+name] = v
		if native(name) {
			used[name] = v
		}
	}
	for name, v := range podresource.PodLimits(pod, podresource.PodResourcesOptions{}) {
		used["limits."+name] = v
	}
	return used
}

// native tells whether quotas also know a resource without "requests." before its name.
func native(name corev1.ResourceName) bool {
	return name == corev1.ResourceCPU || name == corev1.ResourceMemory || name == corev1.ResourceEphemeralStorage ||
		strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix)
}

// need is what a release takes of a quota beyond what it uses now.
type need struct {
	unit    string              // what is created
	what    corev1.ResourceList // at its height
	leaving corev1.ResourceList // in addition while replaced pods are on their way out
}

// peak is what the pods take at the height of the release: either at its begin, when the surge is added to old pods, or
// at its end, before the last old pods go.
func (s *snapshot) peak(pod *corev1.Pod) need {
	n := need{what: corev1.ResourceList{}, leaving: corev1.ResourceList{}, unit: "pod"}
	after, before := usage(pod), usage(pod)
	if s.previous != nil {
		previous := s.previous.DeepCopy()
		s.fill(previous)
		before = usage(previous)
	}
	old, updated := int64(len(s.old)), int64(len(s.own)-len(s.old))
	missing := max(int64(s.bounds.Replicas)-old-updated, 0)
	more := int64(s.toReplace())
	surge := int64(s.surge())
	for _, name := range sortedNames(after, before) {
		a, b := after[name], before[name]
		begin := sum(times(a, missing+surge))
		end := sum(times(a, more), times(b, -min(max(more-missing-surge, 0), old)))
		if s.inPlace() {
			end = begin
		}
		if begin.Cmp(end) < 0 {
			begin = end
		}
		n.what[name] = begin
		if !s.inPlace() && old > 0 {
			n.leaving[name] = times(b, min(int64(s.bounds.MaxSurge+s.bounds.MaxUnavailable), old))
		}
	}
	return n
}

func (c *course) height() string {
	return fmt.Sprintf("%d pods are there, and at most %d (replicas %d, maxSurge %d) at the height of the release",
		len(c.own), c.bounds.Replicas+c.surge(), c.bounds.Replicas, c.bounds.MaxSurge)
}

// claimPeak is what the claims of additional pods take.
func (s *snapshot) claimPeak() need {
	n := need{what: corev1.ResourceList{}, leaving: corev1.ResourceList{}, unit: "claim"}
	pods := int64(max(s.bounds.Replicas+s.surge()-len(s.own), 0))
	for _, t := range s.coming.ClaimTemplates() {
		storage, err := quantity.ParseQuantity(fmt.Sprint(kube.Field(t, "spec", "resources", "requests", "storage")))
		if err != nil {
			continue // the API server refuses the claim, and says so
		}
		add := func(name corev1.ResourceName, v quantity.Quantity) { n.what[name] = sum(n.what[name], v) }
		count := *quantity.NewQuantity(pods, quantity.DecimalSI)
		add(corev1.ResourcePersistentVolumeClaims, count)
		add("count/persistentvolumeclaims", count)
		add(corev1.ResourceRequestsStorage, times(storage, pods))
		if class := s.storageClassOf(t); class != "" {
			add(corev1.ResourceName(class+".storageclass.storage.k8s.io/persistentvolumeclaims"), count)
			add(corev1.ResourceName(class+".storageclass.storage.k8s.io/requests.storage"), times(storage, pods))
		}
	}
	return n
}

// probeRoom compares a need with what the quota leaves.
func (c *course) probeRoom(q *corev1.ResourceQuota, n need) []Finding {
	var short, tight []string
	for _, name := range sortedNames(q.Status.Hard, n.what) {
		hard, limited := q.Status.Hard[name]
		more, needed := n.what[name]
		if !limited || !needed {
			continue
		}
		left := hard.DeepCopy()
		left.Sub(q.Status.Used[name])
		leaving := sum(more, n.leaving[name])
		used := q.Status.Used[name]
		switch {
		case more.Sign() > 0 && more.Cmp(left) > 0:
			short = append(short, fmt.Sprintf("%s: needs %s more, %s is left (%s of %s used)", name, more.String(), left.String(),
				used.String(), hard.String()))
		case leaving.Sign() > 0 && leaving.Cmp(left) > 0:
			tight = append(tight, fmt.Sprintf("%s: %s is left (%s of %s used)", name, left.String(), used.String(), hard.String()))
		}
	}
	of := c.ref("ResourceQuota", q.Name)
	switch {
	case len(short) > 0:
		return one(codeQuotaShort, of,
			fmt.Sprintf("creating a %s is refused once the quota is used up, and the release comes to a stop: %s: %s", n.unit, c.height(),
				strings.Join(short, "; ")),
			"raise the quota, or release with a smaller maxSurge (and maxUnavailable of at least 1)")
	case len(tight) > 0 && c.direct():
		return one(codeQuotaTight, of,
			fmt.Sprintf("replaced pods count until they are gone, so that a new pod may be refused for up to %ds after an old one is "+
				"deleted, and the agent ends (exit code 1) and is started again by its Job: %s",
				c.graceSeconds(), strings.Join(tight, "; ")),
			"leave room in the quota for maxSurge + maxUnavailable more pods")
	}
	return nil
}

func (c *course) graceSeconds() int64 {
	if c.previous != nil && c.previous.Spec.TerminationGracePeriodSeconds != nil {
		return *c.previous.Spec.TerminationGracePeriodSeconds
	}
	return 30
}

// probeDemands finds containers without requests or limits that a quota demands of all containers.
func probeDemands(s *snapshot) []Finding {
	if !s.creates() {
		return nil
	}
	pod := s.admitted()
	var out []Finding
	for i := range s.quotas {
		lacking := lacks(&s.quotas[i], pod)
		if len(lacking) > 0 && scoped(&s.quotas[i], pod) {
			out = append(out, newFinding(codeQuotaDemands, s.ref("ResourceQuota", s.quotas[i].Name),
				"every new pod is refused, because the quota demands what a container does not have: "+strings.Join(lacking, "; "),
				"set it in the pod template, or give the namespace a LimitRange with defaults"))
		}
	}
	return out
}

// lacks are the requests and limits that a quota demands and a container does not have.
func lacks(q *corev1.ResourceQuota, pod *corev1.Pod) []string {
	var out []string
	for _, name := range sortedNames(q.Status.Hard) {
		kind, plain, prefixed := strings.Cut(string(name), ".")
		if !prefixed {
			kind, plain = "requests", string(name)
		}
		if plain != "cpu" && plain != "memory" || podresource.IsPodLevelResourcesSet(pod) {
			continue
		}
		for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
			list := c.Resources.Requests
			if kind == "limits" {
				list = c.Resources.Limits
			}
			if _, ok := list[corev1.ResourceName(plain)]; !ok {
				out = append(out, fmt.Sprintf("container %s has no %s.%s", c.Name, kind, plain))
			}
		}
	}
	return slices.Compact(out)
}

// creates tells whether the release creates any pod.
func (c *course) creates() bool {
	return c.toReplace() > 0 && !c.inPlace() || c.surge() > 0 || len(c.own) < c.bounds.Replicas
}

// scoped tells whether a quota counts a pod.
func scoped(q *corev1.ResourceQuota, pod *corev1.Pod) bool {
	var terms []corev1.ScopedResourceSelectorRequirement
	for _, scope := range q.Spec.Scopes {
		terms = append(terms, corev1.ScopedResourceSelectorRequirement{ScopeName: scope, Operator: corev1.ScopeSelectorOpExists})
	}
	if q.Spec.ScopeSelector != nil {
		terms = append(terms, q.Spec.ScopeSelector.MatchExpressions...)
	}
	return !slices.ContainsFunc(terms, func(t corev1.ScopedResourceSelectorRequirement) bool { return !inScope(t, pod) })
}

func inScope(t corev1.ScopedResourceSelectorRequirement, pod *corev1.Pod) bool {
	switch t.ScopeName {
	case corev1.ResourceQuotaScopeTerminating:
		return pod.Spec.ActiveDeadlineSeconds != nil
	case corev1.ResourceQuotaScopeNotTerminating:
		return pod.Spec.ActiveDeadlineSeconds == nil
	case corev1.ResourceQuotaScopeBestEffort:
		return bestEffort(pod)
	case corev1.ResourceQuotaScopeNotBestEffort:
		return !bestEffort(pod)
	case corev1.ResourceQuotaScopePriorityClass:
		return hasPriority(t, pod.Spec.PriorityClassName)
	case corev1.ResourceQuotaScopeCrossNamespacePodAffinity:
		return acrossNamespaces(pod)
	default:
		return false // of claims
	}
}

func hasPriority(t corev1.ScopedResourceSelectorRequirement, class string) bool {
	set := labels.Set{}
	if class != "" {
		set["class"] = class
	}
	selector, err := metav1.LabelSelectorAsSelector(&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
		{Key: "class", Operator: metav1.LabelSelectorOperator(t.Operator), Values: t.Values},
	}})
	return err == nil && selector.Matches(set)
}

// bestEffort tells whether no container requests or limits CPU or memory.
func bestEffort(pod *corev1.Pod) bool {
	counts := func(list corev1.ResourceList) bool {
		return !list.Cpu().IsZero() || !list.Memory().IsZero()
	}
	if pod.Spec.Resources != nil && (counts(pod.Spec.Resources.Requests) || counts(pod.Spec.Resources.Limits)) {
		return false
	}
	return !slices.ContainsFunc(slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers), func(c corev1.Container) bool {
		return counts(c.Resources.Requests) || counts(c.Resources.Limits)
	})
}

func acrossNamespaces(pod *corev1.Pod) bool {
	a := pod.Spec.Affinity
	if a == nil {
		return false
	}
	var terms []corev1.PodAffinityTerm
	if p := a.PodAffinity; p != nil {
		terms = append(terms, p.RequiredDuringSchedulingIgnoredDuringExecution...)
		for _, w := range p.PreferredDuringSchedulingIgnoredDuringExecution {
			terms = append(terms, w.PodAffinityTerm)
		}
	}
	if p := a.PodAntiAffinity; p != nil {
		terms = append(terms, p.RequiredDuringSchedulingIgnoredDuringExecution...)
		for _, w := range p.PreferredDuringSchedulingIgnoredDuringExecution {
			terms = append(terms, w.PodAffinityTerm)
		}
	}
	return slices.ContainsFunc(terms, func(t corev1.PodAffinityTerm) bool {
		return len(t.Namespaces) > 0 || t.NamespaceSelector != nil
	})
}

func times(q quantity.Quantity, n int64) quantity.Quantity {
	out := q.DeepCopy()
	out.Mul(n)
	return out
}

func sum(list ...quantity.Quantity) quantity.Quantity {
	var out quantity.Quantity
	for _, q := range list {
		out.Add(q)
	}
	return out
}

func sortedNames(lists ...corev1.ResourceList) []corev1.ResourceName {
	var names []corev1.ResourceName
	for _, list := range lists {
		for name := range list {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
