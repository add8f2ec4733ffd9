// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/manifests"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// onDelete is the StatefulSet demo with updateStrategy OnDelete.
func onDelete(replicas int, policy string) string {
	text := strings.Replace(stateful(replicas, 0), "updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 0}}",
		"updateStrategy: {type: OnDelete}", 1)
	return strings.Replace(text, "  serviceName", "  podManagementPolicy: "+policy+"\n  serviceName", 1)
}

// newOnDelete is a world with a StatefulSet of OnDelete whose pods all run v1. The controller is the real one.
func newOnDelete(t *testing.T, replicas int, policy string) *world {
	t.Helper()
	w := newWorld(t, "")
	w.Create(t, w.Path("statefulsets"), onDelete(replicas, policy))
	w.runsReady(replicas, "v1")
	return w
}

// runsReady waits until so many pods are ready, all of one image.
func (w *world) runsReady(replicas int, tag string) {
	w.t.Helper()
	w.runs(replicas, tag)
	kubetest.Eventually(w.t, "all pods are ready", func() (bool, string) {
		ready := kubetest.Field(w.Get(w.t, w.Path("statefulsets", "demo")), "status", "availableReplicas")
		return ready == float64(replicas), fmt.Sprint(ready)
	})
}

// deletes carries out a release in delete mode, and returns the rests as rolls does, and the pods that were deleted.
func (w *world) deletes(p plan.BatchPlan, options agent.Options) (d rollout.Decision, rests, deleted []string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), hangs)
	defer cancel()
	log := w.Log()
	d, err := agent.Run(ctx, p, options, func(o rollout.Observed, d rollout.Decision) {
		log(o, d)
		for _, a := range d.Actions {
			if a.Kind == rollout.DeletePod {
				deleted = append(deleted, a.Pod.Name)
			}
		}
		if d.Reason == plan.BatchReady && o.Progress.Ready.IsZero() {
			c := o.Counts()
			rests = append(rests, fmt.Sprintf("%d %d %d %d %d", c.Desired, c.Updated, c.UpdatedAvailable, c.Available, c.Total))
		}
	})
	if err != nil {
		w.t.Fatalf("release ended with %s (%s), %v", d.Reason, d.Message, err)
	}
	return d, rests, deleted
}

// TestOnDelete releases StatefulSets of OnDelete, which kube-controller-manager makes anew what is deleted of: nobody says the
// mode, the highest ordinal goes first, and never more than one pod is away.
func TestOnDelete(t *testing.T) {
	t.Parallel()
	w := newOnDelete(t, 4, "OrderedReady")
	w.statefulImage("v2")
	watch := w.budget(4, 1)
	d, rests, deleted := w.deletes(thirds(), w.optionsOf("StatefulSet"))
	if d.Reason != plan.Completed {
		t.Fatalf("ended with %s: %s", d.Reason, d.Message)
	}
	if diff := cmp.Diff([]string{"4 1 1 4 4", "4 2 2 4 4", "4 4 4 4 4"}, rests); diff != "" {
		t.Errorf("rests (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"demo-3", "demo-2", "demo-1", "demo-0"}, deleted); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
	watch.verify(t, w)
	w.runsReady(4, "v2")
	w.visible(w.optionsOf("StatefulSet"))
}

// daemons is a world of nodes with a DaemonSet of OnDelete, agent, whose pods all run v1. The first nodes are canaries.
type daemons struct {
	*world
	nodes []string
}

func newDaemons(t *testing.T, nodes, canaries int) *daemons {
	t.Helper()
	d := &daemons{world: newWorld(t, "")}
	for i := range nodes {
		pool := "main"
		if i < canaries {
			pool = "canary"
		}
		d.addNode(fmt.Sprintf("%s-n%d", d.NS, i), pool)
	}
	d.Create(t, d.daemonPath(), daemonSet(d.NS))
	d.stands(nodes, "v1")
	return d
}

// daemonSet is the DaemonSet demo with updateStrategy OnDelete, for the nodes of a cluster.
func daemonSet(cluster string) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: demo}
spec:
  selector: {matchLabels: {app: demo}}
  updateStrategy: {type: OnDelete}
  template:
    metadata: {labels: {app: demo}}
    spec:
      nodeSelector: {cluster: %s}
      containers: [{name: app, image: "example.com/app:v1"}]
`, cluster)
}

func (d *daemons) daemonPath(name ...string) string {
	return strings.Join(append([]string{"/apis/apps/v1/namespaces", d.NS, "daemonsets"}, name...), "/")
}

// addNode adds a node that the DaemonSet is for. The API server taints a new one, and nothing here takes that off again.
func (d *daemons) addNode(name, pool string) {
	d.t.Helper()
	d.Create(d.t, "/api/v1/nodes", fmt.Sprintf(`{apiVersion: v1, kind: Node, metadata: {name: %s, labels: {cluster: %s, `+
		`pool: %s}}}`, name, d.NS, pool))
	d.nodes = append(d.nodes, name)
	d.t.Cleanup(func() { _ = d.TryDelete("/api/v1/nodes/" + name) })
	d.taint(name)
}

// taint gives a node these taints and no other.
func (d *daemons) taint(name string, taints ...any) {
	d.t.Helper()
	d.Patch(d.t, "/api/v1/nodes/"+name, map[string]any{"spec": map[string]any{"taints": taints}})
}

// stands waits until so many pods are ready by the status, all of one image.
func (d *daemons) stands(nodes int, tag string) {
	d.t.Helper()
	d.runs(nodes, tag)
	kubetest.Eventually(d.t, "all pods are ready", func() (bool, string) {
		status := kubetest.Field(d.Get(d.t, d.daemonPath("demo")), "status")
		return kubetest.Field(status, "numberAvailable") == float64(nodes) &&
			kubetest.Field(status, "desiredNumberScheduled") == float64(nodes), fmt.Sprint(status)
	})
}

func (d *daemons) image(tag string) {
	d.t.Helper()
	d.Patch(d.t, d.daemonPath("demo"), map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"name": "app", "image": "example.com/app:" + tag}},
	}}}})
}

func (d *daemons) options() agent.Options {
	o := d.optionsOf("DaemonSet")
	o.Version = "apps/v1"
	return o
}

// TestDaemonSet releases a DaemonSet of apps/v1, within the maxUnavailable of the plan.
func TestDaemonSet(t *testing.T) {
	t.Parallel()
	d := newDaemons(t, 5, 2)
	d.image("v2")
	watch := d.budget(5, 2)
	p := thirds()
	p.MaxUnavailable = plan.Pods(2)
	out, rests, deleted := d.deletes(p, d.options())
	if out.Reason != plan.Completed {
		t.Fatalf("ended with %s: %s", out.Reason, out.Message)
	}
	if diff := cmp.Diff([]string{"5 1 1 5 5", "5 2 2 5 5", "5 5 5 5 5"}, rests); diff != "" || len(deleted) != 5 {
		t.Errorf("rests (-want +got):\n%s\ndeleted %v", diff, deleted)
	}
	watch.verify(t, d.world)
	d.stands(5, "v2")
}

// TestDaemonSetByNodes releases the canary nodes first, and then the others. A node that fails meanwhile, and one that is new,
// end as their controller leaves them.
func TestDaemonSetByNodes(t *testing.T) {
	t.Parallel()
	d := newDaemons(t, 5, 2)
	d.image("v2")
	p := plan.BatchPlan{Batches: []plan.Batch{
		{Nodes: &plan.Selector{Labels: map[string]string{"pool": "canary"}}},
		{Replicas: plan.Percent(60)},
		{Replicas: plan.Percent(100)},
	}}
	var canaries []string
	log := d.Log()
	failed := d.nodes[4]
	out, err := agent.Run(t.Context(), p, d.options(), func(o rollout.Observed, decided rollout.Decision) {
		log(o, decided)
		for _, a := range decided.Actions {
			if i := slices.IndexFunc(o.Pods, func(p rollout.Pod) bool { return p.Name == a.Pod.Name }); i >= 0 && decided.Batch == 0 {
				canaries = append(canaries, o.Pods[i].Node)
			}
		}
		if decided.Batch == 1 && decided.Reason == plan.BatchStarted {
			d.taint(failed, map[string]any{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"})
			d.addNode(d.NS+"-new", "main")
		}
	})
	if err != nil || out.Reason != plan.Completed || !strings.Contains(out.Message,
		"not counted: 1 on nodes that are closed to them") {
		t.Fatalf("ended with %s: %s, %v", out.Reason, out.Message, err)
	}
	slices.Sort(canaries)
	if diff := cmp.Diff(d.nodes[:2], canaries); diff != "" {
		t.Errorf("nodes of the first batch (-want +got):\n%s", diff)
	}
	images := map[string]int{}
	for _, image := range d.podImages() {
		images[image]++
	}
	if diff := cmp.Diff(map[string]int{"example.com/app:v1": 1, "example.com/app:v2": 5}, images); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
	p.Batches[0].Nodes.Labels["pool"] = "canari"
	d.image("v3")
	out, err = agent.Run(t.Context(), p, d.options(), nil)
	if err != nil || out.Reason != plan.Invalid || !strings.Contains(out.Message,
		"spec.batches[0].nodes: no node of the cluster has pool=canari") {
		t.Errorf("ended with %s: %s, %v", out.Reason, out.Message, err)
	}
}

// TestDaemonSetSuperseded gets the old template back while the canaries wait: the release ends, and the next one takes the pods
// back.
func TestDaemonSetSuperseded(t *testing.T) {
	t.Parallel()
	d := newDaemons(t, 3, 1)
	d.image("v2")
	p := approvals()
	p.Batches[0] = plan.Batch{
		Nodes: &plan.Selector{Labels: map[string]string{"pool": "canary"}},
		Pause: plan.Pause{UntilApproved: true},
	}
	first := d.start(p, d.options())
	first.waitsIn(0)
	d.image("v1")
	first.end(plan.Superseded)
	if out, _, deleted := d.deletes(plan.BatchPlan{}, d.options()); out.Reason != plan.Completed || len(deleted) != 1 {
		t.Errorf("the next release ended with %s: %s, and deleted %v", out.Reason, out.Message, deleted)
	}
	d.stands(3, "v1")
}

// TestOnDeleteKilledAtEveryWrite kills the agent before and after its writes and starts another one: the budget holds, and the
// end is that of a release that nobody killed. SLIPWAY_SEEDS asks for more of the writes.
func TestOnDeleteKilledAtEveryWrite(t *testing.T) {
	shared.Get(t)
	for at := 1; at <= 30; at += max(1, 8-seeds(t, 1)) {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("write %d, after %v", at, after), func(t *testing.T) {
				t.Parallel()
				w := newOnDelete(t, 3, "OrderedReady")
				w.statefulImage("v2")
				watch := w.budget(3, 1)
				ctx, cancel := context.WithTimeout(t.Context(), hangs)
				defer cancel()
				d, dead, err := w.killAt(ctx, cancel, at, after, thirds(), w.optionsOf("StatefulSet"), w.Log())
				if !dead && (err != nil || d.Reason != plan.Completed) {
					t.Fatalf("the release that nobody killed ended with %s, %v", d.Reason, err)
				}
				if d, _, _ := w.deletes(thirds(), w.optionsOf("StatefulSet")); d.Reason != plan.Completed {
					t.Fatalf("ended with %s: %s", d.Reason, d.Message)
				}
				watch.verify(t, w)
				w.runsReady(3, "v2")
			})
		}
	}
}

// TestOnDeleteGoesBack fails in its second batch, whose pods never get ready: the old template is back in one write, and then
// the pods of the failed revision go within the same budget.
func TestOnDeleteGoesBack(t *testing.T) {
	for _, policy := range []string{"OrderedReady", "Parallel"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			w := newOnDelete(t, 5, policy)
			watch := w.budget(5, 2)
			w.statefulImage(kubetest.TagMissing)
			p := plan.BatchPlan{
				OnFailure: plan.Rollback, MaxUnavailable: plan.Pods(2), FailFast: pullsFail(),
				Batches: []plan.Batch{{Replicas: plan.Pods(2)}, {Replicas: plan.Percent(100)}},
			}
			d, rests, _ := w.deletes(p, w.optionsOf("StatefulSet"))
			if d.Reason != plan.RolledBack || len(rests) != 0 {
				t.Fatalf("ended with %s: %s, rests %v", d.Reason, d.Message, rests)
			}
			watch.verify(t, w)
			w.runsReady(5, "v1")
		})
	}
}

// rightsOf are the rules of the printed Role of the StatefulSet in delete mode, without a verb on a resource.
func rightsOf(deletion, verb, resource string) []kubetest.Rule {
	o := manifests.Job{Mode: plan.Delete, DeleteMode: deletion}
	o.CloneSet.APIVersion, o.CloneSet.Kind, o.CloneSet.Name = "apps/v1", "StatefulSet", "demo"
	rules := agenttest.Rules(o.Rules())
	for i, r := range rules {
		if r.Resources[0] == resource {
			rules[i].Verbs = slices.DeleteFunc(slices.Clone(r.Verbs), func(v string) bool { return v == verb })
		}
	}
	return slices.DeleteFunc(rules, func(r kubetest.Rule) bool { return len(r.Verbs) == 0 })
}

// TestOnDeleteRights goes back from a pod that never gets ready with exactly the rights of the printed Role, and without each of
// those that the mode needs says which it misses.
func TestOnDeleteRights(t *testing.T) {
	for _, c := range []struct{ deletion, verb, resource string }{
		{manifests.DeleteModeDelete, "", ""},
		{manifests.DeleteModeEvict, "", ""},
		{manifests.DeleteModeDelete, "list", "pods"},
		{manifests.DeleteModeDelete, "watch", "pods"},
		{manifests.DeleteModeDelete, "delete", "pods"},
		{manifests.DeleteModeEvict, "create", "pods/eviction"},
		{manifests.DeleteModeDelete, "list", "controllerrevisions"},
		{manifests.DeleteModeDelete, "patch", "statefulsets"},
	} {
		t.Run(c.deletion+" without "+c.verb+" "+strings.ReplaceAll(c.resource, "/", "-"), func(t *testing.T) {
			t.Parallel()
			w := newOnDelete(t, 2, "Parallel")
			user := w.User(t, w.namespace, rightsOf(c.deletion, c.verb, c.resource)...)
			kubetest.Eventually(t, "the rights are known", func() (bool, string) {
				_, err := user.TryGet(w.Path("statefulsets", "demo"))
				return err == nil, fmt.Sprint(err)
			})
			w.statefulImage(kubetest.TagMissing)
			var said []string
			options := w.optionsOf("StatefulSet")
			options.Config, options.Evict = agenttest.Config(t, user.Client), c.deletion == manifests.DeleteModeEvict
			options.Warn = func(err error) { said = append(said, err.Error()) }
			p := thirds()
			p.OnFailure, p.FailFast = plan.Rollback, pullsFail()
			ctx, cancel := context.WithTimeout(t.Context(), hangs)
			defer cancel()
			d, err := agent.Run(ctx, p, options, w.Log())
			switch {
			case c.verb == "" && (err != nil || d.Reason != plan.RolledBack || len(said) > 0):
				t.Errorf("ended with %s: %s, %v, warnings %v", d.Reason, d.Message, err, said)
			case c.verb != "" && (err == nil || !strings.Contains(err.Error(), "cannot "+c.verb) ||
				!strings.Contains(err.Error(), c.resource)):
				t.Errorf("without %s %s it ended with %s: %s, %v", c.verb, c.resource, d.Reason, d.Message, err)
			}
		})
	}
}

// TestDaemonSetRights releases by nodes with exactly the rights of the manifests, and without the ClusterRole says what is
// missing.
func TestDaemonSetRights(t *testing.T) {
	t.Parallel()
	d := newDaemons(t, 2, 1)
	text := `
apiVersion: slipway.dev/v1alpha1
kind: BatchPlan
metadata: {name: demo}
spec:
  target: {apiVersion: apps/v1, kind: DaemonSet, name: demo}
  batches: [{nodes: {matchLabels: {pool: canary}}}, {replicas: 100%}]
`
	p, err := plan.ParsePlan("plan.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	o := manifests.Job{Mode: plan.Delete, DeleteMode: manifests.DeleteModeDelete, Image: "i", Plan: []byte(text)}
	o.CloneSet.APIVersion, o.CloneSet.Kind, o.CloneSet.Name, o.CloneSet.Namespace = "apps/v1", "DaemonSet", "demo", d.NS
	objects, err := o.Manifests()
	if err != nil {
		t.Fatal(err)
	}
	const rbac = "/apis/rbac.authorization.k8s.io/v1/"
	paths := map[any]string{
		"ServiceAccount": d.Path("serviceaccounts"), "Role": rbac + "namespaces/" + d.NS + "/roles",
		"RoleBinding": rbac + "namespaces/" + d.NS + "/rolebindings", "ClusterRole": rbac + "clusterroles",
		"ClusterRoleBinding": rbac + "clusterrolebindings",
	}
	apply := func(clusterWide bool) {
		for _, m := range objects {
			kind, _ := m["kind"].(string)
			if at, ok := paths[kind]; ok && strings.HasPrefix(kind, "Cluster") == clusterWide {
				d.Create(t, at, m)
			}
		}
	}
	apply(false)
	user := d.Login(t, d.NS, kubetest.Field(objects[0], "metadata", "name").(string))
	known := func(path string) {
		kubetest.Eventually(t, path+" may be read", func() (bool, string) {
			_, err := user.TryGet(path)
			return err == nil, fmt.Sprint(err)
		})
	}
	known(d.daemonPath("demo"))
	options := d.options()
	options.Config = agenttest.Config(t, user.Client)
	d.image("v2")
	if _, err := agent.Run(t.Context(), p, options, nil); err == nil ||
		!strings.Contains(err.Error(), "cannot list resource \"nodes\"") {
		t.Errorf("without the ClusterRole: %v", err)
	}
	apply(true)
	known("/api/v1/nodes?limit=1")
	if out, _, _ := d.deletes(p, options); out.Reason != plan.Completed {
		t.Errorf("ended with %s: %s", out.Reason, out.Message)
	}
	d.stands(2, "v2")
}

// TestOnDeleteHeldByDisruptionBudgets evicts pods that a budget keeps, and pods that two budgets select: it says so, nothing
// goes, and the release goes on once the budgets let it.
func TestOnDeleteHeldByDisruptionBudgets(t *testing.T) {
	for name, c := range map[string]struct {
		budgets []string // specs
		says    string
	}{
		"all have to be there": {
			[]string{"minAvailable: 100%"},
			"a PodDisruptionBudget keeps pods from being evicted: The disruption budget b0 needs 2 healthy pods and has 2 currently",
		},
		"none may be away": {[]string{"maxUnavailable: 0"}, "The disruption budget b0 needs 2 healthy pods and has 2 currently"},
		"two of them": {
			[]string{"maxUnavailable: 1", "minAvailable: 0"},
			"more than one PodDisruptionBudget selects the pods, and then nothing evicts them: leave one",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newOnDelete(t, 2, "Parallel")
			for i, spec := range c.budgets {
				w.Create(t, w.Path("poddisruptionbudgets"), fmt.Sprintf(
					`{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: b%d}, spec: {%s, selector: {matchLabels: {app: demo}}}}`,
					i, spec))
				kubetest.Eventually(t, "the budget is known", func() (bool, string) {
					b := w.Get(t, w.Path("poddisruptionbudgets", fmt.Sprintf("b%d", i)))
					return kubetest.Field(b, "status", "expectedPods") == float64(2), fmt.Sprint(b)
				})
			}
			watch := w.budget(2, 1)
			w.statefulImage("v2")
			options := w.optionsOf("StatefulSet")
			options.Evict, options.Mode = true, plan.Delete
			agent := w.start(thirds(), options)
			kubetest.Eventually(t, "it says what holds it", func() (bool, string) {
				agent.mu.Lock()
				defer agent.mu.Unlock()
				last := ""
				if len(agent.seen) > 0 {
					last = agent.seen[len(agent.seen)-1].Message
				}
				return strings.Contains(last, c.says), last
			})
			w.runs(2, "v1")
			for i := range c.budgets {
				w.Delete(t, w.Path("poddisruptionbudgets", fmt.Sprintf("b%d", i)))
			}
			agent.end(plan.Completed)
			w.runs(2, "v2")
			watch.verify(t, w)
		})
	}
}
