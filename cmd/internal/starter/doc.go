// SPDX-License-Identifier: Apache-2.0

// Package starter writes a person's first files for slipway: a configuration, a SidecarSet and a BatchPlan for the workloads
// that it finds in a folder. They are a beginning to be edited, with comments that say what to change. It writes over nothing.
package starter
