// SPDX-License-Identifier: Apache-2.0

// Package helm3 pins Helm 3, in a module of its own because the clients' dependencies do not fit together.
package helm3
