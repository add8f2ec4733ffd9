// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
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
	case c.Restarts:
		return "updated in place: image of " + strings.Join(c.Images, ", ")
	default:
		return "updated in place without a restart: " + strings.Join(c.Metadata, ", ")
	}
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
