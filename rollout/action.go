// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"

	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/surge"
)

// ActionKind says what an action writes.
type ActionKind string

// The actions: each is one write, so a release can be stopped between any two of them.
const (
	// CreatePod creates a pod of Revision with the instance id Instance and the lifecycle state Lifecycle, marked where Guest.
	CreatePod ActionKind = "CreatePod"
	// DeletePod deletes Pod.
	DeletePod ActionKind = "DeletePod"
	// DrainPod sets the gate InPlaceUpdateReady of Pod to False, so that it leaves its endpoints.
	DrainPod ActionKind = "DrainPod"
	// HoldPod marks Pod, which stays in its endpoints, as one whose cpu and memory are about to change.
	HoldPod ActionKind = "HoldPod"
	// UpdatePodInPlace writes images, resources and metadata of Revision into Pod, with lifecycle state Lifecycle if set.
	UpdatePodInPlace ActionKind = "UpdatePodInPlace"
	// ReadmitPod sets the gate InPlaceUpdateReady of Pod to True. A held pod gets the resources of its revision and loses the mark.
	ReadmitPod ActionKind = "ReadmitPod"
	// SetLifecycle writes the lifecycle state of Pod, and its readiness where NotReady.
	SetLifecycle ActionKind = "SetLifecycle"
	// KeepGuest takes the mark of a guest off Pod, which stays for good.
	KeepGuest ActionKind = "KeepGuest"
	// SetPartition writes the CloneSet's partition (partition mode).
	SetPartition ActionKind = "SetPartition"
	// SetFields writes Fields into a Deployment.
	SetFields ActionKind = "SetFields"
	// GiveUpFields takes slipway off the owners of a Deployment's fields.
	GiveUpFields ActionKind = "GiveUpFields"
	// RestoreTemplate writes the template of Revision into the target, and with it Fields where there are any (partition mode,
	// rollback).
	RestoreTemplate ActionKind = "RestoreTemplate"
	// RecordProgress stores Progress.
	RecordProgress ActionKind = "RecordProgress"
)

// PodRef names the pod that a write was decided on. UID and ResourceVersion are preconditions of the write.
type PodRef struct {
	Name            string `json:"name,omitempty"`
	UID             string `json:"uid,omitempty"`
	ResourceVersion string `json:"resourceVersion,omitempty"`
}

// Action is one write, as data. Which fields are set depends on Kind. The writes of one decision are safe in any
// order and in any subset: none relies on another one having happened.
type Action struct {
	Kind            ActionKind     `json:"kind,omitempty"`
	Pod             PodRef         `json:"pod,omitzero"`
	Revision        string         `json:"revision,omitempty"`
	Instance        string         `json:"instance,omitempty"`
	Lifecycle       LifecycleState `json:"lifecycle,omitempty"`
	NotReady        bool           `json:"notReady,omitempty"`
	Guest           bool           `json:"guest,omitempty"` // the pod that is created or deleted is a guest
	Partition       plan.Quantity  `json:"partition,omitzero"`
	Fields          *surge.Fields  `json:"fields,omitempty"`          // of a Deployment
	ResourceVersion string         `json:"resourceVersion,omitempty"` // the CloneSet's: a precondition
	Progress        *Progress      `json:"progress,omitempty"`
	Reason          string         `json:"reason,omitempty"` // why, in a few words
}

// waitsForRoom tells whether the write may have to wait: for room in a quota, or for what a disruption budget lets go.
func (a Action) waitsForRoom() bool {
	return a.Kind == CreatePod || a.Kind == UpdatePodInPlace || a.Kind == DeletePod
}

// String is the action in words: "delete pod demo-x7k2p: old, surge is ready".
func (a Action) String() string {
	var what string
	switch a.Kind {
	case CreatePod:
		what = fmt.Sprintf("create pod %s of %s", a.Pod.Name, a.Revision)
	case DeletePod:
		what = "delete pod " + a.Pod.Name
	case DrainPod:
		what = "drain pod " + a.Pod.Name
	case HoldPod:
		what = "hold pod " + a.Pod.Name
	case UpdatePodInPlace:
		what = fmt.Sprintf("update pod %s in place to %s", a.Pod.Name, a.Revision)
	case ReadmitPod:
		what = "readmit pod " + a.Pod.Name
	case SetLifecycle:
		what = fmt.Sprintf("set lifecycle of pod %s to %s", a.Pod.Name, a.Lifecycle)
	case KeepGuest:
		what = fmt.Sprintf("keep guest %s", a.Pod.Name)
	case SetPartition:
		what = fmt.Sprintf("set partition to %s", a.Partition)
	case SetFields:
		what = "set " + a.Fields.String()
	case GiveUpFields:
		what = "give its fields up"
	case RestoreTemplate:
		what = "restore template " + a.Revision
	case RecordProgress:
		what = "record progress"
	default:
		what = string(a.Kind)
	}
	if a.Reason == "" {
		return what
	}
	return what + ": " + a.Reason
}

func (p *Pod) ref() PodRef {
	return PodRef{Name: p.Name, UID: p.UID, ResourceVersion: p.ResourceVersion}
}
