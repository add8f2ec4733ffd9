// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// seeds is how many random runs a test makes; SLIPWAY_SEEDS asks for more.
func seeds(t *testing.T, usual int) int {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv("SLIPWAY_SEEDS")); err == nil {
		return n
	}
	return usual
}

// soak runs a random test that takes long: few times, and where SLIPWAY_SEEDS asks for many so many times that.
func soak(t *testing.T, few, times int, salt uint64, run func(t *testing.T, seed int, random *rand.Rand)) {
	t.Helper()
	shared.Get(t)
	n := few
	if asked := seeds(t, few); asked >= 10 {
		n = asked * times
	}
	for seed := range n {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			run(t, seed, rand.New(rand.NewPCG(uint64(seed), salt)))
		})
	}
}

// mischief lets a share of all requests go wrong, each seed in its own way.
type mischief struct {
	mu     sync.Mutex
	random *rand.Rand
	proxy  *kubetest.Proxy
	calm   bool
}

func (m *mischief) fault(r *http.Request) kubetest.Fault {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.calm {
		return kubetest.Fault{}
	}
	write := r.Method != http.MethodGet
	switch m.random.IntN(40) {
	case 0:
		return kubetest.Fault{Drop: true}
	case 1:
		return kubetest.Fault{Lose: write}
	case 2:
		return kubetest.Fault{Lose: write}
	case 3:
		if write {
			return kubetest.Fault{Code: http.StatusConflict}
		}
	case 4:
		return kubetest.Fault{Code: http.StatusTooManyRequests, RetryAfter: 1}
	case 5:
		return kubetest.Fault{Code: http.StatusInternalServerError}
	case 6:
		return kubetest.Fault{Code: http.StatusServiceUnavailable}
	case 7:
		return kubetest.Fault{Code: http.StatusGatewayTimeout}
	case 8:
		return kubetest.Fault{Delay: time.Duration(m.random.IntN(300)) * time.Millisecond}
	case 9:
		return kubetest.Fault{Code: http.StatusUnauthorized}
	case 10:
		go m.proxy.CutWatches()
	case 11:
		m.proxy.HoldWatches()
	case 12, 13, 14:
		m.proxy.ReleaseWatches()
	}
	return kubetest.Fault{}
}

// TestFaultsNeverBreakTheBudget releases through a proxy that loses, delays and refuses requests and holds back or cuts
// watches. An agent that gives up is started again, as a Job would.
func TestFaultsNeverBreakTheBudget(t *testing.T) {
	shared.Get(t)
	for seed := range seeds(t, 5) {
		kind := []string{"ReCreate", "InPlaceIfPossible"}[seed%2]
		t.Run(fmt.Sprintf("seed %d, %s", seed, kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, agenttest.CloneSet(4, `{type: `+kind+`, maxSurge: 1, maxUnavailable: 1}`))
			w.Release(plan.BatchPlan{}, plan.Completed)
			w.Image("v2")
			watch := w.watchPods(4, 1, 1, 0, "v2")
			m := &mischief{random: rand.New(rand.NewPCG(uint64(seed), 7))}
			m.proxy = w.Proxy(t, m.fault)
			settings := agenttest.Config(t, m.proxy.For(w.Client))
			settings.QPS, settings.Burst = 500, 500
			w.retried(t, func(ctx context.Context) error {
				options := w.Options()
				options.Config = settings
				options.Identity = fmt.Sprintf("agent-%d", time.Now().UnixNano())
				return runOnce(ctx, plan.BatchPlan{}, options, m, plan.Completed, nil)
			})
			watch.verify(t, w)
			if got, want := w.end(4), "4 of 4 updated; row demo 4 4 4 4 4; 2 controllerrevisions; 0 leases; 0 "+
				"persistentvolumeclaims"; got != want {
				t.Errorf("the end is\n%s, want\n%s", got, want)
			}
		})
	}
}

// retried starts the agent until it completes the release. Faults end after a while: then it has to.
func (w *world) retried(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	for tries := 1; ; tries++ {
		err := run(ctx)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("not complete after %d tries: %v", tries, err)
		}
	}
}

// calmAfter is how long faults go on in one run.
const calmAfter = 20 * time.Second

func runOnce(ctx context.Context, plan plan.BatchPlan, options agent.Options, m *mischief, want plan.Reason,
	report func(rollout.Observed, rollout.Decision),
) error {
	calm := time.AfterFunc(calmAfter, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.calm = true
		m.proxy.ReleaseWatches()
	})
	defer calm.Stop()
	d, err := agent.Run(ctx, plan, options, report)
	if err == nil && d.Reason != want {
		err = fmt.Errorf("ended with %s: %s", d.Reason, d.Message)
	}
	return err
}

// TestFaultsInPartitionMode releases a StatefulSet through such a proxy, forward and back. The controller has no proxy.
func TestFaultsInPartitionMode(t *testing.T) {
	shared.Get(t)
	for seed := range seeds(t, 4) {
		back := seed%2 == 1
		t.Run(fmt.Sprintf("seed %d, back %v", seed, back), func(t *testing.T) {
			t.Parallel()
			w := newStateful(t, 3, 3)
			watch := w.watchPods(3, 0, 1, 0, "none")
			batchPlan := plan.BatchPlan{
				Mode: plan.Partition, ProgressDeadline: 90 * time.Second, OnFailure: plan.RollbackInBatches,
				Batches: []plan.Batch{{Replicas: plan.Pods(1)}, {Replicas: plan.Pods(2)}, {Replicas: plan.Percent(100)}},
			}
			tag, end, want, report := "v2", "v2", plan.Completed, w.Log()
			if back {
				tag, end, want, report = kubetest.TagMissing, "v1", plan.RolledBack, w.aborts(w.optionsOf("StatefulSet"))
			}
			w.statefulImage(tag)
			m := &mischief{random: rand.New(rand.NewPCG(uint64(seed), 11))}
			m.proxy = w.Proxy(t, m.fault)
			settings := agenttest.Config(t, m.proxy.For(w.Client))
			settings.QPS, settings.Burst = 500, 500
			w.retried(t, func(ctx context.Context) error {
				options := w.optionsOf("StatefulSet")
				options.Config, options.Release = settings, "faulty"
				options.Identity = fmt.Sprintf("agent-%d", time.Now().UnixNano())
				return runOnce(ctx, batchPlan, options, m, want, report)
			})
			w.settled(3, end)
			watch.verify(t, w)
			if p := w.partitionOf("statefulsets"); p != float64(3) {
				t.Errorf("the partition is %v, want 3 at rest", p)
			}
		})
	}
}
