// SPDX-License-Identifier: Apache-2.0

package crd

// OriginOf tells whose definition it is.
func OriginOf(definition map[string]any) Origin { return originOf(definition) }
