// SPDX-License-Identifier: Apache-2.0

// Package rollout decides the release of a CloneSet, or of another target that has a partition: which pods are created,
// updated in place and deleted, in which batch, and when to wait, stop or go back.
//
// # One pure decision
//
// [Decide] takes a [Plan] and one look at the cluster, [Observed], and returns a [Decision]: a verdict, a reason with a
// counted message, and [Action] values, each of them one write. It reads no clock, network or random source and keeps
// nothing between two calls, so equal looks give equal answers. A release that is killed after any write goes on with
// the next look, and a simulation shows what will happen because it asks the same function.
//
// [Run] is the only loop: observe, decide, apply, and again. A [Cluster] is where that happens: package sim has one in
// memory. The only memory is [Progress], which the cluster keeps.
//
// # Two modes
//
// In direct mode no controller reconciles the CloneSet, and the actions are writes on pods. In partition mode a
// controller does, and the actions step its partition down, batch by batch. Plan, batches, pauses, checks, deadlines
// and rollback are the same. [Kinds] are the targets: CloneSets in both modes, StatefulSets and Kruise's DaemonSets in
// partition mode. What a decision reads of them is a [CloneSet] in every case.
//
// # What it guarantees
//
// R are the replicas, P the partition, S maxSurge and U maxUnavailable, in pods. After every single write there are at
// most R+S pods; and as long as no pod crashes by itself, at least R-U are available and at least P are old. Where a
// crash breaks a bound, no write makes it worse. The writes of one decision keep these promises in any order and in any
// subset. DESIGN.md beside this file has the rule, its reasons and the state diagram; the tests visit every world with
// up to six replicas.
//
// A bound that cannot be read, or under which no pod could ever move, ends the release with [Invalid]. It never means
// "no limit".
//
// # Input
//
// [ParsePlan], [ParseCloneSet] and [ParseTarget] read YAML strictly: an unknown field is an error with a suggestion, and every error
// names file, line and field.
//
// # Non-goals
//
// The package does not talk to a cluster, ask a check, route traffic, or decide what is released: the template of the
// CloneSet is. It does not undo a change in Git; after a rollback the exit code says that Git has to follow.
package rollout
