// SPDX-License-Identifier: Apache-2.0

package plan

// readWorkload reads the spec of a target that its own controller reconciles: the fields that every kind has, each at
// its kind's place. What a field means to the controller is left to the controller, so an unknown one is no error.
func readWorkload(spec value, k Kind) WorkloadSpec {
	if !spec.mapping() {
		return WorkloadSpec{}
	}
	at := spec.below(k.Strategy)
	s := WorkloadSpec{
		Selector:       readSelector(spec.get("selector")),
		MinReady:       spec.below(k.MinReady).seconds(),
		Partition:      at.get("partition").quantity(Pods(0), 100),
		MaxUnavailable: at.get("maxUnavailable").quantity(Pods(1), 0),
		MaxSurge:       at.get("maxSurge").quantity(Pods(0), 0),
		Paused:         at.get("paused").Bool(),
		UpdateType:     ReCreate,
		Ordinal:        k.Ordinal && !at.get("unorderedUpdate").Present(),
	}
	for _, policy := range []string{"podUpdatePolicy", "rollingUpdateType"} {
		if word := at.get(policy).scalarOr(""); word == string(InPlaceIfPossible) || word == string(InPlaceOnly) {
			s.UpdateType = UpdateType(word)
		}
	}
	readOnDelete(spec, k, &s)
	if !k.Nodes {
		s.Replicas = spec.get("replicas").number(1, 0, MaxPods)
	}
	if k.Numbers && s.Partition.IsPercent() {
		at.get("partition").fail("a %s of %s takes a number of pods and no percentage: write %d, which keeps every pod however many "+
			"there are", k.Name, k.APIVersion, AllPods)
	}
	readTemplate(spec, &s)
	return s
}

// readOnDelete reads what a release needs to know of a target whose controller leaves it to others to delete pods. How many may
// be unavailable the plan says then: the object has no field for it.
func readOnDelete(spec value, k Kind, s *WorkloadSpec) {
	strategy := spec.get("updateStrategy")
	s.OnDelete = strategy.get("type").scalarOr("") == "OnDelete"
	switch {
	case s.OnDelete && !k.Deletes:
		strategy.get("type").fail("OnDelete leaves the release to whoever deletes pods: use RollingUpdate")
	case !s.OnDelete && k.Stepless:
		strategy.fail("is RollingUpdate, with which %s replaces the pods of a %s all in one go: write {type: OnDelete}, and the "+
			"release deletes them in batches", k.Controller, k.Name)
	case s.OnDelete:
		s.Partition, s.MaxUnavailable, s.MaxSurge, s.Paused = Pods(0), Pods(1), Pods(0), false
	}
	if k.Ordinal {
		s.Ordered = spec.get("podManagementPolicy").scalarOr("OrderedReady") == "OrderedReady"
		s.FirstOrdinal = spec.get("ordinals").get("start").number(0, 0, MaxPods)
	}
}

// below follows a path of fields.
func (v value) below(path []string) value {
	for _, name := range path {
		v = v.get(name)
	}
	return v
}
