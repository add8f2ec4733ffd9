// SPDX-License-Identifier: Apache-2.0

// Package helm4 pins Helm 4, in a module of its own because the clients' dependencies do not fit together.
package helm4
