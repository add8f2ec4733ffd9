// SPDX-License-Identifier: Apache-2.0

package surge

import (
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// Fields are what one write changes of a Deployment. What is nil stays. Generation is the precondition: status may change
// meanwhile, and what is wanted may not.
type Fields struct {
	Generation     int64          `json:"generation"`
	Paused         *bool          `json:"paused,omitempty"`
	MinReady       *int           `json:"minReadySeconds,omitempty"`
	Deadline       *int           `json:"progressDeadlineSeconds,omitempty"`
	MaxSurge       *plan.Quantity `json:"maxSurge,omitempty"`
	MaxUnavailable *plan.Quantity `json:"maxUnavailable,omitempty"`
	Original       *plan.Original `json:"original,omitempty"` // the annotation with what the fields were
	Forget         bool           `json:"forget,omitempty"`   // take that annotation off
}

// Opens tells whether the write lets the controller move pods.
func (f *Fields) Opens() bool { return f.Paused != nil && !*f.Paused }

// String is the write in words.
func (f *Fields) String() string {
	var parts []string
	if f.Paused != nil {
		parts = append(parts, fmt.Sprintf("paused to %v", *f.Paused))
	}
	if f.MaxSurge != nil && f.MaxUnavailable != nil {
		parts = append(parts, fmt.Sprintf("maxSurge to %s", f.MaxSurge), fmt.Sprintf("maxUnavailable to %s", f.MaxUnavailable))
	}
	if f.MinReady != nil {
		parts = append(parts, fmt.Sprintf("minReadySeconds to %d", *f.MinReady))
	}
	if len(parts) == 0 {
		return "the annotation"
	}
	return strings.Join(parts, ", ")
}
