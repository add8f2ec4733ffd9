// SPDX-License-Identifier: Apache-2.0

// Package kube carries out releases in a Kubernetes cluster: it is the rollout.Cluster and rollout.Clock of the agent.
//
// Open takes the lock of a CloneSet and watches what a decision reads: the CloneSet, its pods, its volume claims and
// the memory of the release. Observe puts that together, Apply makes the writes, Wait blocks until something changed.
//
// What is kept of an object is a few fields, so memory grows with the number of pods and not with what is written on
// them. What Apply has written is in the very next Observe: answers to writes go into the same store as watch events,
// and an older event never replaces a newer state. A write whose answer is lost makes the next Observe list anew.
//
// Every write on a pod carries the UID and the resourceVersion that it was decided on, and new pods have names that
// follow from the release, so no write can happen twice or hit another pod. The lock is looked at before each round of
// writes: an agent that lost it writes no more.
//
// Verify holds a release against the cluster before it begins and writes nothing. It reads what is around the target into
// a scene, and probes, one for each aspect, turn that into findings; a new probe goes beside its kin into verify_*.go, and
// its codes into VerifyCodes.
//
// In partition mode, where a controller replaces the pods, the status takes the place of the pods, and the writes are the
// partition, applied on its own, and in a rollback the template. Which fields those are is a row of rollout.Kinds. Arm
// sets the partition before a template changes.
//
// The formats of pods, claims, ControllerRevisions and status are those of the Kruise controller, which can take over
// at any time. This package does not decide anything; that is package rollout.
package kube
