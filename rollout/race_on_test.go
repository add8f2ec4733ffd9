// SPDX-License-Identifier: Apache-2.0

//go:build race

package rollout

// raceDetector makes the enumeration smaller: it has no shared memory to speak of, and is ten times slower with it.
const raceDetector = true
