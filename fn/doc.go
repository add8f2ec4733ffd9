// SPDX-License-Identifier: Apache-2.0

// Package fn is the KRM function: a ResourceList in, sidecars injected into its items, a ResourceList out.
//
// [Run] is what kustomize, kpt and other orchestrators start. It keeps every item and every annotation that the
// orchestrator put on it, changes either all items or none, and tells what it found in the list's results. The
// functionConfig, read by [ParseConfig], is a SidecarInjector, a SidecarSet, or a ConfigMap.
//
// Package fn holds no rule of injection; those are in package inject. It does no I/O but on the streams that it is
// given, and it does not keep bytes: an orchestrator writes what it gets back in a style of its own.
package fn
