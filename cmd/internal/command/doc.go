// SPDX-License-Identifier: Apache-2.0

// Package command is what all commands share: the streams of a run and what is said on them, exit codes, the formats of a
// report, the flags that reach a cluster, and completions.
package command
