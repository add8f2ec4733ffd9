// SPDX-License-Identifier: Apache-2.0

// Package yamltext reads YAML streams and documents so that every byte keeps its place. It knows nothing of Kubernetes.
//
// A [Splitter] cuts a stream into documents whose bytes add up to the stream. [Parse] reads one of them into the nodes of
// the YAML library, and refuses what YAML permits and nobody means: keys that stand twice, aliases that expand without
// bound. A [Scanner] does the same for the simple documents that tools write, in a fraction of the time, and hands every
// other one to Parse.
//
// What changes a text stands in package splice. The two share what char.go says of characters, and errors.
package yamltext
