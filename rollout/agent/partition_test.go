// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// control answers every partition with a status, as a controller with quick pods does.
func (w *world) control(ctx context.Context, replicas int, steps chan<- any) {
	for ctx.Err() == nil {
		set, err := w.TryGet(w.Path("clonesets", "demo"))
		generation := kubetest.Field(set, "metadata", "generation")
		if err != nil || kubetest.Field(set, "status", "observedGeneration") == generation {
			continue
		}
		partition := kubetest.Field(set, "spec", "updateStrategy", "partition")
		updated := replicas
		if n, ok := partition.(float64); ok {
			updated -= int(n)
		} else {
			updated = 0 // 100%
		}
		steps <- partition
		_, _ = w.TryPatch(w.Path("clonesets", "demo", "status"), map[string]any{"status": map[string]any{
			"observedGeneration": generation, "replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas,
			"updatedReplicas": updated, "updatedReadyReplicas": updated, "updatedAvailableReplicas": updated,
			"currentRevision": map[bool]string{false: "demo-a", true: "demo-b"}[updated == replicas], "updateRevision": "demo-b",
		}})
	}
}

// TestPartitionMode steps the partition where a controller replaces the pods, puts it back, and writes no pod.
func TestPartitionMode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(4, `{partition: 100%, maxUnavailable: 1}`))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	steps := make(chan any, 100)
	go w.control(ctx, 4, steps)
	p := plan.BatchPlan{Mode: plan.Partition, Batches: []plan.Batch{{Replicas: plan.Pods(1)}, {Replicas: plan.Percent(100)}}}
	d, err := agent.Run(ctx, p, w.Options(), nil)
	if err != nil || d.Reason != plan.Completed {
		t.Fatalf("ended with %s: %s, %v", d.Reason, d.Message, err)
	}
	var seen []any
	kubetest.Eventually(t, "the partition rests again", func() (bool, string) {
		select {
		case s := <-steps:
			seen = append(seen, s)
		default:
		}
		return len(seen) == 4, ""
	})
	if want := []any{"100%", float64(3), float64(0), "100%"}; !slices.Equal(seen, want) {
		t.Errorf("partitions %v, want %v", seen, want)
	}
	if n := len(w.podWrites()); n != 0 {
		t.Errorf("%d writes on pods", n)
	}
	w.visible(w.Options()) // which does not say how it was released
}

func TestPartitionModeWithoutAController(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(4, `{partition: 100%, maxUnavailable: 1}`))
	options := w.Options()
	options.Reaction = 500 * time.Millisecond
	_, err := agent.Run(t.Context(), plan.BatchPlan{Mode: plan.Partition}, options, nil)
	if err == nil || !strings.Contains(err.Error(), "no controller has seen generation 1") {
		t.Errorf("ended with %v", err)
	}
}

// TestSlipwayPlaysTheController lets one agent replace the pods of a CloneSet, as a controller would, while another one
// steps its partition: at the end, in a rollback, and in each its own record and lock.
func TestSlipwayPlaysTheController(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(4, `{partition: 100%, maxUnavailable: 1}`))
	ctx, cancel := context.WithCancel(t.Context())
	controller := w.Options()
	controller.Identity, controller.Stay = "controller", true
	ended := make(chan error, 1)
	go func() {
		_, err := agent.Run(ctx, plan.BatchPlan{}, controller, nil)
		ended <- err
	}()
	defer func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the controller ended with %v", err)
		}
	}()
	ready := func(tag string) {
		t.Helper()
		kubetest.Eventually(t, "all pods run "+tag, func() (bool, string) {
			images := w.podImages()
			good := len(images) == 4 && strings.HasPrefix(w.Row(), "demo 4 4 4 4 4")
			for _, image := range images {
				good = good && image == "example.com/app:"+tag
			}
			return good, fmt.Sprint(w.Row(), images)
		})
	}
	ready("v1")
	watch := w.watchPods(4, 0, 1, 0, "none")
	stepper := w.optionsOf("CloneSet")
	stepper.Identity = "stepper"
	w.Image("v2")
	if d, written := w.steps(thirds(), stepper); d.Reason != plan.Completed || strings.Join(written, " ") != "3 2 0 100%" {
		t.Fatalf("ended with %s: %s, partitions %v", d.Reason, d.Message, written)
	}
	ready("v2")
	w.Image(kubetest.TagUnready)
	batchPlan := thirds()
	batchPlan.OnFailure = plan.Rollback
	if d, _ := w.abortedSteps(batchPlan, stepper); d.Reason != plan.RolledBack {
		t.Fatalf("ended with %s: %s", d.Reason, d.Message)
	}
	ready("v2")
	watch.verify(t, w)
	if p := w.partitionOf("clonesets"); p != "100%" {
		t.Errorf("the partition is %v at rest", p)
	}
}

// rival applies a partition by force again and again, as a GitOps tool does that has not been told to leave it alone.
func (w *world) rival(ctx context.Context, manager string, partition int) (stop func()) {
	done := make(chan struct{})
	body := fmt.Sprintf(
		`{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"demo"},"spec":{"updateStrategy":{"rollingUpdate":{"partition":%d}}}}`, partition)
	go func() {
		defer close(done)
		for tick := time.NewTicker(time.Second); ctx.Err() == nil; <-tick.C {
			_, _, _ = w.Do(http.MethodPatch, w.Path("statefulsets", "demo")+"?force=true&fieldManager="+manager,
				"application/apply-patch+yaml", []byte(body))
		}
	}()
	return func() { <-done }
}

// TestASecondWriter resets the partition every second. The release names it and ends; it does not play ping-pong.
func TestASecondWriter(t *testing.T) {
	t.Parallel()
	w := newStateful(t, 4, 4)
	ctx, cancel := context.WithCancel(t.Context())
	stop := w.rival(ctx, "argocd-controller", 4)
	defer stop()
	defer cancel()
	w.Patch(t, w.Path("statefulsets", "demo"),
		map[string]any{"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{
			"annotations": map[string]any{kubetest.AnnotationReadyAfter: "3s"},
		}}}})
	options := w.optionsOf("StatefulSet")
	options.Release = "contested"
	d, written := w.steps(thirds(), options)
	if d.Reason != plan.ForeignChange || d.Reason.ExitCode() != 13 {
		t.Fatalf("ended with %s: %s", d.Reason, d.Message)
	}
	for _, words := range []string{
		"argocd-controller (Apply, last at 20",
		"exclude spec.updateStrategy.rollingUpdate.partition there",
	} {
		if !strings.Contains(d.Message, words) {
			t.Errorf("%q does not say %q", d.Message, words)
		}
	}
	if len(written) > 2 {
		t.Errorf("the partition was written %d times: %v", len(written), written)
	}
	if again, written := w.steps(thirds(), options); again.Reason != plan.ForeignChange || len(written) > 0 {
		t.Errorf("run again it ends with %s, partitions %v", again.Reason, written)
	}
}

// TestTheControllerDies in the middle of a release: the deadline names who does not answer.
func TestTheControllerDies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(4, `{partition: 100%, maxUnavailable: 1}`))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go w.control(ctx, 4, make(chan any, 100))
	p := thirds()
	p.Mode, p.ProgressDeadline = plan.Partition, 3*time.Second
	d, err := agent.Run(t.Context(), p, w.Options(), func(_ rollout.Observed, d rollout.Decision) {
		if d.Reason == plan.BatchReady {
			cancel()
		}
	})
	if err != nil || d.Reason != plan.DeadlineExceeded || d.Batch != 1 {
		t.Fatalf("ended with %s in batch %d: %s, %v", d.Reason, d.Batch+1, d.Message, err)
	}
	if !strings.Contains(d.Message, "kruise-manager, which reconciles CloneSets, has seen generation 2 of 3: is it running?") {
		t.Errorf("%s", d.Message)
	}
}

// TestUnreconciledKinds says of each kind who should have seen it.
func TestUnreconciledKinds(t *testing.T) {
	w := worldIn(t, advanced.Get(t))
	for kind, words := range map[string]string{
		"StatefulSet": "kube-controller-manager reconciles StatefulSets: start it",
		"DaemonSet":   "kruise-manager reconciles DaemonSets: start it",
	} {
		manifest := stateful(2, 2)
		if kind == "DaemonSet" {
			manifest = strings.Replace(manifest, "apps/v1\nkind: StatefulSet", "apps.kruise.io/v1alpha1\nkind: DaemonSet", 1)
		}
		w.Create(t, w.Path(strings.ToLower(kind)+"s"), manifest)
		options := w.optionsOf(kind)
		options.Reaction = 500 * time.Millisecond
		_, err := agent.Run(t.Context(), plan.BatchPlan{Mode: plan.Partition}, options, nil)
		if err == nil || !strings.Contains(err.Error(), "no controller has seen generation 1 within 500ms") ||
			!strings.Contains(err.Error(), words) {
			t.Errorf("%s ended with %v", kind, err)
		}
	}
}
