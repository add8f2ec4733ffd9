// SPDX-License-Identifier: Apache-2.0

package report

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/ondelete"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// logVersion is the version of the lines that are written. It grows as plan.StoredVersion does, on its own.
const logVersion = 2

// An audit log holds every observation of a release and what was decided on it, one JSON object a line, so that the decisions
// can be made again. What is as in the line before is left out: pods above all, and pods that are alike
// stand together. A line with a plan begins a run, and has
// the version of the lines up to the next one with a plan; the plan is its first key, by which a line is found behind half
// of another one. A line with a measurement holds nothing else but its number: what it amounts to is in the checks of a later
// line.
type auditLine struct {
	Plan      *plan.BatchPlan      `json:"plan,omitempty"`
	Version   int                  `json:"version,omitempty"`
	Number    int                  `json:"logLine,omitempty"` // in its run, from 1; older lines have none
	Cluster   string               `json:"cluster,omitempty"` // of a line with a plan: where the release runs
	Now       time.Time            `json:"now"`
	Workload  *plan.Workload       `json:"workload,omitempty"`
	Update    string               `json:"updateRevision,omitempty"`
	Stable    string               `json:"stableRevision,omitempty"`
	Revisions []rollout.Revision   `json:"revisions,omitempty"`
	Groups    []podGroup           `json:"groups,omitempty"` // pods that are new or changed
	Left      numbers              `json:"left,omitzero"`    // pods that are there no more
	Free      []string             `json:"freeInstances,omitempty"`
	Sets      []rollout.ReplicaSet `json:"sets,omitempty"`
	Nodes     []ondelete.Node      `json:"nodes,omitempty"`
	Stuck     []rollout.Pod        `json:"stuck,omitempty"`
	NoRoom    string               `json:"noRoom,omitempty"`
	Refused   *rollout.Refusal     `json:"refused,omitempty"`
	Wrote     *plan.Quantity       `json:"wrote,omitempty"`
	Resizes   bool                 `json:"resizes,omitempty"` // the cluster can resize pods
	Checks    []plan.CheckResult   `json:"checks,omitempty"`
	Progress  rollout.Progress     `json:"progress"`
	Decision  json.RawMessage      `json:"decision"`         // without its writes
	Writes    []writes             `json:"writes,omitempty"` // of the decision

	Measurement json.RawMessage `json:"measurement,omitempty"` // of a line that holds nothing else

	// Up to version 1 the writes are in the decision, and these are instead of groups and left.
	Pods []rollout.Pod `json:"pods,omitempty"`
	Gone []string      `json:"gone,omitempty"`

	CloneSet *plan.Workload `json:"cloneSet,omitempty"` // version 0; workload since
}

// measurementLine is a line with one answer to a check.
type measurementLine struct {
	Measurement plan.Measurement `json:"measurement"`
	Number      int              `json:"logLine"`
}

// readLine reads a line of any version up to logVersion. Lines of other kinds may stand among those of a log, so
// only one that begins a run is refused for its version.
func readLine(data []byte) (auditLine, error) {
	var line auditLine
	err := json.Unmarshal(data, &line)
	if err != nil || line.Version > logVersion {
		var begins struct {
			Plan json.RawMessage `json:"plan"`
		}
		newer := plan.CheckStored(data, logVersion)
		if errors.Is(newer, plan.ErrNewer) && json.Unmarshal(data, &begins) == nil && begins.Plan != nil {
			return auditLine{}, newer
		}
	}
	if line.CloneSet != nil {
		line.Workload = line.CloneSet
	}
	return line, err
}
