// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/rollout"
)

// NotReady are pods of a target that are not ready, for those who do not follow its pods.
type NotReady struct {
	Pods []rollout.Pod // by name
	Next time.Time     // when to list them again at the earliest, by the caller's clock
}

// A list costs the server as much as it has pods, so large ones are made more rarely.
const (
	listInterval = 5 * time.Second
	listPerPod   = 5 * time.Millisecond
)

// ListNotReady lists the pods that a selector of a target selects, one after the other, and keeps those that are of the target,
// not ready, and of a revision; "" is any.
func (t Target) ListNotReady(ctx context.Context, c Client, set Workload, revision string, now time.Time) (NotReady, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var out NotReady
	body, err := c.stream(ctx, Pods(t.Namespace).Path, url.Values{"labelSelector": {SelectorQuery(Field(set.Tree, "spec", "selector"))}})
	if err != nil {
		return out, Explain(fmt.Sprintf("listing Pod objects in namespace %s", t.Namespace), err)
	}
	defer body.Close()
	n := 0
	_, err = decodeList(body, func(p Pod) {
		n++
		if p.waiting != nil && t.owns(p, set) && (revision == "" || HashOf(p.Labels[LabelRevision]) == HashOf(revision)) {
			out.Pods = append(out.Pods, p.Observed(func(string) (string, bool) { return revision, revision != "" }))
		}
	})
	if err != nil {
		return out, fmt.Errorf("reading the list of Pod objects: %w", err)
	}
	slices.SortFunc(out.Pods, func(a, b rollout.Pod) int { return strings.Compare(a.Name, b.Name) })
	out.Next = now.Add(max(listInterval, time.Duration(n)*listPerPod))
	return out, nil
}

// owns tells whether a pod is the target's, or that of a ReplicaSet of a Deployment's name.
func (t Target) owns(p Pod, set Workload) bool {
	if !t.Kind.BySurge {
		return ControlledBy(p.ObjectMeta, set.UID)
	}
	return slices.ContainsFunc(p.OwnerReferences, func(r metav1.OwnerReference) bool {
		return r.Kind == "ReplicaSet" && strings.HasPrefix(r.Name, t.Name+"-")
	})
}
