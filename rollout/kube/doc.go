// SPDX-License-Identifier: Apache-2.0

// Package kube is what packages about releases share of a cluster: a client, a cache, and the objects of a release.
//
// Client speaks with the API server; its errors say whether to look again (Conflict) or to give up (Refused). Cache lists
// the objects of a kind and watches from there. What it keeps of an object is a few fields, so memory grows with the number
// of pods and not with what is written on them; answers to own writes go into it too, and an older event never replaces a
// newer state.
//
// Workload is a target as it is in the cluster, History its ControllerRevisions, Pod what is kept of a pod, Record the
// ConfigMap with a release's progress, Lock the Lease that one agent at a time holds. Target names a workload, whether it
// is there or not, and names.go what belongs to its release.
//
// The formats of pods, claims, ControllerRevisions and status are those of the Kruise controller, which can take over
// at any time. This package decides nothing and runs nothing.
package kube
