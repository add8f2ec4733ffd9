// SPDX-License-Identifier: Apache-2.0

package waiting

import (
	"slices"
	"strings"
	"time"
)

// Failed are the pods that have one of the reasons now, and had it first so long ago, by the clock of the agent that saw it.
// next is how long it takes until another pod may be one of them; 0: none is known to.
func Failed(pods []Pod, reasons []string, after time.Duration, now time.Time) (failed []Pod, next time.Duration) {
	for i := range pods {
		p := &pods[i]
		if p.Seen.IsZero() || !p.has(reasons) {
			continue
		}
		left := p.Seen.Add(after).Sub(now)
		if left <= 0 {
			failed = append(failed, *p)
		} else if next == 0 || left < next {
			next = left
		}
	}
	return failed, next
}

// has tells whether a pod is not ready for one of the reasons, be it in an init container.
func (w *Why) has(reasons []string) bool {
	return slices.Contains(reasons, w.Reason) || slices.Contains(reasons, strings.TrimPrefix(w.Reason, "Init:"))
}

// Clock remembers since when an agent has seen pods in trouble, by its own clock alone: those of kubelets may differ from it. A
// pod that gets ready is forgotten. The zero value is ready.
type Clock struct {
	now, before map[string][]firstSeen
}

type firstSeen struct {
	reason string
	first  time.Time
}

// Begin begins a look at all pods.
func (s *Clock) Begin() { s.before, s.now = s.now, nil }

// See is why a pod is not ready, with the time at which that was seen first. The key is of one pod and one revision, so that a
// pod that is updated where it is begins anew.
func (s *Clock) See(key string, why *Why, at time.Time) *Why {
	seen := s.before[key]
	i := slices.IndexFunc(seen, func(x firstSeen) bool { return x.reason == why.Reason })
	if i < 0 && why.Trouble() {
		i, seen = len(seen), append(slices.Clip(seen), firstSeen{why.Reason, at})
	}
	if len(seen) > 0 {
		if s.now == nil {
			s.now = map[string][]firstSeen{}
		}
		s.now[key] = seen
	}
	if i < 0 {
		return why
	}
	dated := *why
	dated.Seen = seen[i].first
	return &dated
}
