// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"maps"
	"time"

	"github.com/slipway-dev/slipway/rollout"
)

// skewTolerated is a difference of two clocks that is none: the server tells its time in whole seconds.
const skewTolerated = 2 * time.Second

// serverClock is a clock that shows the API server's time and never jumps. It is made right after an answer of the server. Times that outlive an agent, and those that others
// have written into objects, are so held against one clock, whichever machine the agent runs on.
func (s *session) serverClock() func() time.Time {
	local := s.options.Now
	began, skew := local(), time.Duration(0)
	if server, ok := s.client.LastDate(); ok {
		skew = server.Sub(began)
	}
	if skew.Abs() < skewTolerated {
		skew = 0
	} else {
		s.warn(fmt.Errorf("this machine's clock differs from the API server's by %v: the API server's counts", skew.Round(time.Second)))
	}
	return func() time.Time { return began.Add(local().Sub(began) + skew) }
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
