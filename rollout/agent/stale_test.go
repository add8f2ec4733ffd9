// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// lagging is an API server that is behind after writes whose answers are lost: it lists the pods as they were before the
// release, some times, and lets nothing out of watches meanwhile.
type lagging struct {
	proxy *kubetest.Proxy
	past  []byte

	mu                  sync.Mutex
	lost, served, times int
}

func (l *lagging) fault(r *http.Request) kubetest.Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch pods := strings.Contains(r.URL.Path, "/pods"); {
	case pods && r.Method != http.MethodGet && l.lost < l.times:
		l.lost++
		l.served = 0
		l.proxy.HoldWatches()
		return kubetest.Fault{Lose: true}
	case pods && r.Method == http.MethodGet && r.URL.Query().Get("watch") == "" && l.lost > 0 && l.served < 3:
		if l.served++; l.served == 3 {
			l.proxy.ReleaseWatches()
		}
		return kubetest.Fault{Code: http.StatusOK, Body: l.past}
	}
	return kubetest.Fault{}
}

// TestStaleListIsNotBelieved lets an API server list the past, just when an agent does not know what has become of its
// writes. It must not go back in time, or it would replace one pod too many.
func TestStaleListIsNotBelieved(t *testing.T) {
	for _, kind := range []string{"ReCreate", "InPlaceIfPossible"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, agenttest.CloneSet(4, `{type: `+kind+`, maxUnavailable: 1}`))
			w.Release(plan.BatchPlan{}, plan.Completed)
			past, err := json.Marshal(w.Get(t, w.Path("pods")))
			if err != nil {
				t.Fatal(err)
			}
			w.Image("v2")
			watch := w.watchPods(4, 0, 1, 0, "v2")
			server := &lagging{past: past, times: 3}
			server.proxy = w.Proxy(t, server.fault)
			options := w.Options()
			options.Config = agenttest.Config(t, server.proxy.For(w.Client))
			w.ReleaseWith(t.Context(), plan.BatchPlan{}, options, plan.Completed)
			watch.verify(t, w)
			server.mu.Lock()
			defer server.mu.Unlock()
			if server.lost != server.times || server.served == 0 {
				t.Errorf("%d answers were lost, and the past was listed %d times", server.lost, server.served)
			}
			if got, want := w.end(4), "4 of 4 updated; row demo 4 4 4 4 4; 2 controllerrevisions; 0 leases; 0 "+
				"persistentvolumeclaims"; got != want {
				t.Errorf("the end is\n%s, want\n%s", got, want)
			}
		})
	}
}
