// SPDX-License-Identifier: Apache-2.0

package plan

// strategyFields are the fields that both API versions have, though in different places.
func strategyFields(more ...string) []string {
	return append(more, "partition", "maxUnavailable", "maxSurge", "paused", "priorityStrategy", "scatterStrategy",
		"inPlaceUpdateStrategy")
}

// readUpdateStrategy fills in the update strategy with the defaults that the webhook would set: without them a
// CloneSet that never met the webhook would have no bound at all.
func readUpdateStrategy(v value, beta bool, s *WorkloadSpec) {
	s.UpdateType = ReCreate
	at := v
	if beta {
		v.mapping("type", "rollingUpdate")
		kind := v.get("type")
		if kind.oneOf("RollingUpdate", "OnDelete") == "OnDelete" {
			failOnDelete(kind)
		}
		at = v.get("rollingUpdate")
		at.mapping(strategyFields("podUpdatePolicy")...)
		s.UpdateType = readUpdateType(at.get("podUpdatePolicy"))
	} else {
		v.mapping(strategyFields("type")...)
		s.UpdateType = readUpdateType(v.get("type"))
	}
	s.Partition = at.get("partition").quantity(Pods(0), 100)
	s.MaxUnavailable = at.get("maxUnavailable").quantity(Percent(20), 100)
	s.MaxSurge = at.get("maxSurge").quantity(Pods(0), 0)
	s.Paused = at.get("paused").Bool()
	readOrder(at, s)
	inPlace := at.get("inPlaceUpdateStrategy")
	inPlace.mapping("gracePeriodSeconds")
	s.GracePeriod = inPlace.get("gracePeriodSeconds").seconds()
}

func readUpdateType(v value) UpdateType {
	word := v.oneOf(string(ReCreate), string(InPlaceIfPossible), string(InPlaceOnly), "OnDelete")
	if word == "OnDelete" {
		failOnDelete(v)
	}
	return UpdateType(word)
}

func failOnDelete(v value) {
	v.fail("OnDelete leaves the release to whoever deletes pods: use ReCreate, InPlaceIfPossible or InPlaceOnly")
}

func readOrder(v value, s *WorkloadSpec) {
	priority := v.get("priorityStrategy")
	priority.mapping("orderPriority", "weightPriority")
	for _, item := range priority.get("orderPriority").items() {
		item.mapping("orderedKey")
		if item.get("orderedKey").scalarOr("") == "" {
			item.get("orderedKey").fail("is missing")
		}
		s.Priority.Keys = append(s.Priority.Keys, item.get("orderedKey").Text())
	}
	for _, item := range priority.get("weightPriority").items() {
		item.mapping("weight", "matchSelector")
		if !item.get("weight").Present() {
			item.get("weight").fail("is missing")
		}
		s.Priority.Weights = append(s.Priority.Weights, WeightTerm{
			Weight:   item.get("weight").number(0, 0, 100),
			Selector: readSelector(item.get("matchSelector")),
		})
	}
	if len(s.Priority.Keys) > 0 && len(s.Priority.Weights) > 0 {
		priority.fail("orderPriority and weightPriority exclude each other: keep one")
	}
	for _, item := range v.get("scatterStrategy").items() {
		item.mapping("key", "value")
		term := ScatterTerm{Key: item.get("key").Text(), Value: item.get("value").Text()}
		if term.Key == "" {
			item.get("key").fail("is missing")
		}
		s.Scatter = append(s.Scatter, term)
	}
}
