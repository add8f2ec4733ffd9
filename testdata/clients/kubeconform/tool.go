// SPDX-License-Identifier: Apache-2.0

// Package kubeconform pins the validator of schemas that the documentation names, in a module of its own because what it is
// built from differs from what the other clients are.
package kubeconform
