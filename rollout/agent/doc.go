// SPDX-License-Identifier: Apache-2.0

// Package agent carries out releases in a Kubernetes cluster: it is the rollout.Cluster and rollout.Clock of a run.
//
// Run takes the lock of a target and watches what a decision reads: the target, its pods, its volume claims and the
// progress record of the release. Observe puts that together, Apply makes the writes, Wait blocks until something changed.
//
// What Apply has written is in the very next Observe: answers to writes go into the caches as watch events do. A write
// whose answer is lost makes the next Observe list anew. Every write on a pod carries the UID and the resourceVersion that
// it was decided on, and new pods have names that follow from the release, so no write can happen twice or hit another
// pod. The lock is read before each round of writes, and again between two of them where it may have run out meanwhile: an agent
// that lost it writes no more. A round is given up once the target, its record or a pod that it counts on is not as it was.
//
// In partition mode, where a controller replaces the pods, the status takes the place of the pods, and the writes are the
// partition, applied on its own, and in a rollback the template. Which fields those are is a row of plan.Kinds.
//
// This package decides nothing; that is package rollout. How a request is made and an object looks is package kube.
package agent
