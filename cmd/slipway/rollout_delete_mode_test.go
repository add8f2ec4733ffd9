// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

// deleteModePlan is of a kind with updateStrategy OnDelete, with its first batch. What ends it are pods, not the time.
const deleteModePlan = `{apiVersion: slipway.dev/v1alpha1, kind: BatchPlan, metadata: {name: app}, spec: {
target: {apiVersion: apps/v1, kind: %s, name: app}, onFailure: Rollback, failFast: {reasons: [ImagePullBackOff], after: 1s},
batches: [{%s, pause: {untilApproved: true}}, {replicas: 100%%}]}}`

// followsDeleteMode is what people see at the command line of releases in delete mode: the table of status, the end and the exit
// code of watch, of one that completes and of one that goes back, which begins where the one before has ended.
func followsDeleteMode(t *testing.T, c *kubetest.Cluster) {
	for kind, first := range map[string]string{"StatefulSet": "replicas: 1", "DaemonSet": "nodes: {matchLabels: {pool: canary}}"} {
		t.Run(kind, func(t *testing.T) {
			ns, word := c.Namespace(t), strings.ToLower(kind)
			at := "/apis/apps/v1/namespaces/" + ns + "/" + word + "s"
			own := "replicas: 2, serviceName: app, podManagementPolicy: Parallel, "
			if kind == "DaemonSet" {
				own = ""
				addNodes(t, c, ns)
			}
			c.Create(t, at, fmt.Sprintf(`{apiVersion: apps/v1, kind: %s, metadata: {name: app}, spec: {%s
updateStrategy: {type: OnDelete}, selector: {matchLabels: {app: app}}, template: {metadata: {labels: {app: app}}, spec: {
nodeSelector: %s, containers: [{name: app, image: "example.com/app:v1"}]}}}}`, kind, own,
				map[bool]string{true: "{cluster: " + ns + "}", false: "{}"}[own == ""]))
			plan := filepath.Join(t.TempDir(), "plan.yaml")
			if err := os.WriteFile(plan, fmt.Appendf(nil, deleteModePlan, kind, first), 0o600); err != nil {
				t.Fatal(err)
			}
			kubeconfig := c.Kubeconfig(t)
			slipway := func(out *buffer, args ...string) int {
				return run(t.Context(), append([]string{"rollout"}, append(args, "--kubeconfig", kubeconfig, "-n", ns)...),
					strings.NewReader(""), out, out)
			}
			shows := func(says string, want int, args ...string) {
				t.Helper()
				kubetest.Eventually(t, fmt.Sprintf("%v shows %q and exits %d", args, says, want), func() (bool, string) {
					var out buffer
					code := slipway(&out, args...)
					return code == want && strings.Contains(out.String(), says), fmt.Sprint(code, "\n", out.String())
				})
			}
			release := func(tag string) (agent, watch <-chan int) {
				c.Patch(t, at+"/app", map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
					"containers": []any{map[string]any{"name": "app", "image": "example.com/app:" + tag}},
				}}}})
				begin := func(args ...string) <-chan int {
					ended := make(chan int, 1)
					go func() { ended <- slipway(new(buffer), args...) }()
					return ended
				}
				shows("NotStarted: ", 14, "status", word+"/app")
				watch = begin("watch", word+"/app")
				return begin("run", "--plan", plan, "--lease", "1s"), watch
			}
			ends := func(agent, watch <-chan int, want int) {
				t.Helper()
				if a, w := <-agent, <-watch; a != want || w != want {
					t.Errorf("run ended with %d and watch with %d, want %d", a, w, want)
				}
			}
			shows("2 of 2 pods updated, 2 of them available", 0, "status", word+"/app")

			agent, watch := release("v2")
			shows("AwaitingApproval: batch 1 of 2: 1 of 1 updated pods ready", 14, "status", "--plan", plan)
			if kind == "DaemonSet" {
				shows("1 of 2  all on nodes pool=canary  wait for approval, next batch  ready since", 14, "status", "--plan", plan)
			}
			shows("batch 1 of 2 approved by ", 0, "approve", "--plan", plan)
			ends(agent, watch, 0)
			shows("Completed: batch 2 of 2: 2 of 2 updated pods ready", 0, "status", word+"/app", "--wait")

			agent, watch = release(kubetest.TagMissing)
			ends(agent, watch, 12)
			shows("RolledBack", 12, "status", word+"/app")
		})
	}
}

// addNodes adds two nodes, the first of them a canary, that pods of a namespace select.
func addNodes(t *testing.T, c *kubetest.Cluster, ns string) {
	t.Helper()
	for i, pool := range []string{"canary", "main"} {
		name := fmt.Sprintf("%s-%d", ns, i)
		c.Create(t, "/api/v1/nodes", fmt.Sprintf(`{apiVersion: v1, kind: Node, metadata: {name: %s, labels: {cluster: %s, pool: %s}}}`,
			name, ns, pool))
		t.Cleanup(func() { _ = c.TryDelete("/api/v1/nodes/" + name) })
		c.Patch(t, "/api/v1/nodes/"+name, map[string]any{"spec": map[string]any{"taints": []any{}}}) // that of a new node
	}
}
