// SPDX-License-Identifier: Apache-2.0

package process

import (
	"math"
	"os"
	"runtime/debug"
)

// What an agent's memory is to keep to: so much, and so much for each pod. It is a wish to the garbage collector, not a
// bound, and well above what is in use.
const (
	memoryBase = 20 << 20
	memoryPod  = 6 << 10
)

// What a release that is played in memory is to keep to: a third more than the pods take themselves. Whatever the garbage
// collector would let gather beyond is as much again for every pod.
const (
	playedBase = 40 << 20
	playedPod  = 430
)

// readerGC is how far the heap of a command that reads, writes and ends may grow before garbage is collected, in percent. What
// it works on stands in memory to the end, so that an early collection walks it all and finds little.
const readerGC = 200

// CollectRarely lets the garbage collector run later than usual, unless GOGC says when, until what it returns is called.
func CollectRarely() func() {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(readerGC)
	return func() { debug.SetGCPercent(before) }
}

// SaveMemory lets the garbage collector run sooner than usual, unless GOGC says when, and in bursts of writes before much
// has gathered, unless GOMEMLIMIT says how much may. A release waits for the cluster nearly all of its time, and what it
// runs in has little memory. releases is how many run side by side in this process; what is returned hears how many pods one
// has.
func SaveMemory(releases int) func(pods int) {
	collectSooner()
	most := -1
	return func(pods int) {
		if pods > most {
			most = pods
			raiseLimit(int64(max(releases, 1)) * (memoryBase + int64(most)*memoryPod))
		}
	}
}

// SaveMemoryPlaying is SaveMemory for a release that is played, with room for so many pods.
func SaveMemoryPlaying(pods int) {
	collectSooner()
	raiseLimit(playedBase + int64(pods)*playedPod)
}

func collectSooner() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}

// raiseLimit lets the garbage collector know how much memory is wanted, unless more is, or GOMEMLIMIT says it.
func raiseLimit(wanted int64) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	if now := debug.SetMemoryLimit(-1); now == math.MaxInt64 || now < wanted {
		debug.SetMemoryLimit(wanted)
	}
}
