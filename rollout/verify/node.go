// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	quantity "k8s.io/apimachinery/pkg/api/resource"
	podresource "k8s.io/component-helpers/resource"
	taints "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"k8s.io/klog/v2"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// node is what is kept of a Node: the object without its images, and what is free on it.
type node struct {
	corev1.Node
	images map[string]string // digests by full name
	free   corev1.ResourceList
}

// readNodes reads nodes and the requests of all pods on them.
func (c *cluster) readNodes(ctx context.Context, r *reader, p plan.BatchPlan) {
	unchecked := "whether nodes have room for the pods that the release adds"
	if p.NodeLabels() != nil {
		unchecked = "which nodes the batches have, and " + unchecked
	}
	byName := map[string]*node{}
	read := list(ctx, r, of(kube.Resource{Kind: "Node", Path: "/api/v1/nodes"}, ""), unchecked, func(n corev1.Node) {
		kept := &node{Node: n, images: imagesOf(n), free: maps.Clone(n.Status.Allocatable)}
		kept.Status.Images, kept.ManagedFields = nil, nil
		c.nodes = append(c.nodes, kept)
		byName[n.Name] = kept
	})
	if !read {
		return
	}
	everywhere := of(kube.Resource{Kind: kindPodsAnywhere, Path: "/api/v1/pods"}, "")
	everywhere.query = url.Values{"fieldSelector": {"status.phase!=Succeeded,status.phase!=Failed,spec.nodeName!="}}
	c.allPods = list(ctx, r, everywhere, unchecked, func(p corev1.Pod) {
		if n := byName[p.Spec.NodeName]; n != nil {
			take(n.free, &p)
		}
	})
}

// kindPodsAnywhere is how pods that only take room on nodes are called.
const kindPodsAnywhere = "Pod (all namespaces)"

// take takes what a pod requests from what is free.
func take(free corev1.ResourceList, pod *corev1.Pod) { change(free, pod, (*quantity.Quantity).Sub) }

// give gives it back.
func give(free corev1.ResourceList, pod *corev1.Pod) { change(free, pod, (*quantity.Quantity).Add) }

func change(free corev1.ResourceList, pod *corev1.Pod, by func(*quantity.Quantity, quantity.Quantity)) {
	requests := podresource.PodRequests(pod, podresource.PodResourcesOptions{UseStatusResources: true})
	requests[corev1.ResourcePods] = *quantity.NewQuantity(1, quantity.DecimalSI)
	for name, v := range requests {
		if left, ok := free[name]; ok {
			left = left.DeepCopy()
			by(&left, v)
			free[name] = left
		}
	}
}

// imagesOf are the digests of the images that a node has pulled.
func imagesOf(n corev1.Node) map[string]string {
	out := map[string]string{}
	for _, image := range n.Status.Images {
		digest := ""
		for _, name := range image.Names {
			if _, d, ok := strings.Cut(name, "@"); ok {
				digest = d
			}
		}
		for _, name := range image.Names {
			if !strings.Contains(name, "@") {
				out[manifest.FullImage(name)] = digest
			}
		}
	}
	return out
}

// probeNodes says whether the pods that the release adds at its height find a node. It does not look at pod affinity,
// volumes and host ports.
func probeNodes(s *snapshot) []Finding {
	if len(s.nodes) == 0 || !s.creates() {
		return nil
	}
	pod := s.admitted()
	var fit []*node
	why := map[string]int{}
	for _, n := range s.nodes {
		if reason := unfit(n, pod); reason != "" {
			why[reason]++
			continue
		}
		fit = append(fit, n)
	}
	if len(fit) == 0 {
		var reasons []string
		for _, reason := range slices.Sorted(maps.Keys(why)) {
			reasons = append(reasons, fmt.Sprintf("%d %s", why[reason], reason))
		}
		return one(codeNodesUnfit, s.target(),
			fmt.Sprintf("none of %d nodes admits a new pod (%s): unless nodes are added, the release waits until its deadline and "+
				"stops (exit code 11)", len(s.nodes), strings.Join(reasons, ", ")),
			"correct nodeSelector, affinity or tolerations of the pod template")
	}
	if !s.allPods {
		return nil // a finding says so
	}
	return s.probeRoomOnNodes(pod, fit)
}

func (s *snapshot) probeRoomOnNodes(pod *corev1.Pod, fit []*node) []Finding {
	wanted := max(s.bounds.Replicas+s.surge()-len(s.own), 0)
	follows := wanted == 0 // a new pod follows an old one, whose room it finds free
	if follows {
		wanted = 1
	}
	room := 0
	for _, n := range fit {
		free := maps.Clone(n.free)
		if follows && len(s.old) > 0 && s.old[0].Spec.NodeName == n.Name {
			give(free, &s.old[0])
		}
		for room < wanted && fits(free, pod) {
			take(free, pod)
			room++
		}
	}
	if room >= wanted {
		return nil
	}
	effect := fmt.Sprintf("%d new pods are needed at the height of the release, and the %d of %d nodes that admit them have room "+
		"for %d (a pod requests %s)", wanted, len(fit), len(s.nodes), room, requestWords(pod))
	if room == 0 {
		effect += ": unless nodes are added, the release waits until its deadline and stops (exit code 11)"
	} else {
		effect += ": the release is slower than planned"
	}
	return one(codeNodesFull, s.target(), effect, "add nodes, lower requests, or release with a smaller maxSurge and a "+
		"maxUnavailable of at least 1")
}

// fits tells whether what is free is enough for a pod. A resource that the node does not have is none.
func fits(free corev1.ResourceList, pod *corev1.Pod) bool {
	requests := podresource.PodRequests(pod, podresource.PodResourcesOptions{})
	if pods, ok := free[corev1.ResourcePods]; ok && pods.Sign() <= 0 {
		return false
	}
	for name, v := range requests {
		if left := free[name]; v.Sign() > 0 && v.Cmp(left) > 0 {
			return false
		}
	}
	return true
}

// unfit says why a node does not take a pod at all, or "" where it does.
func unfit(n *node, pod *corev1.Pod) string {
	switch ok, err := nodeaffinity.GetRequiredNodeAffinity(pod).Match(&n.Node); {
	case n.Spec.Unschedulable:
		return "cordoned"
	case !slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	}):
		return "not ready"
	case err != nil || !ok:
		return "not selected by nodeSelector or affinity"
	}
	taint, untolerated := taints.FindMatchingUntoleratedTaint(klog.Logger{}, n.Spec.Taints, pod.Spec.Tolerations,
		func(t *corev1.Taint) bool {
			return t.Effect == corev1.TaintEffectNoSchedule || t.Effect == corev1.TaintEffectNoExecute
		}, false)
	if untolerated {
		return "tainted with " + taint.ToString()
	}
	return ""
}

// requestWords are what a pod requests.
func requestWords(pod *corev1.Pod) string {
	requests := podresource.PodRequests(pod, podresource.PodResourcesOptions{})
	var words []string
	for _, name := range sortedNames(requests) {
		v := requests[name]
		words = append(words, fmt.Sprintf("%s of %s", v.String(), name))
	}
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, ", ")
}
