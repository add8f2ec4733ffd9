// SPDX-License-Identifier: Apache-2.0

//go:build unix

package agent_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/crd"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

// BenchmarkRelease releases 1,000 pods, or as many as SLIPWAY_BENCH_PODS says, with maxUnavailable 20% by the binary that is
// shipped, with its default flags. It says what that costs: wall time, writes a pod from the API server's log, and CPU
// time and peak memory of the agent's process. With SLIPWAY_KRUISE it measures a real Kruise beside it.
func BenchmarkRelease(b *testing.B) {
	replicas := 1000
	if n, err := strconv.Atoi(os.Getenv("SLIPWAY_BENCH_PODS")); err == nil {
		replicas = n
	}
	binary := shipped(b)
	c := kubetest.Start(b, kubetest.Options{})
	kubeconfig := c.Kubeconfig(b)
	slipway := func(b *testing.B, ns string, _ int) {
		b.Helper()
		agent := exec.CommandContext(b.Context(), binary, "rollout", "run", "demo", "-n", ns, "--kubeconfig", kubeconfig, "-o", "none")
		if out, err := agent.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		b.ReportMetric((agent.ProcessState.UserTime() + agent.ProcessState.SystemTime()).Seconds(), "cpu-s")
		if usage, ok := agent.ProcessState.SysUsage().(*syscall.Rusage); ok {
			b.ReportMetric(float64(usage.Maxrss)/1024, "peak-MiB")
		}
	}
	kinds := []string{"ReCreate", "InPlaceIfPossible"}
	withKruise := os.Getenv("SLIPWAY_KRUISE") != ""
	if !withKruise {
		c.Install(b, crd.CloneSet())
	}
	var k *kruise
	if withKruise {
		k = newKruise(b, c)
	}
	for _, kind := range kinds {
		b.Run(kind, func(b *testing.B) { benchmark(b, c, kind, "slipway", replicas, slipway) })
	}
	if withKruise {
		stop := k.run(b, "--rest-config-qps=500", "--rest-config-burst=500") // of itself it makes 30 requests a second
		defer stop()
		for _, kind := range kinds {
			b.Run("Kruise/"+kind, func(b *testing.B) {
				benchmark(b, c, kind, "kruise-manager", replicas, func(b *testing.B, ns string, replicas int) {
					b.Helper()
					k.released(b, ns, replicas)
				})
			})
		}
	}
}

// benchmark measures releases by an agent, after a first one that makes the pods.
func benchmark(b *testing.B, c *kubetest.Cluster, kind, client string, replicas int, release func(b *testing.B, ns string,
	replicas int),
) {
	b.Helper()
	ns := c.Namespace(b)
	at := "/apis/apps.kruise.io/v1alpha1/namespaces/" + ns + "/clonesets"
	c.Create(b, at, agenttest.CloneSet(replicas, `{type: `+kind+`, maxUnavailable: 20%}`))
	b.Cleanup(func() { c.Delete(b, at+"/demo") })
	release(b, ns, replicas)
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		c.Patch(b, at+"/demo", map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"name": "app", "image": fmt.Sprintf("example.com/app:b%d", n)}},
		}}}})
		writes := podWrites(b, c, ns, client)
		b.StartTimer()
		began := time.Now()
		release(b, ns, replicas)
		b.StopTimer()
		b.ReportMetric(time.Since(began).Seconds(), "wall-s")
		b.ReportMetric(float64(podWrites(b, c, ns, client)-writes)/float64(replicas), "writes/pod")
		b.StartTimer()
	}
}

// shipped builds the binary as it is released.
func shipped(tb testing.TB) string {
	tb.Helper()
	binary := filepath.Join(tb.TempDir(), "slipway")
	if out, err := exec.Command("make", "-C", "../..", "build", "OUT="+binary).CombinedOutput(); err != nil {
		tb.Fatalf("%v: %s", err, out)
	}
	return binary
}

func podWrites(tb testing.TB, c *kubetest.Cluster, ns, client string) int {
	tb.Helper()
	return len(c.Requests(tb, ns).Writes().By(client).Where(func(r kubetest.Request) bool { return r.Resource == "pods" }))
}
