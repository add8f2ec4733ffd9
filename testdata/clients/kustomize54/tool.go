// SPDX-License-Identifier: Apache-2.0

// Package kustomize54 pins the oldest kustomize that the examples are run with, in a module of its own because a tool has one
// version in a module.
package kustomize54
