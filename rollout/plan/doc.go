// SPDX-License-Identifier: Apache-2.0

// Package plan is what people write of a release, and what is known of its target: the BatchPlan and its parts, the Workload
// that is released, the kinds of workloads, quantities, windows, checks, and the reasons that a decision can have.
//
// Parsing is strict: an unknown field or a value that cannot be read is a manifest.Finding, with its line and what to do. A
// bound that is missing or cannot be read never means "no limit". The package decides nothing, reads no file and no clock, and
// knows no cluster; names.go has the names that a release's objects have in one.
package plan
