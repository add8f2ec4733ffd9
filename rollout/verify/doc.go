// SPDX-License-Identifier: Apache-2.0

// Package verify holds a release against a cluster before it begins, and writes nothing.
//
// Verify reads what is around the target into a snapshot. Probes, one for each aspect, turn that into findings: each says
// what it would do to the release, and what to change. A new probe goes into the file of its aspect, and its codes into
// Codes. Nothing is tried out: what quotas, budgets, LimitRanges and schedulers would say is computed, and tests hold that
// against what a real API server answers.
//
// A snapshot has four parts, and each knows only those before it: the request (what is asked, and the names that follow from
// the target's kind), the release (the target as the release will find it), the course (which pods it replaces and adds, and
// how), and the cluster around it (budgets, quotas, nodes, rights, and what the template names).
package verify
