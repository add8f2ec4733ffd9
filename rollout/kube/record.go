// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"encoding/json"
	"fmt"

	"github.com/slipway-dev/slipway/rollout"
)

// Record is the memory of a release. Its data are one JSON document and what tells releases and agents apart.
type Record struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   Metadata          `json:"metadata"`
	Data       map[string]string `json:"data"`
}

func (m Record) Meta() Metadata { return m.Metadata }

// The keys of a memory's data.
const (
	KeyProgress = "progress" // rollout.Progress as JSON
	KeyRelease  = "release"  // which release it belongs to
	KeyHolder   = "holder"   // the agent that wrote it last
	KeyEpoch    = "epoch"    // how many agents have held the lock; it only grows
	KeyPlan     = "plan"     // rollout.Plan as JSON, for those who look at the release from outside
)

// Progress reads the progress that is stored.
func (m Record) Progress() (rollout.Progress, error) {
	var p rollout.Progress
	if err := json.Unmarshal([]byte(m.Data[KeyProgress]), &p); err != nil {
		return p, fmt.Errorf("%w: reading the progress in ConfigMap %s/%s: %w: delete the ConfigMap to begin the release again",
			ErrInvalid, m.Metadata.Namespace, m.Metadata.Name, err)
	}
	return p, nil
}

// Owner is the CloneSet that a memory belongs to.
func (m Record) Owner() OwnerReference {
	if len(m.Metadata.OwnerReferences) == 0 {
		return OwnerReference{}
	}
	return m.Metadata.OwnerReferences[0]
}
