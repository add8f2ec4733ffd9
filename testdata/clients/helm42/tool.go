// SPDX-License-Identifier: Apache-2.0

// Package helm42 pins the oldest Helm 4 that the plugin is run with. Its dependencies are those of package helm4, so that only
// Helm itself is built twice.
package helm42
