// SPDX-License-Identifier: Apache-2.0

// Package inject is the meaning of a SidecarSet: what OpenKruise's webhook does to a pod at creation, worked out for
// the pod templates of manifests before they reach a cluster.
//
// The package is pure. Its inputs are yaml trees and options, its outputs an edited tree, findings, and the origin of
// every injected field. It reads no file, clock, environment or network, and it never changes a node that it was given:
// an edited tree shares what did not change with the tree it came from, and marks what is new by having no position.
// That lets package render turn tree edits into text edits.
//
// An [Injector] is made once of all SidecarSets ([New]) and used for every object: [Injector.Inject] puts sidecars in,
// [Injector.Eject] takes an earlier injection out, exactly. The order of steps follows the webhook: match, patch pod
// metadata, build containers set by set, then merge init containers, containers, volumes and pull secrets.
//
// Three answers are possible where a set meets a workload: it matches, it does not, or it cannot be decided without the
// cluster ([Undecided]). The last one fails by default and says what would decide it.
//
// Not here: text, files, KRM framing, and what Kruise's controller does to running pods.
package inject
