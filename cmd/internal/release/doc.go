// SPDX-License-Identifier: Apache-2.0

// Package release is the command slipway rollout and what stands below it: flags to one call to an exit code. How a release
// goes on is decided in rollout, and its cluster is read and written in rollout/agent and rollout/steer.
package release
