// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"encoding/json"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// Store is the progress as a document that ReadProgress reads. plan.StoredVersion has the rules of its version.
func (p Progress) Store() ([]byte, error) {
	return json.Marshal(struct {
		Version int `json:"version"`
		Progress
	}{plan.StoredVersion, p})
}

// ReadProgress reads what Store wrote, here or in an older slipway. The error wraps plan.ErrNewer where it was a newer one.
func ReadProgress(document []byte) (Progress, error) {
	var p Progress
	if err := plan.CheckStored(document, plan.StoredVersion); err != nil {
		return p, err
	}
	err := plan.Decode(document, &p)
	return p, err
}

// plainDecision is without methods, or its form would be asked to store itself.
type plainDecision Decision

// form is what is stored of a decision: its fields, but for a duration that is written for people.
func (d *Decision) form() any {
	return &struct {
		*plainDecision
		After *plan.Duration `json:"after,omitzero"`
	}{(*plainDecision)(d), (*plan.Duration)(&d.After)}
}

// MarshalJSON writes the decision as a part of an audit log.
func (d Decision) MarshalJSON() ([]byte, error) { return json.Marshal(d.form()) }

// UnmarshalJSON reads the decision of any version.
func (d *Decision) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, d.form()) }
