// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// Managed is a CloneSet with who wrote which part of it.
type Managed struct {
	Metadata struct {
		Generation        int64       `json:"generation"`
		CreationTimestamp time.Time   `json:"creationTimestamp"`
		ManagedFields     []FieldsSet `json:"managedFields"`
	} `json:"metadata"`
	Status CloneSetStatus `json:"status"`
}

// FieldsSet is what one manager has written of an object.
type FieldsSet struct {
	Manager     string          `json:"manager"`
	Operation   string          `json:"operation"`
	Time        time.Time       `json:"time"`
	Subresource string          `json:"subresource"`
	FieldsV1    json.RawMessage `json:"fieldsV1"`
}

// StatusWriter names who else than this agent has written the generation that the status is of, and tells whether this
// agent is among the writers.
func (m Managed) StatusWriter() (other string, own bool) {
	for _, f := range m.Metadata.ManagedFields {
		tree, err := ToMap(f.FieldsV1)
		if f.Subresource != "status" || err != nil || Field(tree, "f:status", "f:observedGeneration") == nil {
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
func (m Managed) managers() []string {
	var names []string
	for _, f := range m.Metadata.ManagedFields {
		if f.Subresource == "" {
			names = append(names, f.Manager)
		}
	}
	return names
}

// statusAt is when the status became what it is; zero: nobody knows.
func (m Managed) statusAt() time.Time {
	var at time.Time
	for _, f := range m.Metadata.ManagedFields {
		if f.Subresource == "status" && f.Time.After(at) {
			at = f.Time.UTC()
		}
	}
	return at
}

// partitionWriter names who else than slipway owns the partition of a target, how it was written and when.
func (m Managed) partitionWriter() string {
	for _, f := range m.Metadata.ManagedFields {
		tree, err := ToMap(f.FieldsV1)
		if f.Manager == FieldManager || f.Subresource != "" || err != nil {
			continue
		}
		for _, k := range plan.Kinds() {
			path := []string{"f:spec"}
			for _, name := range k.Strategy {
				path = append(path, "f:"+name)
			}
			if Field(tree, append(path, "f:partition")...) != nil {
				return fmt.Sprintf("%s (%s, last at %s)", f.Manager, f.Operation, f.Time.UTC().Format(time.RFC3339))
			}
		}
	}
	return ""
}
