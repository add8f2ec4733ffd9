// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// Target is an object whose pods are released, whether it is there or not.
type Target struct {
	Kind      plan.Kind
	Namespace string
	Name      string
}

// NewTarget names a target. Without a kind it is a CloneSet; without an API version it has the first that plan.Kinds has
// for its kind.
func NewTarget(version, kind, namespace, name string) (Target, error) {
	k, ok := plan.KindOf(version, cmp.Or(kind, "CloneSet"))
	if !ok {
		return Target{}, fmt.Errorf("%w: %s %s cannot be released", ErrInvalid, version, kind)
	}
	return Target{Kind: k, Namespace: namespace, Name: name}, nil
}

// String is the target in words.
func (t Target) String() string { return fmt.Sprintf("%s %s/%s", t.Kind.Name, t.Namespace, t.Name) }

// Resource is the kind of the target in its namespace.
func (t Target) Resource() Resource {
	return Resource{t.Kind.Name, "/apis/" + t.Kind.APIVersion + "/namespaces/" + t.Namespace + "/" + t.Kind.Resource}
}

// Path is where the target is.
func (t Target) Path(subresource ...string) string {
	return t.Resource().Object(t.Name, subresource...)
}

// RecordName is the name of the ConfigMap with the progress record of the target's release.
func (t Target) RecordName(mode plan.Mode) string { return plan.RecordName(t.Kind, t.Name, mode) }

// RecordNames are the names under which that ConfigMap may be.
func (t Target) RecordNames(mode plan.Mode) []string { return plan.RecordNames(t.Kind, t.Name, mode) }

// Owns tells whether a progress record is of this target, and not of another one that an older version gave the same name for.
func (t Target) Owns(m Record) bool {
	o := m.Owner()
	return o.Name == "" || o.Name == t.Name && o.Kind == t.Kind.Name &&
		plan.Kind{APIVersion: o.APIVersion}.Group() == t.Kind.Group()
}

// owner is a reference to the target from what goes with it but is none of its parts.
func (t Target) owner(uid types.UID) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: t.Kind.APIVersion, Kind: t.Kind.Name, Name: t.Name, UID: uid}
}

// Find reads the target, and says in plain words why that is not possible.
func (t Target) Find(ctx context.Context, c Client) (Workload, error) {
	var set Workload
	err := c.Get(ctx, t.Path(), &set)
	var api apierrors.APIStatus
	switch {
	case err == nil:
		return set.Of(t.Kind), nil
	case apierrors.IsNotFound(err) && errors.As(err, &api) && (api.Status().Details == nil || api.Status().Details.Name == ""):
		hint := "install their definition first"
		if t.Kind.Direct {
			hint = "slipway rollout crds --install defines them"
		}
		return set, fmt.Errorf("reading %s: the cluster has no %ss of %s: %s", t, t.Kind.Name, t.Kind.APIVersion, hint)
	case apierrors.IsNotFound(err):
		return set, fmt.Errorf("%s %w: apply it before its release", t, ErrAbsent)
	default:
		return set, Explain(fmt.Sprintf("reading %s", t), err)
	}
}

// PartitionPatch is the target with nothing but its partition, for server-side apply. Without a partition it gives the
// field up. resourceVersion "" is any.
func (t Target) PartitionPatch(resourceVersion string, partition *plan.Quantity) map[string]any {
	meta := map[string]any{"name": t.Name, "namespace": t.Namespace}
	if resourceVersion != "" {
		meta["resourceVersion"] = resourceVersion
	}
	patch := map[string]any{"apiVersion": t.Kind.APIVersion, "kind": t.Kind.Name, "metadata": meta}
	if partition == nil {
		return patch
	}
	strategy := Child(patch, append([]string{"spec"}, t.Kind.Strategy...)...)
	if strategy["partition"] = any(partition.String()); !partition.IsPercent() {
		strategy["partition"] = partition.Up(0)
	}
	return patch
}
