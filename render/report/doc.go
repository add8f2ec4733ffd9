// SPDX-License-Identifier: Apache-2.0

// Package report writes what a run of package render did and found: for people, for programs, for code review tools and for
// GitLab. It decides nothing.
package report
