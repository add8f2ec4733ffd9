// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"slices"
)

// readTargets reads either the one target or the several.
func readTargets(spec value) (Target, Waves) {
	list, parallel := spec.get("targets"), spec.get("parallel")
	if !list.Present() {
		if parallel.Present() {
			parallel.fail("says how many of several targets are released side by side, but there is one target: write targets")
		}
		return readTarget(spec.get("target")), Waves{}
	}
	if spec.get("target").Present() {
		spec.get("target").fail("and targets exclude each other: list every target under targets")
	}
	t := Waves{Parallel: parallel.number(1, 1, maxTargets)}
	items := list.items()
	if len(items) == 0 {
		list.fail("is empty: list the targets, or write target")
	}
	if len(items) > maxTargets {
		list.fail("lists %d targets, more than %d", len(items), maxTargets)
	}
	for _, item := range items {
		item.mapping("apiVersion", "kind", "name", "wave")
		target := WaveTarget{Target: targetOf(item), Wave: item.get("wave").number(0, 0, maxTargets)}
		same := func(o WaveTarget) bool { return o.Kind == target.Kind && o.Name == target.Name }
		if target.Name != "" && slices.ContainsFunc(t.Targets, same) {
			item.get("name").fail("%s %s is listed above: a target is released once", target.Kind, target.Name)
		}
		t.Targets = append(t.Targets, target)
	}
	slices.SortStableFunc(t.Targets, func(a, b WaveTarget) int { return cmp.Compare(a.Wave, b.Wave) })
	return Target{}, t
}

// maxTargets bounds the targets of a plan: an Indexed Job with more would be a mistake.
const maxTargets = 1000
