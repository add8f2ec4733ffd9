// SPDX-License-Identifier: Apache-2.0

// Package sim is a cluster in memory with a virtual clock: the place where a release is played before it happens, and
// where it is tested.
//
// New makes a [Cluster] from a CloneSet. It implements rollout.Cluster and rollout.Clock, so rollout.Run carries out
// the same release on it that an agent carries out on a real API server. [Play] does that and restarts the agent
// whenever a fault kills it. Readiness times, crashes, evictions, pods that never stop terminating, lost and repeated
// writes, stale reads, and a slow or idle controller are options; every choice follows from a seed, so the same options
// play the same release.
//
// [Kruise] is the counting algorithm of CloneSet's own controller, written from its formulas. It is the controller in
// partition mode, and what direct mode is compared with.
//
// It is not a model of a kubelet or a scheduler: a pod is created, becomes ready after a while, may crash, and is gone
// after its deletion. Times are whole seconds, as Kubernetes records them.
package sim
