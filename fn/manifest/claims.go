// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"cmp"
	"fmt"
	"maps"
)

// CompareClaims names the volumeClaimTemplates that differ, in words: "data", "logs (taken out)", "cache (added)". Pods that
// are there keep the claims that they have whatever the templates say.
func CompareClaims(before, after []any) []string {
	var out []string
	old := map[string]map[string]any{}
	for _, t := range before {
		old[claimName(t)] = Map(t)
	}
	for _, t := range after {
		was, there := old[claimName(t)]
		delete(old, claimName(t))
		switch {
		case !there:
			out = append(out, claimName(t)+" (added)")
		case !sameClaim(was, Map(t)):
			out = append(out, claimName(t))
		}
	}
	for _, t := range before {
		if _, gone := old[claimName(t)]; gone {
			out = append(out, claimName(t)+" (taken out)")
		}
	}
	return out
}

func claimName(template any) string { return fmt.Sprint(Map(template, "metadata")["name"]) }

// sameClaim leaves out what a server adds.
func sameClaim(a, b map[string]any) bool {
	spec := func(t map[string]any) map[string]any {
		s := maps.Clone(Map(t, "spec"))
		if s == nil {
			s = map[string]any{}
		}
		s["volumeMode"] = cmp.Or(Strings(t, "spec")["volumeMode"], "Filesystem")
		return s
	}
	for _, kind := range []string{"labels", "annotations"} {
		if !maps.Equal(Strings(a, "metadata", kind), Strings(b, "metadata", kind)) {
			return false
		}
	}
	return equal("spec.volumes.ephemeral.volumeClaimTemplate.spec", spec(a), spec(b))
}
