// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"encoding/json"
	"slices"
	"time"
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

	annotationLifecycleTime = "lifecycle.apps.kruise.io/timestamp"
	annotationUpdateState   = "apps.kruise.io/inplace-update-state"
	annotationClaimsHash    = "kruise.io/cloneset-volumeclaimtemplate-hash"
	annotationDeletionCost  = "controller.kubernetes.io/pod-deletion-cost"

	gateInPlace = "InPlaceUpdateReady"
)

// Metadata is what is read and written of an object's metadata.
type Metadata struct {
	Name              string            `json:"name,omitempty"`
	Namespace         string            `json:"namespace,omitempty"`
	GenerateName      string            `json:"generateName,omitempty"`
	UID               string            `json:"uid,omitempty"`
	ResourceVersion   string            `json:"resourceVersion,omitempty"`
	Generation        int64             `json:"generation,omitempty"`
	CreationTimestamp *time.Time        `json:"creationTimestamp,omitempty"`
	DeletionTimestamp *time.Time        `json:"deletionTimestamp,omitempty"`
	Labels            map[string]string `json:"labels,omitempty"`
	Annotations       map[string]string `json:"annotations,omitempty"`
	OwnerReferences   []OwnerReference  `json:"ownerReferences,omitempty"`
	Finalizers        []string          `json:"finalizers,omitempty"`
}

// OwnerReference names the object that another one belongs to.
type OwnerReference struct {
	APIVersion         string `json:"apiVersion"`
	Kind               string `json:"kind"`
	Name               string `json:"name"`
	UID                string `json:"uid"`
	Controller         *bool  `json:"controller,omitempty"`
	BlockOwnerDeletion *bool  `json:"blockOwnerDeletion,omitempty"`
}

// ControlledBy tells whether the object with the given UID is the one that manages this one.
func (m Metadata) ControlledBy(uid string) bool {
	for _, r := range m.OwnerReferences {
		if r.UID == uid && r.Controller != nil && *r.Controller {
			return true
		}
	}
	return false
}

// Orphan tells whether nothing manages the object.
func (m Metadata) Orphan() bool {
	return !slices.ContainsFunc(m.OwnerReferences, func(r OwnerReference) bool { return r.Controller != nil && *r.Controller })
}

// Meta is an object of which only the metadata matters.
type Meta struct {
	Metadata Metadata `json:"metadata"`
}

// Meta is the metadata, as a Cache asks for it.
func (n Meta) Meta() Metadata { return n.Metadata }

// Condition is one of an object's status.
type Condition struct {
	Type               string     `json:"type"`
	Status             string     `json:"status"`
	Reason             string     `json:"reason,omitempty"`
	Message            string     `json:"message,omitempty"`
	LastTransitionTime *time.Time `json:"lastTransitionTime,omitempty"`
	LastUpdateTime     *time.Time `json:"lastUpdateTime,omitempty"`
}

// deleteOptions make a deletion hit exactly the object that it was decided on.
type deleteOptions struct {
	APIVersion    string         `json:"apiVersion"`
	Kind          string         `json:"kind"`
	Preconditions *preconditions `json:"preconditions,omitempty"`
}

type preconditions struct {
	UID             string `json:"uid,omitempty"`
	ResourceVersion string `json:"resourceVersion,omitempty"`
}

// Exactly are the options of a deletion that hits this state of this object and no other.
func Exactly(uid, resourceVersion string) deleteOptions {
	return deleteOptions{APIVersion: "v1", Kind: "DeleteOptions", Preconditions: &preconditions{uid, resourceVersion}}
}

// Stamp is a time as the API writes it: whole seconds, UTC.
func Stamp(t time.Time) *time.Time {
	t = t.UTC().Truncate(time.Second)
	return &t
}

// ToMap is an object as a tree, for what is passed on field by field.
func ToMap(data []byte) (map[string]any, error) {
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

// clone copies a tree, so that it can be changed.
func clone(tree any) any {
	switch x := tree.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, v := range x {
			out[k] = clone(v)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, v := range x {
			out[i] = clone(v)
		}
		return out
	default:
		return x
	}
}

func yes() *bool {
	b := true
	return &b
}
