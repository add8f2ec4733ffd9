// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/kube/crd"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

var shared = kubetest.Shared{Options: kubetest.Options{ControllerManager: true, Bodies: true}}

// TestMain runs more tests at a time than there are processors: they wait for pods most of the time.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("8")
	}
	code := m.Run()
	shared.Stop()
	advanced.Stop()
	os.Exit(code)
}

var installed sync.Once

// world is a namespace of the control plane with one CloneSet, demo.
type world struct {
	*kubetest.Cluster
	t         *testing.T
	namespace string
}

func newWorld(t *testing.T, set string) *world {
	t.Helper()
	c := shared.Get(t)
	installed.Do(func() { c.Install(t, crd.CloneSet()) })
	w := &world{Cluster: c, t: t, namespace: c.Namespace(t)}
	if set != "" {
		c.Create(t, w.path("clonesets"), set)
	}
	return w
}

// path is that of objects in the world's namespace.
func (w *world) path(resource string, name ...string) string {
	group := map[string]string{
		"clonesets": "/apis/apps.kruise.io/v1alpha1", "statefulsets": "/apis/apps/v1", "daemonsets": "/apis/apps.kruise.io/v1alpha1", "controllerrevisions": "/apis/apps/v1",
		"leases": "/apis/coordination.k8s.io/v1", "poddisruptionbudgets": "/apis/policy/v1",
	}[resource]
	if group == "" {
		group = "/api/v1"
	}
	return strings.Join(append([]string{group, "namespaces", w.namespace, resource}, name...), "/")
}

// config is how the agent reaches the control plane as the given client.
func config(t *testing.T, c *kubetest.Client) *rest.Config {
	t.Helper()
	config, _, err := kube.Access{Kubeconfig: c.Kubeconfig(t), QPS: 500, Burst: 500, UserAgent: "slipway"}.Config()
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func (w *world) options() kube.Options {
	w.t.Helper()
	return kube.Options{Config: config(w.t, w.Client), Namespace: w.namespace, Name: "demo", Identity: "agent", Lease: time.Second, Now: time.Now}
}

// release runs the agent to the end of a release, which must be the given one.
func (w *world) release(plan plan.BatchPlan, want plan.Reason) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	w.releaseWith(ctx, plan, w.options(), want)
}

func (w *world) releaseWith(ctx context.Context, plan plan.BatchPlan, options kube.Options, want plan.Reason) {
	w.t.Helper()
	d, err := kube.Run(ctx, plan, options, w.loud())
	if err != nil || d.Reason != want {
		w.t.Fatalf("release ended with %s (%s), %v; want %s", d.Reason, d.Message, err, want)
	}
}

// loud logs every decision under -v.
func (w *world) loud() func(rollout.Observed, rollout.Decision) {
	return func(o rollout.Observed, d rollout.Decision) {
		if testing.Verbose() {
			w.t.Logf("%s %+v %s %s: %s | %s", o.Now.Format("05.000"), o.Counts(), d.Verdict, d.Reason, d.Message, d.Writes())
		}
	}
}

// set is a CloneSet manifest with the given strategy and replicas.
func set(replicas int, strategy string, more ...string) string {
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

func (w *world) image(tag string) {
	w.t.Helper()
	w.Patch(w.t, w.path("clonesets", "demo"), map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"name": "app", "image": "example.com/app:" + tag}},
	}}}})
}

func (w *world) patchStrategy(patch map[string]any) {
	w.t.Helper()
	w.Patch(w.t, w.path("clonesets", "demo"), map[string]any{"spec": map[string]any{"updateStrategy": patch}})
}

// row is the first columns of the CloneSet as kubectl prints them.
func (w *world) row() string {
	w.t.Helper()
	_, rows := w.Table(w.t, w.path("clonesets", "demo"), false)
	return strings.Trim(fmt.Sprint(rows[0][:6]), "[]")
}

func held(err error) *kube.HeldError {
	var h *kube.HeldError
	if errors.As(err, &h) {
		return h
	}
	return nil
}
