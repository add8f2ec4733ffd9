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
	if k := c.KindOf(); k.APIVersion == appsV1 {
		return "recreated: a " + k.Name + " recreates every pod"
	}
	return summary(change, c.Spec.UpdateType)
}

func summary(c manifest.Change, t UpdateType) string {
	switch {
	case !c.InPlace && t == InPlaceOnly:
		return "refused: InPlaceOnly, but " + strings.Join(c.Blockers, ", ") + " can only change in a new pod"
	case t == ReCreate:
		return "recreated: updateStrategy type is ReCreate"
	case !c.InPlace:
		return "recreated: " + strings.Join(c.Blockers, ", ") + " can only change in a new pod"
	case len(c.Resized) > 0:
		return resizeSummary(c)
	case c.Restarts:
		return "updated in place: image of " + strings.Join(c.Images, ", ")
	default:
		return "updated in place without a restart: " + strings.Join(c.Metadata, ", ")
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
