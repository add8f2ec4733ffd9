// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// faulty is a release of a kind of apps/v1 that kube-controller-manager reconciles, with what must hold of it.
type faulty struct {
	*world
	name    string
	options agent.Options
	plan    plan.BatchPlan
	watch   *watcher
	image   func(tag string)
	ended   func(tag string) // what must be so at its end
}

// draw makes a world with a release that the seed draws: a Deployment, a StatefulSet or a DaemonSet, whose pods all run v1.
func draw(t *testing.T, seed int, random *rand.Rand) *faulty {
	t.Helper()
	replicas, unavailable := 3+random.IntN(3), 1+random.IntN(2)
	f := &faulty{plan: thirds()}
	switch seed % 3 {
	case 0:
		surge := random.IntN(3)
		if unavailable--; surge == 0 {
			unavailable++
		}
		f.ofDeployment(t, replicas, surge, unavailable)
	case 1:
		policy := []string{"OrderedReady", "Parallel"}[random.IntN(2)]
		f.world = newOnDelete(t, replicas, policy)
		f.name = fmt.Sprintf("StatefulSet, %s, %d pods, U=%d", policy, replicas, unavailable)
		f.options, f.image = f.optionsOf("StatefulSet"), f.statefulImage
		f.ended = func(tag string) { f.runsReady(replicas, tag) }
	default:
		d := newDaemons(t, replicas, 1+random.IntN(2))
		f.world, f.options, f.image = d.world, d.options(), d.image
		f.name = fmt.Sprintf("DaemonSet, %d nodes, U=%d", replicas, unavailable)
		f.plan.Batches[0] = plan.Batch{Nodes: &plan.Selector{Labels: map[string]string{"pool": "canary"}}}
		f.ended = func(tag string) { d.stands(replicas, tag) }
	}
	if seed%3 > 0 {
		f.plan.MaxUnavailable = plan.Pods(unavailable)
	}
	f.watch = f.budget(replicas, unavailable)
	f.plan.ProgressDeadline = 90 * time.Second
	return f
}

func (f *faulty) ofDeployment(t *testing.T, replicas, surge, unavailable int) {
	t.Helper()
	f.world = newWorld(t, "")
	f.name = fmt.Sprintf("Deployment, %d pods, S=%d, U=%d", replicas, surge, unavailable)
	f.Create(t, f.Path("deployments"), deployment(replicas, fmt.Sprint(surge), fmt.Sprint(unavailable)))
	f.options, f.image = f.world.ofDeployment(), f.deploymentImage
	if d, _ := f.rolls(thirds(), f.options); d.Reason != plan.Completed {
		t.Fatalf("the first release ended with %s: %s", d.Reason, d.Message)
	}
	before, sets := f.fields(), f.watchSets(replicas+surge)
	f.ended = func(tag string) {
		f.runs(replicas, tag)
		if diff := cmp.Diff(before, f.fields()); diff != "" {
			t.Errorf("the fields are not as they were (-want +got):\n%s", diff)
		}
		if sets := sets(); len(sets) > 0 {
			t.Errorf("ReplicaSets wanted more than %d pods:\n%s", replicas+surge, strings.Join(sets, "\n"))
		}
	}
}

// watchSets begins to watch ReplicaSets, and tells of each moment in which all of them together wanted more pods than most.
func (w *world) watchSets(most int) (broken func() []string) {
	w.t.Helper()
	var mu sync.Mutex
	var said []string
	wanted := map[any]float64{}
	w.watch("/apis/apps/v1/namespaces/"+w.namespace+"/replicasets", func(what string, o map[string]any) {
		mu.Lock()
		defer mu.Unlock()
		name := kubetest.Field(o, "metadata", "name")
		wanted[name], _ = kubetest.Field(o, "spec", "replicas").(float64)
		if what == "DELETED" {
			delete(wanted, name)
		}
		all := 0.0
		for _, n := range wanted {
			all += n
		}
		if all > float64(most) {
			said = append(said, fmt.Sprintf("after %s %s: %v", what, name, wanted))
		}
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return said
	}
}

// TestFaultsWithKubernetesController releases Deployments, and StatefulSets and DaemonSets in delete mode, through a proxy that
// does mischief, forward and back. Agents are killed at random writes besides. The controller has no proxy; in every other seed
// it crashes at three moments and starts again.
func TestFaultsWithKubernetesController(t *testing.T) {
	soak(t, 3, 1, 13, func(t *testing.T, seed int, random *rand.Rand) {
		f := draw(t, seed, random)
		tag, end, want, report := "v2", "v2", plan.Completed, f.Log()
		if random.IntN(2) == 0 {
			f.plan.OnFailure = plan.Rollback
			tag, end, want, report = kubetest.TagMissing, "v1", plan.RolledBack, f.aborts(f.options)
		}
		if seed%2 == 0 {
			report = f.crashes(seed, report)
		}
		t.Logf("%s, to %s", f.name, tag)
		f.image(tag)
		m := &mischief{random: random}
		m.proxy = f.Proxy(t, m.fault)
		settings := agenttest.Config(t, m.proxy.For(f.Client))
		settings.QPS, settings.Burst = 500, 500
		tries := 0
		f.retried(t, func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			options := f.options
			options.Config, options.Release = settings, "faulty"
			if tries++; tries <= 3 { // no agent comes far
				options, _ = mortal(options, 1+tries*(seed+tries)%7, seed%2 == 0, cancel)
			}
			options.Identity = fmt.Sprintf("agent-%d", time.Now().UnixNano())
			return runOnce(ctx, f.plan, options, m, want, report)
		})
		f.ended(end)
		f.watch.verify(t, f.world)
	})
}

// crashes is a report that restarts the controller at three of the agents' decisions, which the seed draws. The agents do not
// wait for it.
func (f *faulty) crashes(seed int, report func(rollout.Observed, rollout.Decision)) func(rollout.Observed, rollout.Decision) {
	f.t.Helper()
	random, decisions, at := rand.New(rand.NewPCG(uint64(seed), 19)), 0, map[int]bool{}
	for range 3 {
		at[1+random.IntN(25)] = true
	}
	var restarts sync.WaitGroup
	f.t.Cleanup(restarts.Wait)
	return func(o rollout.Observed, d rollout.Decision) {
		report(o, d)
		if decisions++; at[decisions] {
			f.t.Logf("the controller crashes after %s: %s", d.Reason, d.Message)
			restarts.Go(func() { f.RestartControllers(f.t) })
		}
	}
}
