// SPDX-License-Identifier: Apache-2.0

// Package render turns manifests into injected manifests without touching a byte that it does not have to.
//
// A [Run] reads streams (files, folders, standard input, what a kustomization builds), cuts each into documents, and
// asks package inject what to change in the tree of each. Package yamltext splices the change into the document's text and
// proves that the result means what it should. A document that nothing matched leaves as it came, byte for byte, and
// most of those are never parsed: a sound look at their bytes says that no selector can match and that they are
// well-formed.
//
// Documents are processed side by side and leave in order, through a [Sink] that shows nothing before the last one is
// known to be right. Memory grows with the largest document and a window, not with the input: what must be kept beyond
// the window goes to an unlinked temporary file.
//
// What a run did and found is its [Outcome]; package report writes it down for people and programs.
//
// The package does not decide what is injected (package inject does), knows nothing of Kubernetes clusters, and never
// re-encodes YAML.
package render
