// SPDX-License-Identifier: Apache-2.0

// Package tables writes what people ask of one release on a terminal: what it will do, and how it stands. It decides nothing and
// reads nothing but what it is given.
package tables
