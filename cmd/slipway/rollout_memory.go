// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"runtime/debug"
)

// saveMemory lets the garbage collector run sooner than usual, unless GOGC says when. A release waits for the cluster
// nearly all of its time, and what it runs in has little memory.
func saveMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}
