// SPDX-License-Identifier: Apache-2.0

// Package splice changes YAML documents without touching a byte that does not have to change.
//
// [Apply] turns an edit of the tree into an edit of the text. Edited trees share what did not change with the tree they
// came from, a node on the way to a change is a copy that keeps its line and column, and a new node has neither. New text
// is written in the layout of its surroundings: their indentation, their line ends, their flow or block style. A deletion
// is the exact inverse of an insertion.
//
// Every result of a splice is read again and compared with the edited tree: each new shape of text by the library, once in
// every run, texts of a shape that is proven by the quick reader (see DESIGN.md). What would not mean what it should is an
// error and no bytes; a layout that is not understood is one too.
package splice
