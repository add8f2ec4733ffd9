// SPDX-License-Identifier: Apache-2.0

// Package flux pins Flux's command, in a module of its own because the clients' dependencies do not fit together.
package flux
