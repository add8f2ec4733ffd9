// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// StatusWriter names who else than this agent has written the generation that the status is of, and tells whether this
// agent is among the writers.
func StatusWriter(managed []metav1.ManagedFieldsEntry) (other string, own bool) {
	for _, f := range managed {
		if f.Subresource != "status" || Field(FieldsOf(f), "f:status", "f:observedGeneration") == nil {
			continue
		}
		if f.Manager == FieldManager {
			own = true
		} else {
			other = f.Manager
		}
	}
	return other, own
}

// managers are who has written anything but the status, in order.
func managers(managed []metav1.ManagedFieldsEntry) []string {
	var names []string
	for _, f := range managed {
		if f.Subresource == "" {
			names = append(names, f.Manager)
		}
	}
	return names
}

// StatusAt is when the status became what it is; zero: nobody knows.
func StatusAt(managed []metav1.ManagedFieldsEntry) time.Time {
	var at time.Time
	for _, f := range managed {
		if f.Subresource == "status" && f.Time != nil && f.Time.After(at) {
			at = f.Time.UTC()
		}
	}
	return at
}

// FieldWriter names who else than slipway owns a field, how it was written and when; "": nobody.
func FieldWriter(managed []metav1.ManagedFieldsEntry, path ...string) string {
	keys := make([]string, len(path))
	for i, name := range path {
		keys[i] = "f:" + name
	}
	for _, f := range managed {
		if f.Manager != FieldManager && f.Subresource == "" && Field(FieldsOf(f), keys...) != nil {
			return fmt.Sprintf("%s (%s, last at %s)", f.Manager, f.Operation,
				ptr.Deref(f.Time, metav1.Time{}).UTC().Format(time.RFC3339))
		}
	}
	return ""
}

// partitionWriter names who else than slipway owns the partition of a target, of whichever kind it is.
func partitionWriter(managed []metav1.ManagedFieldsEntry) string {
	for _, k := range plan.Kinds() {
		if by := FieldWriter(managed, slices.Concat([]string{"spec"}, k.Strategy, []string{"partition"})...); by != "" {
			return by
		}
	}
	return ""
}

// FieldsOf is the tree of the fields that an entry names.
func FieldsOf(f metav1.ManagedFieldsEntry) map[string]any {
	var tree map[string]any
	if f.FieldsV1 == nil || json.Unmarshal(f.FieldsV1.GetRawBytes(), &tree) != nil {
		return nil
	}
	return tree
}
