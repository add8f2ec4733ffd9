// SPDX-License-Identifier: Apache-2.0

// Package ondelete decides how a DaemonSet or a StatefulSet with updateStrategy OnDelete is released in batches: which old pods
// are deleted now.
//
// With OnDelete a controller makes a pod that is gone anew, by the present template, and deletes none to update it. So whoever
// deletes pods decides how a release goes, and an agent that dies leaves one that stands still. It is no partition, though: a
// pod that a drain evicts comes back new, and so do those of new nodes and of higher ordinals. They are counted, and make the
// next batch smaller.
//
// Words: R and U are the pods wanted and how many of them may be unavailable. A pod is *new* when it is of the present template,
// *old* when it is of another, *missing* when it is gone or going: what is missing comes back new. A pod is *lost* when it is on
// a node that its controller does not count: it would not come back if it were deleted, so it is neither new nor old, and R
// is without it.
//
// It is pure, and knows no Kubernetes client: an Observation goes in, and the pods to delete come out. What begins and ends a
// release is package rollout's.
package ondelete
