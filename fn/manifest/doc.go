// SPDX-License-Identifier: Apache-2.0

// Package manifest is what the rest of slipway knows of Kubernetes manifests in general: it is the leaf that injection,
// rendering and releases all read.
//
//   - node.go looks into YAML nodes, through aliases and merge keys, and makes edited copies of them.
//   - tree.go looks into objects that are decoded to maps and lists.
//   - decode.go reads nodes into structs, strictly.
//   - kind.go is the table of workloads.
//   - change.go says what a change of a pod template does to a pod.
//   - finding.go is how a mistake in a manifest is told; ref.go names the object, nearest.go guesses the word that was meant.
//
// The package is pure. It knows nothing of SidecarSets, batches or clusters.
package manifest
