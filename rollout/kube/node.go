// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	taints "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/klog/v2"

	"github.com/slipway-dev/slipway/rollout/ondelete"
)

// Nodes are those of the cluster.
func Nodes() Resource { return Resource{"Node", "/api/v1/nodes"} }

// Node is what is kept of a node.
type Node struct {
	metav1.ObjectMeta
	taints []corev1.Taint
}

// NodeOf is what is kept of a whole node.
func NodeOf(n corev1.Node) Node { return Node{n.ObjectMeta, n.Spec.Taints} }

// Meta is the metadata, as a Cache asks for it.
func (n Node) Meta() metav1.ObjectMeta { return n.ObjectMeta }

// UnmarshalJSON keeps labels and taints.
func (n *Node) UnmarshalJSON(data []byte) error {
	var whole struct {
		Metadata metav1.ObjectMeta `json:"metadata"`
		Spec     struct {
			Taints []corev1.Taint `json:"taints"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(data, &whole); err != nil {
		return err
	}
	n.ObjectMeta, n.taints = lean(whole.Metadata), exact(whole.Spec.Taints)
	return nil
}

// Observed is the node as a decision sees it, with the labels of these keys. It is closed to pods with these tolerations where
// the controller of their DaemonSet makes none there: it does not count such a node, though pods may stay on it.
func (n Node) Observed(tolerations []corev1.Toleration, keys []string) ondelete.Node {
	out := ondelete.Node{Name: n.Name}
	for _, key := range keys {
		if value, ok := n.Labels[key]; ok {
			if out.Labels == nil {
				out.Labels = map[string]string{}
			}
			out.Labels[key] = value
		}
	}
	keepsAway := func(t *corev1.Taint) bool { return t.Effect != corev1.TaintEffectPreferNoSchedule }
	_, out.Closed = taints.FindMatchingUntoleratedTaint(klog.Logger{}, n.taints, tolerations, keepsAway, false)
	return out
}

// DaemonTolerations are what pods of a DaemonSet's template tolerate: the template's own, and those that the controller gives to
// each of its pods.
func DaemonTolerations(template map[string]any) []corev1.Toleration {
	var typed corev1.PodTemplateSpec
	if data, err := json.Marshal(template); err != nil || json.Unmarshal(data, &typed) != nil {
		return nil // a node counts as closed rather than as one that has no pod
	}
	given := map[string]corev1.TaintEffect{
		corev1.TaintNodeNotReady: corev1.TaintEffectNoExecute, corev1.TaintNodeUnreachable: corev1.TaintEffectNoExecute,
		corev1.TaintNodeDiskPressure: corev1.TaintEffectNoSchedule, corev1.TaintNodeMemoryPressure: corev1.TaintEffectNoSchedule,
		corev1.TaintNodePIDPressure: corev1.TaintEffectNoSchedule, corev1.TaintNodeUnschedulable: corev1.TaintEffectNoSchedule,
	}
	if typed.Spec.HostNetwork {
		given[corev1.TaintNodeNetworkUnavailable] = corev1.TaintEffectNoSchedule
	}
	all := typed.Spec.Tolerations
	for key, effect := range given {
		all = append(all, corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists, Effect: effect})
	}
	return all
}
