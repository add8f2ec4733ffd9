// SPDX-License-Identifier: Apache-2.0

// Package request works out what comes of the requests that people make of a release: approve, promote, pause, resume, abort and
// undo. [Apply] takes the plan, the progress and one request, and returns the progress with it, or why it makes no sense now.
//
// It reads and stores nothing. Package steer stores what a person asks; package trust applies the requests that it finds stored;
// and a decision reads them in the progress, where package rollout has their types.
package request
