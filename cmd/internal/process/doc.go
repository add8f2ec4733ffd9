// SPDX-License-Identifier: Apache-2.0

// Package process is what a run of slipway has around it, whatever the command: its standard input, the terminal that it
// may be on, the version that it was built as, and the address at which it is asked for metrics. It knows no manifest and no
// release.
package process
