// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/kube/crd"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// partitionRequests releases that many pods in five batches, with a controller that writes a status and nothing else, and
// counts what the agent asked the API server for.
func partitionRequests(tb testing.TB, c *kubetest.Cluster, pods int) int {
	tb.Helper()
	w := worldIn(tb, c)
	c.Create(tb, w.Path("clonesets"), agenttest.CloneSet(pods, `{partition: 100%, maxUnavailable: 20%}`))
	ctx, cancel := context.WithCancel(tb.Context())
	defer cancel()
	go w.control(ctx, pods, make(chan any, 100))
	p := plan.BatchPlan{Mode: plan.Partition}
	for share := 20; share <= 100; share += 20 {
		p.Batches = append(p.Batches, plan.Batch{Replicas: plan.Percent(share)})
	}
	return requestsOf(tb, w, p, agent.Options{Name: "demo"})
}

// deploymentRequests is partitionRequests for a Deployment in three batches, whose own controller makes the pods.
func deploymentRequests(tb testing.TB, c *kubetest.Cluster, pods int) int {
	tb.Helper()
	w := worldIn(tb, c)
	c.Create(tb, w.Path("deployments"), deployment(pods, "25%", "0"))
	p := thirds()
	p.Mode = plan.Partition
	of := agent.Options{Kind: "Deployment", Name: "web"}
	requestsOf(tb, w, p, of) // a first install, which has no batches
	c.Patch(tb, w.Path("deployments", "web"), map[string]any{"spec": map[string]any{"template": map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{"version": "v2"}},
	}}})
	return requestsOf(tb, w, p, of)
}

// requestsOf carries a release out and counts its requests. Keeping the lock is left out: it takes its time and not its pods.
func requestsOf(tb testing.TB, w *world, p plan.BatchPlan, options agent.Options) int {
	tb.Helper()
	settings, _, err := kube.Access{Kubeconfig: w.Kubeconfig(tb), QPS: 500, Burst: 500, UserAgent: "slipway"}.Config()
	if err != nil {
		tb.Fatal(err)
	}
	asked := func() int {
		own := func(r kubetest.Request) bool { return r.Resource != "leases" }
		return len(w.Requests(tb, w.namespace).By("slipway").Where(own))
	}
	before := asked()
	options.Config, options.Namespace, options.Identity, options.Now = settings, w.namespace, "agent", time.Now
	d, err := agent.Run(tb.Context(), p, options, nil)
	if err != nil || d.Reason != plan.Completed {
		tb.Fatalf("the release of %s ended with %s: %s, %v", options.Name, d.Reason, d.Message, err)
	}
	return asked() - before
}

// TestRequestsDoNotGrowWithPods holds that in partition mode a release of 10,000 pods asks for no more than one of ten.
func TestRequestsDoNotGrowWithPods(t *testing.T) {
	c := newWorld(t, "").Cluster
	few, many := partitionRequests(t, c, 10), partitionRequests(t, c, 10_000)
	t.Logf("10 pods: %d requests, 10,000 pods: %d", few, many)
	// An observation that falls between a write and the status it leads to reads the revisions once more.
	if batches := 5; many > few+batches {
		t.Errorf("10 pods take %d requests and 10,000 take %d", few, many)
	}
}

// TestRequestsOfDeploymentsDoNotGrowWithPods holds the same for a Deployment, whose pods the agent follows. How many times its
// bounds are written depends on the share of a batch that they let pass at once, which is the same for both.
func TestRequestsOfDeploymentsDoNotGrowWithPods(t *testing.T) {
	t.Parallel()
	c := newWorld(t, "").Cluster
	few, many := deploymentRequests(t, c, 12), deploymentRequests(t, c, 48)
	t.Logf("12 pods: %d requests, 48 pods: %d", few, many)
	// Some requests depend on when an observation falls. Four times the pods would take four times those that grow with them.
	if many > 2*few {
		t.Errorf("12 pods take %d requests and 48 take %d", few, many)
	}
}

// BenchmarkPartitionRequests says how many requests a batch takes.
func BenchmarkPartitionRequests(b *testing.B) {
	c := kubetest.Start(b, kubetest.Options{Definitions: [][]byte{crd.CloneSet()}, ControllerManager: true})
	for _, kind := range []struct {
		name     string
		requests func(testing.TB, *kubetest.Cluster, int) int
		batches  int
		pods     []int
	}{
		{"CloneSet", partitionRequests, 5, []int{10, 100, 1_000, 10_000}},
		{"Deployment", deploymentRequests, 3, []int{10, 100}},
	} {
		for _, pods := range kind.pods {
			b.Run(fmt.Sprintf("%s/%d pods", kind.name, pods), func(b *testing.B) {
				for b.Loop() {
					b.ReportMetric(float64(kind.requests(b, c, pods))/float64(kind.batches), "requests/batch")
				}
			})
		}
	}
}
