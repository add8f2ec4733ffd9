// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"maps"
	"time"

	"github.com/slipway-dev/slipway/rollout"
)

// followServerClock makes the API server's clock this agent's, right after an answer of the server.
func (s *session) followServerClock() {
	now, skew := s.client.ServerClock(s.options.Now)
	if skew != 0 {
		s.warn(fmt.Errorf("this machine's clock differs from the API server's by %v: the API server's counts",
			skew.Round(time.Second)))
	}
	s.options.Now = now
}

// readiness is since when pods are ready, as this agent has seen it. The kubelet's clock, which the Ready condition has its
// time from, is believed only of pods that were ready before the agent began to look, and never into the future.
type readiness struct {
	since map[string]readySince // by UID
	turn  int                   // of the last observation
}

type readySince struct {
	said time.Time // by the condition
	seen time.Time // by this agent
	turn int       // of the last observation that had the pod
}

// settle rewrites since when the pods are ready.
func (r *readiness) settle(pods []rollout.Pod, now time.Time) {
	first := r.since == nil
	if first {
		r.since = make(map[string]readySince, len(pods))
	}
	r.turn++
	for i := range pods {
		p := &pods[i]
		if !p.Ready {
			continue
		}
		known, ok := r.since[p.UID]
		switch {
		case ok && known.said.Equal(p.ReadySince):
		case first && p.ReadySince.Before(now):
			known = readySince{said: p.ReadySince, seen: p.ReadySince}
		default:
			known = readySince{said: p.ReadySince, seen: now}
		}
		known.turn = r.turn
		r.since[p.UID], p.ReadySince = known, known.seen
	}
	maps.DeleteFunc(r.since, func(_ string, s readySince) bool { return s.turn != r.turn })
}
