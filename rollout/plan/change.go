// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// Why containers do not get other cpu and memory in a pod that runs, as the end of a blocker.
const (
	NoResize     = " (the cluster has no pods/resize, as Kubernetes has it from 1.33 on)"
	KruiseResize = " (unless the feature gate InPlaceWorkloadVerticalScaling of Kruise is on)"
)

// ChangeSummary says in one line what a change does to a pod of the workload, and why.
func (c Workload) ChangeSummary(change manifest.Change) string {
	switch {
	case !change.InPlace && c.Spec.UpdateType == InPlaceOnly:
		return "refused: InPlaceOnly, but " + strings.Join(change.Blockers, ", ") + " can only change in a new pod"
	case c.Spec.UpdateType == ReCreate:
		return "recreated: " + c.KindOf().Recreate
	case !change.InPlace:
		return "recreated: " + strings.Join(change.Blockers, ", ") + " can only change in a new pod"
	case len(change.Resized) > 0:
		return resizeSummary(change)
	case change.Restarts:
		return "updated in place: image of " + strings.Join(change.Images, ", ")
	case len(change.Metadata) == 0:
		return "updated in place without a restart: nothing but the label of the revision"
	default:
		return "updated in place without a restart: " + strings.Join(change.Metadata, ", ")
	}
}

// resizeSummary says which containers get other cpu and memory, and which of all restart.
func resizeSummary(c manifest.Change) string {
	var parts, names []string
	if len(c.Images) > 0 {
		parts = append(parts, "image of "+strings.Join(c.Images, ", "))
	}
	for _, r := range c.Resized {
		names = append(names, r.Container)
	}
	what := strings.Join(append(parts, "cpu and memory of "+strings.Join(names, ", ")), "; ")
	if !c.Restarts {
		return "updated in place without a restart: " + what
	}
	return "updated in place: " + what + " (restarted: " + strings.Join(c.Restarting(), ", ") + ")"
}

// ClaimsSummary says what a change of volumeClaimTemplates does, or "" where they are the same.
func ClaimsSummary(before, after []any) string {
	names := manifest.CompareClaims(before, after)
	if len(names) == 0 {
		return ""
	}
	return "volumeClaimTemplates change (" + strings.Join(names, ", ") + "): pods that stay keep the claims that they have, " +
		"a pod that is made anew gets claims of the new templates, and no claim that is there is changed"
}
