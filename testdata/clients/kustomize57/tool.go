// SPDX-License-Identifier: Apache-2.0

// Package kustomize57 pins a kustomize between the oldest and the newest that the examples are run with.
package kustomize57
