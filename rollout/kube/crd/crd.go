// SPDX-License-Identifier: Apache-2.0

// Package crd holds slipway's own definitions of CloneSet and SidecarSet, for clusters in which Kruise is not installed.
//
// Both serve v1alpha1 alone. v1beta1 has some fields in other places, so serving both takes a conversion webhook, and slipway
// runs nothing between releases.
//
// The package is data and one question about it: whose definition does a cluster have? It talks to no cluster.
package crd

import (
	_ "embed" // the manifests
	"strings"
)

//go:embed clonesets.yaml
var cloneSets string

//go:embed sidecarsets.yaml
var sidecarSets string

// The names of the definitions.
const (
	CloneSetName   = "clonesets.apps.kruise.io"
	SidecarSetName = "sidecarsets.apps.kruise.io"
)

// What makes a definition slipway's: the label for people, and words in the schema of each version. Whoever applies another
// definition over ours replaces the versions as a whole, while the label may stay.
const (
	managedByLabel = "app.kubernetes.io/managed-by"
	managedBy      = "slipway"
	mark           = "Defined by slipway:"
)

// CloneSet returns the manifest of the CloneSet definition.
func CloneSet() []byte { return []byte(cloneSets) }

// SidecarSet returns the manifest of the SidecarSet definition.
func SidecarSet() []byte { return []byte(sidecarSets) }

// Origin says whose definition a cluster has.
type Origin string

// The origins of a definition.
const (
	Absent Origin = "absent" // there is none: ours may be installed
	Ours   Origin = "ours"   // ours, of this or another version of slipway: it may be replaced
	Kruise Origin = "kruise" // Kruise's or anybody else's: hands off
)

// originOf tells whose definition it is from the live CustomResourceDefinition, nil or empty where there is none. Whatever is
// not surely ours is Kruise's.
func originOf(definition map[string]any) Origin {
	if len(definition) == 0 {
		return Absent
	}
	labels, _ := at(definition, "metadata", "labels").(map[string]any)
	versions, _ := at(definition, "spec", "versions").([]any)
	if labels[managedByLabel] != managedBy || len(versions) == 0 {
		return Kruise
	}
	for _, version := range versions {
		text, _ := at(version, "schema", "openAPIV3Schema", "description").(string)
		if !strings.Contains(text, mark) {
			return Kruise
		}
	}
	return Ours
}

func at(object any, path ...string) any {
	for _, field := range path {
		m, _ := object.(map[string]any)
		object = m[field]
	}
	return object
}
