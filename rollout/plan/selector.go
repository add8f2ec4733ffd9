// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Selector is a label selector. An empty one matches every pod.
type Selector struct {
	Labels      map[string]string `json:"labels,omitempty"`
	Expressions []Requirement     `json:"expressions,omitempty"`
}

// Requirement is one expression of a selector: In, NotIn, Exists or DoesNotExist.
type Requirement struct {
	Key      string   `json:"key,omitempty"`
	Operator string   `json:"operator,omitempty"`
	Values   []string `json:"values,omitempty"`
}

// Matches tells whether the labels satisfy the selector.
func (s Selector) Matches(labels map[string]string) bool {
	for k, v := range s.Labels {
		if got, ok := labels[k]; !ok || got != v {
			return false
		}
	}
	return !slices.ContainsFunc(s.Expressions, func(r Requirement) bool { return !r.matches(labels) })
}

func (r Requirement) matches(labels map[string]string) bool {
	v, ok := labels[r.Key]
	switch r.Operator {
	case "In":
		return ok && slices.Contains(r.Values, v)
	case "NotIn":
		return !ok || !slices.Contains(r.Values, v)
	case "Exists":
		return ok
	default: // DoesNotExist; the parser admits no other
		return !ok
	}
}

// String is the selector as kubectl writes it.
func (s Selector) String() string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(s.Labels)) {
		parts = append(parts, k+"="+s.Labels[k])
	}
	for _, r := range s.Expressions {
		switch r.Operator {
		case "Exists":
			parts = append(parts, r.Key)
		case "DoesNotExist":
			parts = append(parts, "!"+r.Key)
		default:
			parts = append(parts, fmt.Sprintf("%s %s (%s)", r.Key, strings.ToLower(r.Operator), strings.Join(r.Values, ", ")))
		}
	}
	if len(parts) == 0 {
		return "every pod"
	}
	return strings.Join(parts, ",")
}
