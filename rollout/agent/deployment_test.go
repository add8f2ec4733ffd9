// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// deployment is a Deployment as it rests in Git: paused, so that a template that changes waits for its release.
func deployment(replicas int, surge, unavailable, tag string, more ...string) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: %d
  paused: true
  progressDeadlineSeconds: 2147483647
  selector: {matchLabels: {app: web}}
  strategy: {rollingUpdate: {maxSurge: %s, maxUnavailable: %s}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: app, image: "example.com/app:%s"}]
%s`, replicas, surge, unavailable, tag, strings.Join(more, "\n"))
}

// newDeployment is a world with a Deployment whose pods all run v1, released by the agent itself.
func newDeployment(t *testing.T, replicas int, surge, unavailable string, more ...string) *world {
	t.Helper()
	w := newWorld(t, "")
	w.Create(t, w.Path("deployments"), deployment(replicas, surge, unavailable, "v1", more...))
	if d, _ := w.rolls(thirds(), w.ofDeployment()); d.Reason != plan.Completed {
		t.Fatalf("the first release ended with %s: %s", d.Reason, d.Message)
	}
	return w
}

func (w *world) ofDeployment() agent.Options {
	w.t.Helper()
	o := w.Options()
	o.Kind, o.Name = "Deployment", "web"
	return o
}

// rolls carries out a release of the Deployment, and returns the rests: how many pods are wanted, updated, updated and
// available, available, and there in all, whenever a batch was ready.
func (w *world) rolls(p plan.BatchPlan, options agent.Options) (rollout.Decision, []string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*time.Minute)
	defer cancel()
	p.Mode = plan.Partition
	var rests []string
	log := w.Log()
	d, err := agent.Run(ctx, p, options, func(o rollout.Observed, d rollout.Decision) {
		log(o, d)
		if d.Reason == plan.BatchReady && o.Progress.Ready.IsZero() {
			c := o.Counts()
			rests = append(rests, fmt.Sprintf("%d %d %d %d %d", c.Desired, c.Updated, c.UpdatedAvailable, c.Available, c.Total))
		}
	})
	if err != nil {
		w.t.Fatalf("release ended with %s (%s), %v", d.Reason, d.Message, err)
	}
	return d, rests
}

// template changes the image of the Deployment as Git would.
func (w *world) deploymentImage(tag string) {
	w.t.Helper()
	w.Patch(w.t, w.Path("deployments", "web"), map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"name": "app", "image": "example.com/app:" + tag}},
	}}}})
}

// fields are those of the Deployment that a release writes.
func (w *world) fields() string {
	w.t.Helper()
	d := w.Get(w.t, w.Path("deployments", "web"))
	spec := func(path ...any) any { return kubetest.Field(d, append([]any{"spec"}, path...)...) }
	owners := 0
	for _, f := range kubetest.Field(d, "metadata", "managedFields").([]any) {
		if kubetest.Field(f, "manager") == "slipway" {
			owners++
		}
	}
	return fmt.Sprintln("paused", spec("paused"), "minReady", spec("minReadySeconds"), "deadline", spec("progressDeadlineSeconds"),
		"surge", spec("strategy", "rollingUpdate", "maxSurge"), "unavailable", spec("strategy", "rollingUpdate", "maxUnavailable"),
		"annotation", kubetest.Field(d, "metadata", "annotations", plan.OriginalAnnotation), "owned", owners)
}

// TestDeployment releases a Deployment in batches that kube-controller-manager reconciles, with nothing installed.
func TestDeployment(t *testing.T) {
	t.Parallel()
	w := newDeployment(t, 10, "1", "0")
	before := w.fields()
	w.deploymentImage("v2")
	p := plan.BatchPlan{Batches: []plan.Batch{{Replicas: plan.Pods(1)}, {Replicas: plan.Percent(20)}, {Replicas: plan.Percent(100)}}}
	d, rests := w.rolls(p, w.ofDeployment())
	if d.Reason != plan.Completed {
		t.Fatalf("ended with %s: %s", d.Reason, d.Message)
	}
	if diff := cmp.Diff([]string{"10 1 1 10 10", "10 2 2 10 10", "10 10 10 10 10"}, rests); diff != "" {
		t.Errorf("rests (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, w.fields()); diff != "" {
		t.Errorf("the fields are not as they were (-want +got):\n%s", diff)
	}
}
