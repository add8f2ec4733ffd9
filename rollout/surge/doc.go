// SPDX-License-Identifier: Apache-2.0

// Package surge decides how a Deployment, which has no partition, is released in batches of any size by fields that it has.
//
// The deployment controller goes on with a rolling update as new pods become available. With a minReadySeconds of 68 years
// they never do, to that controller, so it makes exactly maxSurge + maxUnavailable new pods and stops. Old ReplicaSets keep
// their own minReadySeconds, so old pods stay available. A release writes maxSurge and maxUnavailable for each step, and
// leaves ReplicaSets and pods to the controller; an agent that dies leaves a release that stands still.
//
// Words: R, S and U are the replicas and the user's own maxSurge and maxUnavailable in pods. O and N are how many pods the old
// ReplicaSets and the one of the present template are to have, by their specs. s and u are maxSurge and maxUnavailable as they
// are written for one step. A Deployment is *held* while it has the 68 years, *open* while it is held and not paused. It is
// open only while a step is carried out: between steps, at every rest and after a stop it is paused, so that whatever
// somebody else writes moves no pod.
//
// It is pure, and knows no Kubernetes client: an Observation goes in, a Move comes out. Next holds one Deployment and steps it;
// what begins and ends a release is package rollout's. DESIGN.md beside it has the rule, and what breaks simpler ones.
package surge
