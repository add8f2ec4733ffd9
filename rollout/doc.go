// SPDX-License-Identifier: Apache-2.0

// Package rollout decides the release of a CloneSet, or of another target that can be stepped: which pods are created,
// updated in place and deleted, in which batch, and when to wait, stop or go back.
//
// # One pure decision
//
// [Decide] takes a plan and one observation of the cluster, [Observed], and returns a [Decision]: a verdict, a reason with a
// counted message, and [Action] values, each of them one write. It reads no clock, network or random source and keeps
// nothing between two calls, so equal observations give equal answers. A release that is killed after any write goes on with
// the next observation, and a simulation shows what will happen because it asks the same function.
//
// [Run] is the only loop: observe, decide, apply, and again. A [Cluster] is where that happens: package sim has one in
// memory, package agent a real one. The only memory is [Progress], which the cluster keeps.
//
// # Two modes
//
// In direct mode no controller reconciles the CloneSet, and the actions are writes on pods. In partition mode a
// controller does, and the actions step its partition down, batch by batch. Plan, batches, pauses, checks, deadlines
// and rollback are the same. CloneSets are released in both modes, StatefulSets and Kruise's DaemonSets in partition
// mode, and a Deployment, which has no partition, by its own fields as package surge works them out. Package plan has the
// kinds, and what a decision reads of any of them is a [plan.Workload].
//
// # What it guarantees
//
// R are the replicas, P the partition, S maxSurge and U maxUnavailable, in pods. After every single write there are at most R+S
// pods; and as long as no pod crashes by itself, at least R-U are available and at least P are old. Where a crash breaks a
// bound, no write makes it worse. The writes of one decision keep these promises in any order and in any subset. DESIGN.md
// beside this file has the rule, its reasons and the state diagram; the tests visit every world with up to six replicas.
//
// A bound that cannot be read, or under which no pod could ever move, ends the release with [plan.Invalid]. It never
// means "no limit".
//
// # The words
//
//   - A target is the workload whose pods a release leads from the stable revision of its template to the released one. Pods
//     of any other than the released one are old.
//   - A batch is a part of a release: how many pods are updated when it is ready, counted from the beginning of the release.
//     The partition is the same number from the other side: how many old pods stay.
//   - A gate is what a batch that is ready still waits for: its pause, its checks, an approval, the next batch's window.
//   - A rest is a batch after which the release stands still because it has a gate; batches without one follow at once.
//   - The budget is how far maxSurge and maxUnavailable let the pods be away from the replicas at any moment.
//   - A guest is a surge pod of a release in place: it serves while the others are updated where they are, and leaves again.
//   - An observation, [Observed], is one look at the cluster: all that a decision may know.
//   - The progress, [Progress], is what a release records of itself: the batch, since when, what people have asked, how it
//     ended.
//   - A decision, [Decision], is the answer to one observation, and each of its actions is one write.
//   - A step is the pod writes of one decision in direct mode, or one write that lets a controller replace
//     some more.
//
// # Non-goals
//
// The package does not talk to a cluster, ask a check, route traffic, or decide what is released: the template of the
// target is. It does not undo a change in Git; after a rollback the exit code says that Git has to follow. It parses
// nothing: package plan reads what people write.
package rollout
