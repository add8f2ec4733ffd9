// SPDX-License-Identifier: Apache-2.0

// Package agenttest is a namespace of a real control plane with a CloneSet in it, for tests that need an agent at work.
package agenttest

import (
	"context" // a record of the version before
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/kube/crd"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/manifests"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// World is a namespace of the control plane with one CloneSet, demo.
type World struct {
	*kubetest.Cluster
	T  *testing.T
	NS string
}

// New makes a world in a control plane that a package's tests share, with a CloneSet of this manifest, or none where it
// is "".
func New(t *testing.T, shared *kubetest.Shared, manifest string) *World {
	t.Helper()
	w := In(t, shared.Get(t))
	w.T = t
	w.Install(t, crd.CloneSet())
	if manifest != "" {
		w.Create(t, w.Path("clonesets"), manifest)
	}
	return w
}

// In makes an empty world in a control plane.
func In(tb testing.TB, c *kubetest.Cluster) *World {
	tb.Helper()
	return &World{Cluster: c, NS: c.Namespace(tb)}
}

// Path is that of objects in the world's namespace.
func (w *World) Path(resource string, name ...string) string {
	group := map[string]string{
		"clonesets": "/apis/apps.kruise.io/v1alpha1", "statefulsets": "/apis/apps/v1", "deployments": "/apis/apps/v1",
		"daemonsets": "/apis/apps.kruise.io/v1alpha1", "controllerrevisions": "/apis/apps/v1",
		"leases": "/apis/coordination.k8s.io/v1", "poddisruptionbudgets": "/apis/policy/v1",
	}[resource]
	if group == "" {
		group = "/api/v1"
	}
	return strings.Join(append([]string{group, "namespaces", w.NS, resource}, name...), "/")
}

// Config is how the agent reaches the control plane as the given client.
func Config(t *testing.T, c *kubetest.Client) *rest.Config {
	t.Helper()
	config, _, err := kube.Access{Kubeconfig: c.Kubeconfig(t), QPS: 500, Burst: 500, UserAgent: "slipway"}.Config()
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// Options are those of an agent that releases the CloneSet.
func (w *World) Options() agent.Options {
	w.T.Helper()
	return agent.Options{
		Config: Config(w.T, w.Client), Namespace: w.NS, Name: "demo", Identity: "agent", Lease: time.Second,
		Now: time.Now,
	}
}

// Release runs the agent to the end of a release, which must be the given one.
func (w *World) Release(plan plan.BatchPlan, want plan.Reason) {
	w.T.Helper()
	ctx, cancel := context.WithTimeout(w.T.Context(), time.Minute)
	defer cancel()
	w.ReleaseWith(ctx, plan, w.Options(), want)
}

// ReleaseWith is Release with options of the test's own.
func (w *World) ReleaseWith(ctx context.Context, plan plan.BatchPlan, options agent.Options, want plan.Reason) {
	w.T.Helper()
	d, err := agent.Run(ctx, plan, options, w.Log())
	if err != nil || d.Reason != want {
		w.T.Fatalf("release ended with %s (%s), %v; want %s", d.Reason, d.Message, err, want)
	}
}

// Log logs every decision under -v.
func (w *World) Log() func(rollout.Observed, rollout.Decision) {
	return func(o rollout.Observed, d rollout.Decision) {
		if testing.Verbose() {
			w.T.Logf("%s %+v %s %s: %s | %s", o.Now.Format("05.000"), o.Counts(), d.Verdict, d.Reason, d.Message, d.Writes())
		}
	}
}

// CloneSet is a CloneSet manifest with the given strategy and replicas.
func CloneSet(replicas int, strategy string, more ...string) string {
	return fmt.Sprintf(`
apiVersion: apps.kruise.io/v1alpha1
kind: CloneSet
metadata: {name: demo}
spec:
  replicas: %d
  selector: {matchLabels: {app: demo}}
  updateStrategy: %s
  template:
    metadata: {labels: {app: demo}}
    spec:
      containers: [{name: app, image: "example.com/app:v1"}]
%s`, replicas, strategy, strings.Join(more, "\n"))
}

// Image changes the tag in the CloneSet's template.
func (w *World) Image(tag string) {
	w.T.Helper()
	w.Patch(w.T, w.Path("clonesets", "demo"),
		map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"name": "app", "image": "example.com/app:" + tag}},
		}}}})
}

// PatchStrategy changes the CloneSet's update strategy.
func (w *World) PatchStrategy(patch map[string]any) {
	w.T.Helper()
	w.Patch(w.T, w.Path("clonesets", "demo"), map[string]any{"spec": map[string]any{"updateStrategy": patch}})
}

// Row is the first columns of the CloneSet as kubectl prints them.
func (w *World) Row() string {
	w.T.Helper()
	_, rows := w.Table(w.T, w.Path("clonesets", "demo"), false)
	return strings.Trim(fmt.Sprint(rows[0][:6]), "[]")
}

// ClaimTemplates gives the pods of a CloneSet a claim each.
const ClaimTemplates = `
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`

// Pods are the names of the pods that are there.
func (w *World) Pods() []string {
	w.T.Helper()
	var names []string
	for _, p := range kubetest.Field(w.Get(w.T, w.Path("pods")), "items").([]any) {
		names = append(names, kubetest.Field(p, "metadata", "name").(string))
	}
	return names
}

// Rights are the rules of the Role that rollout job prints for the CloneSet in direct mode.
func Rights(hasClaims bool) []kubetest.Rule {
	o := manifests.Job{Mode: plan.Direct, DeleteMode: manifests.DeleteModeDelete}
	o.CloneSet.Name, o.CloneSet.Spec.HasClaims = "demo", hasClaims
	return Rules(o.Rules())
}

// Rules are those of a Role as a test grants them.
func Rules(role []map[string]any) []kubetest.Rule {
	var rules []kubetest.Rule
	for _, r := range role {
		names, _ := r["resourceNames"].([]string)
		rules = append(rules, kubetest.Rule{
			APIGroups: r["apiGroups"].([]string), Resources: r["resources"].([]string),
			Verbs: r["verbs"].([]string), ResourceNames: names,
		})
	}
	return rules
}

//go:embed testdata/record.v0.json
var recordV0 []byte

// RecordV0 is the ConfigMap of a release that an agent of version 0 has begun, and whose first batch waits for approval.
func RecordV0(tb testing.TB) map[string]any {
	tb.Helper()
	var record map[string]any
	if err := json.Unmarshal(recordV0, &record); err != nil {
		tb.Fatal(err)
	}
	return record
}
