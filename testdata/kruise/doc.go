// SPDX-License-Identifier: Apache-2.0

// Package kruise pins the controller of OpenKruise, which the tests of rollout/kube run to see that slipway and Kruise can
// take a CloneSet over from each other. It is a module of its own so that the controller's dependencies stay out of
// slipway's. Nothing but `make kruise` builds it, which takes some minutes the first time.
package kruise
