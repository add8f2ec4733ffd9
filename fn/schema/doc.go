// SPDX-License-Identifier: Apache-2.0

// Package schema holds a JSON Schema (2020-12) of each kind that people write for slipway: what an editor completes and
// underlines, and what kubeconform validates.
//
// The files beside it are written by its tests, from the Go types that read these kinds, their comments, and slipway's
// definitions of Kruise's kinds; go generate does it. So nothing of that is in the program but the text. A schema knows
// words, fields and types; what only a look at several fields tells, the parsers and lint say.
package schema
