// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube/listing"
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
	named := func(string) (string, bool) { return revision, revision != "" }
	out, n, err := t.listPods(ctx, c, set, named, func(p Pod) bool {
		return p.seen.Waiting != nil && (revision == "" || HashOf(p.Labels[LabelRevision]) == HashOf(revision))
	})
	out.Next = now.Add(max(listInterval, time.Duration(n)*listPerPod))
	return out, err
}

// ListPods lists every pod of a target, for a person to see; nameOf is the name of a revision of which a pod may have the hash
// alone.
func (t Target) ListPods(ctx context.Context, c Client, set Workload, nameOf func(string) (string, bool),
	now time.Time,
) (NotReady, error) {
	out, n, err := t.listPods(ctx, c, set, nameOf, func(Pod) bool { return true })
	out.Next = now.Add(time.Duration(n) * listPerPod)
	return out, err
}

// listPods lists the pods of a target that are to be kept. n is how many there are altogether.
func (t Target) listPods(ctx context.Context, c Client, set Workload, nameOf func(string) (string, bool),
	keep func(Pod) bool,
) (out NotReady, n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	body, err := c.stream(ctx, Pods(t.Namespace).Path, url.Values{
		"labelSelector": {SelectorQuery(Field(set.Tree, "spec", "selector"))},
	})
	if err != nil {
		return out, 0, Explain(fmt.Sprintf("listing Pod objects in namespace %s", t.Namespace), err)
	}
	defer body.Close()
	_, err = listing.Read(body, func(p Pod) {
		n++
		if t.owns(p, set) && keep(p) {
			seen := p.Observed(nameOf)
			if t.Kind.BySurge { // no label has the name of its ReplicaSet
				seen.Revision = cmp.Or(seen.Revision, p.OwnerReferences[0].Name)
			}
			out.Pods = append(out.Pods, seen)
		}
	})
	if err != nil {
		return out, n, fmt.Errorf("reading the list of Pod objects: %w", err)
	}
	slices.SortFunc(out.Pods, func(a, b rollout.Pod) int { return strings.Compare(a.Name, b.Name) })
	return out, n, nil
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
