// SPDX-License-Identifier: Apache-2.0

// Package kustomize56 pins a kustomize between the oldest and the newest that the examples are run with.
package kustomize56
