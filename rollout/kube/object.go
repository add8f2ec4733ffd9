// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"encoding/json"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

// Labels, annotations and conditions as the Kruise controller writes them.
const (
	LabelRevision        = "controller-revision-hash"
	labelTemplateHash    = "pod-template-hash"
	LabelInstance        = "apps.kruise.io/cloneset-instance-id"
	labelLifecycle       = "lifecycle.apps.kruise.io/state"
	labelSpecifiedDelete = "apps.kruise.io/specified-delete"
	labelRevisionHash    = "controller.kubernetes.io/hash"

	labelGuest = "slipway.dev/guest" // ours: a surge pod of an in-place release

	annotationClaims = "slipway.dev/volume-claim-templates" // ours: what a revision's pods have claims of

	annotationHeld = "slipway.dev/resize" // ours: cpu and memory may be those of the revision that it names

	annotationLifecycleTime = "lifecycle.apps.kruise.io/timestamp"
	annotationUpdateState   = "apps.kruise.io/inplace-update-state"
	annotationClaimsHash    = "kruise.io/cloneset-volumeclaimtemplate-hash"

	gateInPlace = "InPlaceUpdateReady"
)

// ControlledBy tells whether the object with the given UID is the one that manages the object of these metadata.
func ControlledBy(m metav1.ObjectMeta, uid types.UID) bool {
	return slices.ContainsFunc(m.OwnerReferences, func(r metav1.OwnerReference) bool {
		return r.UID == uid && ptr.Deref(r.Controller, false)
	})
}

// Orphan tells whether nothing manages the object of these metadata.
func Orphan(m metav1.ObjectMeta) bool {
	return !slices.ContainsFunc(m.OwnerReferences, func(r metav1.OwnerReference) bool { return ptr.Deref(r.Controller, false) })
}

// Meta is an object of which only the metadata matters.
type Meta struct {
	metav1.ObjectMeta `json:"metadata"`
}

// Meta is the metadata, as a Cache asks for it.
func (n Meta) Meta() metav1.ObjectMeta { return n.ObjectMeta }

// Exactly are the options of a deletion that hits this state of this object and no other.
func Exactly(uid types.UID, resourceVersion string) metav1.DeleteOptions {
	return metav1.DeleteOptions{
		TypeMeta:      metav1.TypeMeta{APIVersion: "v1", Kind: "DeleteOptions"},
		Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &resourceVersion},
	}
}

// Condition is one of the status of a CloneSet, whose Go types are not in k8s.io/api, and what is kept of a pod's.
type Condition struct {
	Type               string     `json:"type"`
	Status             string     `json:"status"`
	Reason             string     `json:"reason,omitempty"`
	Message            string     `json:"message,omitempty"`
	LastTransitionTime *time.Time `json:"lastTransitionTime,omitempty"`
	LastUpdateTime     *time.Time `json:"lastUpdateTime,omitempty"`
}

// Stamp is a time as the API writes it: whole seconds, UTC.
func Stamp(t time.Time) *time.Time {
	t = t.UTC().Truncate(time.Second)
	return &t
}

// toMap is an object as a tree, for what is passed on field by field.
func toMap(data []byte) (map[string]any, error) {
	var m map[string]any
	return m, json.Unmarshal(data, &m)
}

// Field walks down a tree and returns nil where there is nothing.
func Field(tree any, path ...string) any {
	for _, name := range path {
		m, _ := tree.(map[string]any)
		tree = m[name]
	}
	return tree
}

// items is field for a list.
func items(tree any, path ...string) []any {
	l, _ := Field(tree, path...).([]any)
	return l
}

// Text is field for a string.
func Text(tree any, path ...string) string {
	s, _ := Field(tree, path...).(string)
	return s
}
