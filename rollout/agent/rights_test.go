// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/report"
)

// exercise makes a user with these rights go through everything that an agent does: create, update in place, scale in,
// replace a lost pod, resize one. It returns the warnings.
func (w *world) exercise(rules []kubetest.Rule) (warnings []string, err error) {
	w.t.Helper()
	user := w.User(w.t, w.namespace, rules...)
	kubetest.Eventually(w.t, "the rights are known", func() (bool, string) {
		_, one := user.TryGet(w.Path("clonesets", "demo"))
		_, other := user.TryGet(w.Path("controllerrevisions"))
		return one == nil || other == nil, fmt.Sprint(one, other)
	})
	ctx, cancel := context.WithTimeout(w.t.Context(), hangs)
	defer cancel()
	steps := []func(){
		func() {}, func() { w.Image("v2") }, func() { w.scale(1) },
		func() { w.Image("v1") }, func() { w.Image("v3") }, func() { w.Image("v4") },
		func() { w.cpu("100m") }, func() { w.cpu("200m") },
	}
	for _, step := range steps {
		step()
		options := w.Options()
		options.Config = agenttest.Config(w.t, user.Client)
		options.Warn = func(err error) { warnings = append(warnings, err.Error()) }
		d, err := agent.Run(ctx, plan.BatchPlan{}, options, nil)
		if err != nil {
			return warnings, err
		}
		if d.Reason != plan.Completed {
			return warnings, errors.New(d.Message)
		}
	}
	return warnings, nil
}

// cpu makes the containers ask for an amount of cpu.
func (w *world) cpu(amount string) {
	w.t.Helper()
	container := map[string]any{
		"name": "app", "image": "example.com/app:v4",
		"resources": map[string]any{"requests": map[string]any{"cpu": amount}},
	}
	w.Patch(w.t, w.Path("clonesets", "demo"), map[string]any{
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{container}}}},
	})
}

const exercised = "  revisionHistoryLimit: 1\n" + agenttest.ClaimTemplates

// TestLeastRights runs an agent with exactly the rights of the printed Role, and then with each verb of it taken away:
// the agent says which right it misses.
func TestLeastRights(t *testing.T) {
	shared.Get(t)
	whole := agenttest.Rights(true)
	t.Run("all", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, agenttest.CloneSet(2, `{type: InPlaceIfPossible, maxSurge: 1, maxUnavailable: 0}`, exercised))
		if warnings, err := w.exercise(whole); err != nil || len(warnings) > 0 {
			t.Errorf("%v, warnings %v", err, warnings)
		}
	})
	for i, rule := range whole {
		for j, verb := range rule.Verbs {
			resource := rule.Resources[0]
			if verb == "get" && resource == "pods" {
				continue // only after another object was faster
			}
			t.Run(fmt.Sprintf("without %s %s", verb, strings.ReplaceAll(resource, "/", "-")), func(t *testing.T) {
				t.Parallel()
				manifest := agenttest.CloneSet(2, `{type: InPlaceIfPossible, maxSurge: 1, maxUnavailable: 0}`, exercised)
				if resource == "leases" { // long enough to renew one
					manifest = strings.ReplaceAll(manifest, "labels: {app: demo}}",
						"labels: {app: demo}, annotations: {kubelet.slipway.dev/ready-after: 1s}}")
				}
				w := newWorld(t, manifest)
				less := append([]kubetest.Rule(nil), whole...)
				less[i].Verbs = append(append([]string(nil), rule.Verbs[:j]...), rule.Verbs[j+1:]...)
				if len(less[i].Verbs) == 0 {
					less = append(less[:i:i], less[i+1:]...)
				}
				warnings, err := w.exercise(less)
				said := strings.Join(warnings, "\n") + fmt.Sprint(err)
				resource, subresource, _ := strings.Cut(resource, "/")
				if subresource != "" {
					resource += "/" + subresource
				}
				if !strings.Contains(said, "cannot "+verb) || !strings.Contains(said, resource) || !strings.Contains(said, "prints a Role") {
					t.Errorf("without %s %s the agent says: %s", verb, resource, said)
				}
			})
		}
	}
}

// TestRightsReachNoOtherLock asks with an agent's rights for the lock of another target.
func TestRightsReachNoOtherLock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	lease := func(name string) string {
		return `{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: ` + name + `}, spec: {holderIdentity: somebody}}`
	}
	w.Create(t, w.Path("leases"), lease("slipway-other"))
	user := w.User(t, w.namespace, agenttest.Rights(false)...)
	kubetest.Eventually(t, "the rights are known", func() (bool, string) {
		_, err := user.TryCreate(w.Path("leases"), lease("slipway-demo"))
		return err == nil, fmt.Sprint(err)
	})
	_, read := user.TryGet(w.Path("leases", "slipway-other"))
	for what, err := range map[string]error{"read": read, "deleted": user.TryDelete(w.Path("leases", "slipway-other"))} {
		if err == nil || !strings.Contains(err.Error(), "forbidden") {
			t.Errorf("the lock of another target is %s: %v", what, err)
		}
	}
	if err := user.TryDelete(w.Path("leases", "slipway-demo")); err != nil {
		t.Error(err)
	}
}

// TestCost counts on the API server's log how often an updated pod is written, and replays the decisions.
func TestCost(t *testing.T) {
	const replicas = 60
	for _, c := range []struct {
		kind string
		most float64
	}{{"ReCreate", 2.05}, {"InPlaceIfPossible", 3.05}} {
		t.Run(c.kind, func(t *testing.T) {
			w := newWorld(t, agenttest.CloneSet(replicas, `{type: `+c.kind+`, maxUnavailable: 20%}`))
			w.Release(plan.BatchPlan{}, plan.Completed)
			before := len(w.podWrites().Accepted())
			w.Image("v2")
			var log bytes.Buffer
			audit := report.NewAudit(&log, plan.BatchPlan{Mode: plan.Direct})
			began := time.Now()
			d, err := agent.Run(t.Context(), plan.BatchPlan{Mode: plan.Direct}, w.Options(), audit.Record)
			if err != nil || d.Reason != plan.Completed {
				t.Fatalf("ended with %s, %v", d.Reason, err)
			}
			perPod := float64(len(w.podWrites().Accepted())-before) / replicas
			t.Logf("%s: %.2f writes a pod, %v, %d bytes of audit log", c.kind, perPod, time.Since(began), log.Len())
			if perPod > c.most {
				t.Errorf("%.2f writes a pod, at most %.2f: %v", perPod, c.most, w.Requests(t, w.namespace).Writes().By("slipway").Count())
			}
			if audit.Err() != nil {
				t.Fatal(audit.Err())
			}
			if n, err := report.Replay(bytes.NewReader(log.Bytes())); err != nil || n == 0 {
				t.Errorf("%d decisions made again: %v", n, err)
			}
			forged := strings.Replace(log.String(), `"verdict":"Done"`, `"verdict":"Wait"`, 1)
			if _, err := report.Replay(strings.NewReader(forged)); !errors.Is(err, report.ErrDiffers) {
				t.Errorf("a forged log gives %v", err)
			}
		})
	}
}
