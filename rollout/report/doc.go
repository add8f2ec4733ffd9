// SPDX-License-Identifier: Apache-2.0

// Package report shows a release to people: as a table, as JSON lines, as an audit log, and as one HTML file.
//
// The table and the JSON lines are made of rows. A [Row] is one state of the CloneSet, in the columns that kubectl shows, with
// what the release does in that state and why; [Recorder] makes rows from the decisions of rollout.Run and leaves out
// the ones that would repeat the row before. The same report serves the simulator and an agent.
//
// An [Audit] log holds every observation and decision, so that [Replay] can make the decisions again and [ReadHistory] can
// tell later what happened. A [History] is a release as it went; [HTML] makes a page of it, with a timeline and a lane for
// each pod. The page loads nothing from anywhere. Everything in it that comes from a log is escaped where it is written, by
// package markup.
//
// The package decides nothing and reads nothing but what it is given: neither a clock nor a file nor the network.
package report
