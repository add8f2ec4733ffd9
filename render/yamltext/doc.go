// SPDX-License-Identifier: Apache-2.0

// Package yamltext changes YAML documents without touching a byte that does not have to change. It knows nothing of
// Kubernetes.
//
// A [Splitter] cuts a stream into documents whose bytes add up to the stream. [Parse] reads one of them into the nodes of
// the YAML library, and refuses what YAML permits and nobody means: keys that stand twice, aliases that expand without
// bound. A [Scanner] does the same for the simple documents that tools write, in a fraction of the time, and hands every
// other one to Parse.
//
// [Splice] turns an edit of the tree into an edit of the text. Edited trees share what did not change with the tree they
// came from, a node on the way to a change is a copy that keeps its line and column, and a new node has neither. New text
// is written in the layout of its surroundings: their indentation, their line ends, their flow or block style. A deletion
// is the exact inverse of an insertion.
//
// Every result of a splice is parsed again and compared with the edited tree. What would not mean what it should is an
// error and no bytes; a layout that is not understood is one too.
package yamltext
