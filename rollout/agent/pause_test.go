// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// outcome is how an agent ended.
type outcome struct {
	decision rollout.Decision
	err      error
}

// runPaused pauses an agent between a decision and its writes, as a machine does that stands still, until its lease has
// run out and a second agent is at work. Then both go on. The first one must find out that the lock is gone before it
// writes anything, and the second one ends the release. A first agent with fewer decisions ends it alone.
func (w *world) runPaused(at int, batches plan.BatchPlan, options agent.Options, report func(rollout.Observed,
	rollout.Decision),
) (last outcome, paused bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), hangs)
	defer cancel()
	proxy := w.Proxy(w.t, func(*http.Request) kubetest.Fault { return kubetest.Fault{} })
	first := options
	first.Identity, first.Config = "paused", agenttest.Config(w.t, proxy.For(w.Client))
	first.Config.UserAgent = "paused"
	asleep, awake, ended := make(chan struct{}), make(chan struct{}), make(chan outcome, 1)
	go func() {
		defer close(ended)
		decisions := 0
		d, err := agent.Run(ctx, batches, first, func(o rollout.Observed, d rollout.Decision) {
			report(o, d)
			if len(d.Actions) == 0 {
				return
			}
			if decisions++; decisions == at {
				proxy.Pause()
				close(asleep)
				<-awake
			}
		})
		ended <- outcome{d, err}
	}()
	select {
	case last = <-ended:
		return last, false
	case <-asleep:
	}
	before := w.writesOfPaused()
	wake := sync.OnceFunc(func() { proxy.Resume(); close(awake) })
	defer wake()
	// The first agent left its Lease, so the second one decides nothing before it has taken it.
	last.decision, last.err = agent.Run(ctx, batches, options, func(o rollout.Observed, d rollout.Decision) {
		wake()
		report(o, d)
	})
	wake()
	if first := <-ended; held(first.err) == nil || !held(first.err).Stolen {
		w.t.Errorf("the agent that was paused ended with %s, %v; want that its lock was taken over", first.decision.Reason, first.err)
	}
	if n := w.writesOfPaused() - before; n != 0 {
		w.t.Errorf("the agent that was paused made %d writes without the lock", n)
	}
	return last, true
}

// writesOfPaused counts what the agent that is paused has tried to write, but for the Lease, which it must try.
func (w *world) writesOfPaused() int {
	w.t.Helper()
	return len(w.Requests(w.t, w.namespace).Writes().By("paused").Where(
		func(r kubetest.Request) bool { return r.Resource != "leases" }))
}

// TestPausedAtEveryDecision lets two agents be at work at each decision of a release: no invariant breaks, and the end is
// that of a release by one of them.
func TestPausedAtEveryDecision(t *testing.T) {
	shared.Get(t)
	for _, strategy := range []string{"ReCreate", "InPlaceIfPossible"} {
		pausedAtEach(t, strategy, func(t *testing.T, at int) bool {
			w := newWorld(t, agenttest.CloneSet(3, `{type: `+strategy+`, maxSurge: 1, maxUnavailable: 0}`))
			w.Release(plan.BatchPlan{}, plan.Completed)
			w.Image("v2")
			watch := w.watchPods(3, 1, 0, 0, "v2")
			last, paused := w.runPaused(at, plan.BatchPlan{}, w.Options(), w.Log())
			if last.err != nil || last.decision.Reason != plan.Completed {
				t.Fatalf("ended with %s: %s, %v", last.decision.Reason, last.decision.Message, last.err)
			}
			watch.verify(t, w)
			if got, want := w.end(3), "3 of 3 updated; row demo 3 3 3 3 3; 2 controllerrevisions; 0 leases; 0 "+
				"persistentvolumeclaims"; got != want {
				t.Errorf("the end is\n%s, want\n%s", got, want)
			}
			return paused
		})
	}
}

// TestPausedInPartitionMode does the same where a controller replaces the pods, on the way forward and back.
func TestPausedInPartitionMode(t *testing.T) {
	shared.Get(t)
	for _, way := range waysInPartitionMode() {
		pausedAtEach(t, way.name, func(t *testing.T, at int) bool {
			r := newPartitionRelease(t, way)
			last, paused := r.runPaused(at, r.plan, r.options, r.report)
			r.verify(last.decision, last.err)
			return paused
		})
	}
}

// pausedAtEach runs a test with a pause at the first decision, the second one and so on, until one is not reached.
func pausedAtEach(t *testing.T, name string, test func(t *testing.T, at int) (paused bool)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		const most = 16 // more decisions with writes than any of these releases makes
		var longest atomic.Int64
		longest.Store(most)
		for at := 1; at <= most; at += max(1, 8-seeds(t, 50)) {
			t.Run(fmt.Sprintf("decision %d", at), func(t *testing.T) {
				t.Parallel()
				if int64(at) > longest.Load() {
					t.Skip("the agent has come to its end with fewer decisions than this one")
				}
				if !test(t, at) {
					longest.Store(min(longest.Load(), int64(at)))
				}
			})
		}
	})
}
