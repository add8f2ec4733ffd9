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
// counts what the agent asked the API server for. Keeping the lock is left out: it takes its time and not its pods.
func partitionRequests(tb testing.TB, c *kubetest.Cluster, pods int) int {
	tb.Helper()
	w := worldIn(tb, c)
	c.Create(tb, w.Path("clonesets"), agenttest.CloneSet(pods, `{partition: 100%, maxUnavailable: 20%}`))
	ctx, cancel := context.WithCancel(tb.Context())
	defer cancel()
	go w.control(ctx, pods, make(chan any, 100))
	settings, _, err := kube.Access{Kubeconfig: c.Kubeconfig(tb), QPS: 500, Burst: 500, UserAgent: "slipway"}.Config()
	if err != nil {
		tb.Fatal(err)
	}
	p := plan.BatchPlan{Mode: plan.Partition}
	for share := 20; share <= 100; share += 20 {
		p.Batches = append(p.Batches, plan.Batch{Replicas: plan.Percent(share)})
	}
	options := agent.Options{Config: settings, Namespace: w.namespace, Name: "demo", Identity: "agent", Now: time.Now}
	d, err := agent.Run(ctx, p, options, nil)
	if err != nil || d.Reason != plan.Completed {
		tb.Fatalf("%d pods: ended with %s: %s, %v", pods, d.Reason, d.Message, err)
	}
	return len(c.Requests(tb, w.namespace).By("slipway").Where(func(r kubetest.Request) bool { return r.Resource != "leases" }))
}

// TestRequestsDoNotGrowWithPods holds that in partition mode a release of 10,000 pods asks for no more than one of ten.
func TestRequestsDoNotGrowWithPods(t *testing.T) {
	c := newWorld(t, "").Cluster
	few, many := partitionRequests(t, c, 10), partitionRequests(t, c, 10_000)
	t.Logf("10 pods: %d requests, 10,000 pods: %d", few, many)
	// A look that falls between a write and the status it leads to reads the revisions once more.
	if batches := 5; many > few+batches {
		t.Errorf("10 pods take %d requests and 10,000 take %d", few, many)
	}
}

// BenchmarkPartitionRequests says how many requests a batch takes.
func BenchmarkPartitionRequests(b *testing.B) {
	c := kubetest.Start(b, kubetest.Options{Definitions: [][]byte{crd.CloneSet()}})
	for _, pods := range []int{10, 100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("%d pods", pods), func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(float64(partitionRequests(b, c, pods))/5, "requests/batch")
			}
		})
	}
}
