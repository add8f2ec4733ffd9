// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"strings"
)

// vital are the parts of a CloneSet in which direct mode has to know every field, and why. A field elsewhere that it does not
// know changes how fast or in which order a release goes, or where its pods come from, and breaks no promise of it.
func vital() [2]struct{ field, why string } {
	return [2]struct{ field, why string }{
		{"spec.selector", "it decides which pods are the CloneSet's, and others would be deleted"},
		{"spec.lifecycle", "a hook that nobody waits for lets pods go that somebody holds"},
	}
}

// validateUnknown refuses a release in direct mode that would have to guess what a field means.
func validateUnknown(p BatchPlan, cs Workload) error {
	if p.ModeOf(cs) != Direct {
		return nil // its controller knows the field
	}
	for _, field := range cs.Spec.Unknown {
		for _, v := range vital() {
			if strings.HasPrefix(field, v.field+".") || strings.HasPrefix(field, v.field+"[") {
				return mistake(field, "unknown field: direct mode has to know it: %s: use partition mode, or a newer slipway", v.why)
			}
		}
	}
	return nil
}

// UnknownWarning says what becomes of fields that slipway does not know, or "" where there is none.
func (p BatchPlan) UnknownWarning(cs Workload) string {
	switch {
	case len(cs.Spec.Unknown) == 0:
		return ""
	case p.ModeOf(cs) == Direct:
		return fmt.Sprintf("%s: this slipway does not know %s, and in direct mode does nothing about it", cs,
			strings.Join(cs.Spec.Unknown, ", "))
	default:
		return fmt.Sprintf("%s: this slipway does not know %s, and leaves it to %s", cs, strings.Join(cs.Spec.Unknown, ", "),
			cs.KindOf().Controller)
	}
}
