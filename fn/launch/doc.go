// SPDX-License-Identifier: Apache-2.0

// Package launch turns the BatchPlans of an input into what carries them out. It is the seam between fn and render,
// which hold the documents, and the code that knows what a release is, which is a [Maker] and comes from the command.
//
// A [Set] is filled in three steps: [Set.Read] gets every document that mentions a BatchPlan, [Set.Release] every target
// after injection, and [Set.Finish], when there is no more, has the releases made: a plan may have several targets. Then the Set says what becomes of each document:
// edits of a target ([Set.Edits]), a new text for an object that an earlier run generated ([Set.Replaces]), and objects
// that come after a target ([Set.Adds]).
//
// An object that was generated says so in the annotation [GeneratedBy], and that is how the next run finds it: it is
// replaced where it stands, so that a second run over the result of the first changes nothing.
//
// The package is pure like package inject, and knows neither files nor Jobs.
package launch
