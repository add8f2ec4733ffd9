// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// killer ends an agent at one of its writes: from then on no request of it reaches the server or comes back.
type killer struct {
	next   http.RoundTripper
	at     int64 // which write, from 1
	after  bool  // the write still happens
	kill   context.CancelFunc
	writes *atomic.Int64
	dead   *atomic.Bool
}

var errKilled = errors.New("the agent is dead")

func (k killer) RoundTrip(r *http.Request) (*http.Response, error) {
	if k.dead.Load() {
		return nil, errKilled
	}
	if r.Method == http.MethodGet || k.writes.Add(1) != k.at {
		return k.next.RoundTrip(r)
	}
	if k.after {
		if resp, err := k.next.RoundTrip(r); err == nil {
			_ = resp.Body.Close()
		}
	}
	k.dead.Store(true)
	k.kill()
	return nil, errKilled
}

// runKilled runs the agent until its write number at. It tells whether there was such a write.
func (w *world) runKilled(at int, after bool) bool {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), hangs)
	defer cancel()
	d, dead, err := w.killAt(ctx, cancel, at, after, plan.BatchPlan{}, w.Options(), w.Log())
	if !dead && (err != nil || d.Reason != plan.Completed) {
		w.t.Fatalf("release ended with %s, %v", d.Reason, err)
	}
	return dead
}

// killAt runs an agent with these options until its write number at, or to its end.
func (w *world) killAt(ctx context.Context, cancel context.CancelFunc, at int, after bool, plan plan.BatchPlan,
	options agent.Options, report func(rollout.Observed, rollout.Decision),
) (d rollout.Decision, dead bool, err error) {
	w.t.Helper()
	options, isDead := mortal(options, at, after, cancel)
	options.Identity = "killed"
	d, err = agent.Run(ctx, plan, options, report)
	return d, isDead.Load(), err
}

// mortal are the options of an agent that is killed at its write number at, and whether it is dead.
func mortal(options agent.Options, at int, after bool, cancel context.CancelFunc) (agent.Options, *atomic.Bool) {
	options.Config = rest.CopyConfig(options.Config)
	k := killer{at: int64(at), after: after, kill: cancel, writes: new(atomic.Int64), dead: new(atomic.Bool)}
	options.Config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		k := k
		k.next = next
		return k
	})
	return options, k.dead
}

// TestKilledAtEveryWrite kills the agent before and after each of its writes and starts another one: no invariant
// breaks, and the end is that of a release that nobody killed.
func TestKilledAtEveryWrite(t *testing.T) {
	shared.Get(t)
	for _, c := range []struct{ name, strategy string }{
		{"ReCreate", `{type: ReCreate, maxSurge: 1, maxUnavailable: 0}`},
		{"InPlace", `{type: InPlaceIfPossible, maxSurge: 1, maxUnavailable: 0}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			killedAtEach(t, 80, max(1, 8-seeds(t, 50)), func(t *testing.T, at int,
				after bool,
			) bool {
				return killedOnce(t, c.strategy, at, after)
			})
		})
	}
}

// killedAtEach runs a release that is killed before and after its writes, each or a sample with so many steps between: until
// most, which has to be more than it makes, or until one is told to have had no such write.
func killedAtEach(t *testing.T, most, step int, release func(t *testing.T, at int, after bool) (killed bool)) {
	t.Helper()
	var longest atomic.Int64
	longest.Store(int64(most))
	for at := (step + 1) / 2; at <= most; at += step {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("write %d, after %v", at, after), func(t *testing.T) {
				t.Parallel()
				if int64(at) > longest.Load() {
					t.Skip("the agent has come to its end with fewer writes than this one")
				}
				if !release(t, at, after) {
					longest.Store(min(longest.Load(), int64(at)))
				}
			})
		}
	}
}

func killedOnce(t *testing.T, strategy string, at int, after bool) bool {
	t.Helper()
	w := newWorld(t, agenttest.CloneSet(3, strategy))
	w.Release(plan.BatchPlan{}, plan.Completed)
	w.Image("v2")
	watch := w.watchPods(3, 1, 0, 0, "v2")
	if strings.Contains(strategy, "InPlace") {
		watch.keepsPods()
	}
	killed := w.runKilled(at, after)
	w.Release(plan.BatchPlan{}, plan.Completed)
	watch.verify(t, w)
	if got, want := w.end(3), "3 of 3 updated; row demo 3 3 3 3 3; 2 controllerrevisions; 0 leases; 0 "+
		"persistentvolumeclaims"; got != want {
		t.Errorf("the end is\n%s, want\n%s", got, want)
	}
	return killed
}

// wayInPartitionMode is a release that goes forward or back.
type wayInPartitionMode struct {
	name, tag, end string
	reason         plan.Reason
}

func waysInPartitionMode() []wayInPartitionMode {
	return []wayInPartitionMode{
		{"forward", "v2", "v2", plan.Completed},
		{"back", kubetest.TagMissing, "v1", plan.RolledBack},
	}
}

// partitionRelease is a release that steps the partition of a StatefulSet, and what is watched of it.
type partitionRelease struct {
	*world
	way     wayInPartitionMode
	watch   *watcher
	plan    plan.BatchPlan
	options agent.Options
	report  func(rollout.Observed, rollout.Decision)
}

func newPartitionRelease(t *testing.T, way wayInPartitionMode) *partitionRelease {
	t.Helper()
	w := newStateful(t, 3, 3)
	r := &partitionRelease{
		world: w, way: way, watch: w.watchPods(3, 0, 1, 0, "none"), options: w.optionsOf("StatefulSet"),
		report: w.Log(),
	}
	w.statefulImage(way.tag)
	r.plan = plan.BatchPlan{
		Mode: plan.Partition, ProgressDeadline: 2 * time.Minute, OnFailure: plan.Rollback,
		Batches: []plan.Batch{{Replicas: plan.Pods(1)}, {Replicas: plan.Percent(100)}},
	}
	if way.reason == plan.RolledBack {
		r.report = w.aborts(w.optionsOf("StatefulSet"))
	}
	r.options.Release = "disturbed"
	return r
}

// verify holds that the release ended as if nobody had disturbed it.
func (r *partitionRelease) verify(d rollout.Decision, err error) {
	r.t.Helper()
	if err != nil || d.Reason != r.way.reason {
		r.t.Fatalf("ended with %s: %s, %v", d.Reason, d.Message, err)
	}
	r.settled(3, r.way.end)
	r.watch.verify(r.t, r.world)
	if p := r.partitionOf("statefulsets"); p != float64(3) {
		r.t.Errorf("the partition is %v, want 3 at rest", p)
	}
	if leases := r.leases(); len(leases) > 0 {
		r.t.Errorf("%d leases are left", len(leases))
	}
}

// TestKilledAtEveryWriteInPartitionMode kills an agent that steps the partition of a StatefulSet, on its way forward and
// on its way back, before and after each of its writes.
func TestKilledAtEveryWriteInPartitionMode(t *testing.T) {
	shared.Get(t)
	for _, way := range waysInPartitionMode() {
		t.Run(way.name, func(t *testing.T) {
			killedAtEach(t, 40, max(1, 8-seeds(t, 50)), func(t *testing.T, at int, after bool) bool {
				r := newPartitionRelease(t, way)
				ctx, cancel := context.WithTimeout(t.Context(), hangs)
				defer cancel()
				d, dead, err := r.killAt(ctx, cancel, at, after, r.plan, r.options, r.report)
				if dead {
					ctx, cancel = context.WithTimeout(t.Context(), hangs)
					defer cancel()
					d, err = agent.Run(ctx, r.plan, r.options, r.report)
				}
				r.verify(d, err)
				return dead
			})
		})
	}
}
