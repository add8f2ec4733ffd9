// SPDX-License-Identifier: Apache-2.0

// Package steer is what people ask of a release from outside and what they see of it: approve, pause, abort, undo, status,
// and change a target before its template changes.
//
// It holds no lock while somebody looks or asks, and touches no pod. A request goes into the progress record, the ConfigMap
// that the agent reads and writes, fenced by what the person has read: nobody's write is lost. Arm alone takes the lock,
// because it writes the target.
package steer
