// SPDX-License-Identifier: Apache-2.0

package plan

// readWorkload reads the spec of a target that its own controller reconciles: the fields that every kind has, each at
// its kind's place. What a field means to the controller is left to the controller, so an unknown one is no error.
func readWorkload(spec value, k Kind) WorkloadSpec {
	if !spec.mapping() {
		return WorkloadSpec{}
	}
	strategy := spec.get("updateStrategy")
	if kind := strategy.get("type"); kind.scalarOr("") == "OnDelete" {
		kind.fail("OnDelete leaves the release to whoever deletes pods: use RollingUpdate")
	}
	at := spec.below(k.Strategy)
	s := WorkloadSpec{
		Selector:       readSelector(spec.get("selector")),
		MinReady:       spec.below(k.MinReady).seconds(),
		Partition:      at.get("partition").quantity(Pods(0), 100),
		MaxUnavailable: at.get("maxUnavailable").quantity(Pods(1), 0),
		MaxSurge:       at.get("maxSurge").quantity(Pods(0), 0),
		Paused:         at.get("paused").boolean(),
		UpdateType:     ReCreate,
		Ordinal:        k.Ordinal && !at.get("unorderedUpdate").present(),
	}
	for _, policy := range []string{"podUpdatePolicy", "rollingUpdateType"} {
		if word := at.get(policy).scalarOr(""); word == string(InPlaceIfPossible) || word == string(InPlaceOnly) {
			s.UpdateType = UpdateType(word)
		}
	}
	if !k.Nodes {
		s.Replicas = spec.get("replicas").number(1, 0, MaxPods)
	}
	if k.Numbers && s.Partition.IsPercent() {
		at.get("partition").fail("a %s of %s takes a number of pods and no percentage: write %d, which keeps every pod however many there are", k.Name, k.APIVersion, AllPods)
	}
	readTemplate(spec, &s)
	return s
}

// below follows a path of fields.
func (v value) below(path []string) value {
	for _, name := range path {
		v = v.get(name)
	}
	return v
}
