// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

// stateful is a StatefulSet manifest with the given partition.
func stateful(replicas, partition int, more ...string) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: demo}
spec:
  replicas: %d
  serviceName: demo
  selector: {matchLabels: {app: demo}}
  updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: %d}}
  template:
    metadata: {labels: {app: demo}}
    spec:
      containers: [{name: app, image: "example.com/app:v1"}]
%s`, replicas, partition, strings.Join(more, "\n"))
}

// newStateful is a world with a StatefulSet whose pods all run v1. The controller is the real one.
func newStateful(t *testing.T, replicas, partition int, more ...string) *world {
	t.Helper()
	w := newWorld(t, "")
	w.Create(t, w.path("statefulsets"), stateful(replicas, partition, more...))
	w.settled(replicas, "v1")
	return w
}

// settled waits until the controller has all pods of an image ready.
func (w *world) settled(replicas int, tag string) {
	w.t.Helper()
	kubetest.Eventually(w.t, "all pods run "+tag, func() (bool, string) {
		set := w.Get(w.t, w.path("statefulsets", "demo"))
		status := kubetest.Field(set, "status")
		done := kubetest.Field(status, "observedGeneration") == kubetest.Field(set, "metadata", "generation") &&
			kubetest.Field(status, "availableReplicas") == float64(replicas) && kubetest.Field(status, "currentRevision") == kubetest.Field(status, "updateRevision")
		for _, image := range w.images() {
			done = done && image == "example.com/app:"+tag
		}
		return done, fmt.Sprint(status, w.images())
	})
}

// images are those of the pods, by name.
func (w *world) images() map[string]string {
	w.t.Helper()
	images := map[string]string{}
	for _, p := range kubetest.Field(w.Get(w.t, w.path("pods")), "items").([]any) {
		images[kubetest.Field(p, "metadata", "name").(string)], _ = kubetest.Field(p, "spec", "containers", 0, "image").(string)
	}
	return images
}

// imageOf releases another image of an object of any kind.
func (w *world) imageOf(resource, tag string) {
	w.t.Helper()
	w.Patch(w.t, w.path(resource, "demo"), map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"name": "app", "image": "example.com/app:" + tag}},
	}}}})
}

// partitionOf is what the object holds, under whatever path its kind has.
func (w *world) partitionOf(resource string) any {
	w.t.Helper()
	set := w.Get(w.t, w.path(resource, "demo"))
	if p := kubetest.Field(set, "spec", "updateStrategy", "partition"); p != nil {
		return p
	}
	return kubetest.Field(set, "spec", "updateStrategy", "rollingUpdate", "partition")
}

func (w *world) optionsOf(kind string) kube.Options {
	w.t.Helper()
	o := w.options()
	o.Kind = kind
	return o
}

// steps runs a release in partition mode and returns how it ended and the partitions that it wrote.
func (w *world) steps(plan rollout.Plan, options kube.Options) (rollout.Decision, []string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*time.Minute)
	defer cancel()
	plan.Mode = rollout.Partition
	var written []string
	d, err := kube.Run(ctx, plan, options, func(o rollout.Observed, d rollout.Decision) {
		if testing.Verbose() {
			w.t.Logf("%+v %s %s: %s | %s", o.Counts(), d.Verdict, d.Reason, d.Message, d.Writes())
		}
		for _, a := range d.Actions {
			if a.Kind == rollout.SetPartition {
				written = append(written, a.Partition.String())
			}
		}
	})
	if err != nil {
		w.t.Fatalf("release ended with %s (%s), %v", d.Reason, d.Message, err)
	}
	return d, written
}

// thirds is a plan of one pod, half of them, all.
func thirds() rollout.Plan {
	return rollout.Plan{Batches: []rollout.Batch{{Replicas: rollout.Pods(1)}, {Replicas: rollout.Percent(50)}, {Replicas: rollout.Percent(100)}}}
}

// TestStatefulSet steps the partition of a StatefulSet that kube-controller-manager reconciles.
func TestStatefulSet(t *testing.T) {
	t.Parallel()
	w := newStateful(t, 4, 4)
	watch := w.watchPods(4, 0, 1, 0, "v2")
	w.imageOf("statefulsets", "v2")
	d, written := w.steps(thirds(), w.optionsOf("StatefulSet"))
	if d.Reason != rollout.Completed {
		t.Fatalf("ended with %s: %s", d.Reason, d.Message)
	}
	if got := strings.Join(written, " "); got != "3 2 0 4" {
		t.Errorf("partitions %s, want 3 2 0 and 4 at rest", got)
	}
	w.settled(4, "v2")
	watch.verify(t, w)
	if n := w.podWrites(); n != 0 {
		t.Errorf("%d writes on pods", n)
	}
}
