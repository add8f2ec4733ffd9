// SPDX-License-Identifier: Apache-2.0

// Package clients drives slipway through the real clients that call it.
//
// It is a module of its own so that the clients' dependencies stay out of slipway's. The tool directives in go.mod pin the
// clients, and the go command builds them into its build cache: about half a minute the first time, at once after that.
// Nothing here knows slipway's packages: the tests build its binary and look at what the client makes of it.
package clients
