// SPDX-License-Identifier: Apache-2.0

// Package report shows a release to people: as a table, as JSON lines, and as one HTML file with a timeline.
//
// All three are drawn from the same rows. A [Row] is one state of the CloneSet, in the columns that kubectl shows, with
// what the release does in that state and why; [Recorder] makes rows from the decisions of rollout.Run and leaves out
// the ones that would repeat the row before. The same report serves the simulator and an agent.
//
// The package decides nothing and reads nothing: neither a clock nor a file nor the network. The HTML file loads
// nothing from anywhere.
package report
