// SPDX-License-Identifier: Apache-2.0

package kube

// FieldManager names this agent in managedFields.
const FieldManager = "slipway"

// KruiseGroup is the API group of Kruise's workloads.
const KruiseGroup = "apps.kruise.io"
