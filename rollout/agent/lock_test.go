// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// unready is a strategy and an image under which a release waits until somebody ends it.
func (w *world) startUnready(identity string) (context.CancelFunc, <-chan error) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	options := w.Options()
	options.Identity = identity
	waiting, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		_, err := agent.Run(ctx, plan.BatchPlan{}, options, func(_ rollout.Observed, d rollout.Decision) {
			if d.Verdict == rollout.Wait {
				select {
				case waiting <- struct{}{}:
				default:
				}
			}
		})
		ended <- err
	}()
	select {
	case <-waiting:
	case err := <-ended:
		w.t.Fatalf("the release ended before it waited: %v", err)
	}
	w.t.Cleanup(cancel)
	return cancel, ended
}

func waitingWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, agenttest.CloneSet(2, `{type: ReCreate, maxSurge: 1, maxUnavailable: 0}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	w.Image("unready")
	return w
}

func (w *world) leases() []any {
	w.t.Helper()
	return kubetest.Field(w.Get(w.t, w.Path("leases")), "items").([]any)
}

func TestSecondAgentNamesTheHolderAndEnds(t *testing.T) {
	t.Parallel()
	w := waitingWorld(t)
	w.startUnready("first")
	_, err := agent.Run(t.Context(), plan.BatchPlan{}, w.Options(), nil)
	if h := held(err); h == nil || h.Holder != "first" {
		t.Fatalf("the second agent ended with %v", err)
	}
}

// TestAgentOfAnOlderVersion holds a lock of another name. It is honoured while it is renewed, and where it may be read.
func TestAgentOfAnOlderVersion(t *testing.T) {
	t.Parallel()
	w := waitingWorld(t)
	uid := kubetest.Field(w.Get(t, w.Path("clonesets", "demo")), "metadata", "uid").(string)
	lease := w.Path("leases", "slipway-"+uid)
	w.Create(t, w.Path("leases"), map[string]any{
		"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": map[string]any{"name": "slipway-" + uid},
		"spec": map[string]any{"holderIdentity": "older", "leaseDurationSeconds": 60},
	})
	renewing, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		for n := 0; renewing.Err() == nil; n++ {
			// Without one renewal the agent takes the holder for dead, and the test fails.
			_, _ = w.TryPatch(lease, map[string]any{"spec": map[string]any{"leaseTransitions": n}})
		}
	}()
	_, err := agent.Run(t.Context(), plan.BatchPlan{}, w.Options(), nil)
	if h := held(err); h == nil || h.Holder != "older" || h.Lease != "slipway-"+uid {
		t.Fatalf("the agent ended with %v", err)
	}
	stop()
	user := w.User(t, w.namespace, agenttest.Rights(false)...)
	kubetest.Eventually(t, "the rights are known", func() (bool, string) {
		_, err := user.TryGet(w.Path("clonesets", "demo"))
		return err == nil, fmt.Sprint(err)
	})
	w.Image("v2")
	options := w.Options()
	options.Config = agenttest.Config(t, user.Client)
	if d, err := agent.Run(t.Context(), plan.BatchPlan{}, options, nil); err != nil || d.Reason != plan.Completed {
		t.Fatalf("without the right to read that lock: %s, %v", d.Reason, err)
	}
	w.Image("v3")
	w.Patch(t, lease, map[string]any{"spec": map[string]any{"leaseDurationSeconds": 1}})
	w.Release(plan.BatchPlan{}, plan.Completed) // its holder is dead
}

func TestSignalSavesAndGivesTheLockBack(t *testing.T) {
	t.Parallel()
	w := waitingWorld(t)
	stop, ended := w.startUnready("first")
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatalf("ended with %v", err)
	}
	if n := len(w.leases()); n != 0 { // so another agent has nothing to wait for
		t.Errorf("%d leases are left", n)
	}
	w.startUnready("second")
}

func TestAgentStopsAtItsNextWriteOnceTheLockIsStolen(t *testing.T) {
	t.Parallel()
	w := waitingWorld(t)
	_, ended := w.startUnready("first")
	name := kubetest.Field(w.leases()[0], "metadata", "name").(string)
	w.Patch(t, w.Path("leases", name), map[string]any{"spec": map[string]any{"holderIdentity": "thief"}})
	writes := func() int {
		return len(w.Requests(t, w.namespace).Writes().By("slipway").Where(func(r kubetest.Request) bool {
			return r.Resource == "pods" && r.Code < 400
		}))
	}
	before := writes()
	w.Image("v3") // there is something to write: that the release is superseded
	if h := held(<-ended); h == nil || h.Holder != "thief" || !h.Stolen {
		t.Fatalf("the first agent ended with %v", h)
	}
	if n := writes(); n != before {
		t.Errorf("%d pod writes after the theft", n-before)
	}
}

func TestAgentTakesOverFromOneThatWasKilled(t *testing.T) {
	t.Parallel()
	w := waitingWorld(t)
	if !w.runKilled(8, true) {
		t.Fatal("the agent was not killed")
	}
	w.Image("v2") // the clock of the lease's holder does not matter: it is far in the future
	name := kubetest.Field(w.leases()[0], "metadata", "name").(string)
	w.Patch(t, w.Path("leases", name), map[string]any{"spec": map[string]any{"renewTime": "2099-01-01T00:00:00.000000Z"}})
	w.Release(plan.BatchPlan{}, plan.Completed)
}

// TestLockOfATargetThatIsGone leaves the lock of a killed agent behind, and makes its target anew under the old name.
func TestLockOfATargetThatIsGone(t *testing.T) {
	t.Parallel()
	w := waitingWorld(t)
	if !w.runKilled(8, true) {
		t.Fatal("the agent was not killed")
	}
	left := w.leases()[0].(map[string]any)
	w.Delete(t, w.Path("clonesets", "demo"))
	w.Create(t, w.Path("clonesets"), agenttest.CloneSet(2, `{type: ReCreate, maxSurge: 1, maxUnavailable: 0}`))
	if len(w.leases()) == 0 { // the garbage collector was faster: the worst case is that it was not
		metadata := map[string]any{"name": kubetest.Field(left, "metadata", "name")}
		left["metadata"] = metadata
		w.Create(t, w.Path("leases"), left)
	}
	w.Release(plan.BatchPlan{}, plan.Completed)
	if n := len(w.leases()); n != 0 {
		t.Errorf("%d leases are left", n)
	}
}
