// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

// control answers every partition with a status, as a controller with quick pods does.
func (w *world) control(ctx context.Context, replicas int, steps chan<- any) {
	for ctx.Err() == nil {
		set, err := w.TryGet(w.path("clonesets", "demo"))
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
		_, _ = w.TryPatch(w.path("clonesets", "demo", "status"), map[string]any{"status": map[string]any{
			"observedGeneration": generation, "replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas,
			"updatedReplicas": updated, "updatedReadyReplicas": updated, "updatedAvailableReplicas": updated,
			"currentRevision": map[bool]string{false: "demo-a", true: "demo-b"}[updated == replicas], "updateRevision": "demo-b",
		}})
	}
}

// TestPartitionMode steps the partition where a controller replaces the pods, puts it back, and writes no pod.
func TestPartitionMode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, set(4, `{partition: 100%, maxUnavailable: 1}`))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	steps := make(chan any, 100)
	go w.control(ctx, 4, steps)
	plan := rollout.Plan{Mode: rollout.Partition, Batches: []rollout.Batch{{Replicas: rollout.Pods(1)}, {Replicas: rollout.Percent(100)}}}
	d, err := kube.Run(ctx, plan, w.options(), nil)
	if err != nil || d.Reason != rollout.Completed {
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
	if n := w.podWrites(); n != 0 {
		t.Errorf("%d writes on pods", n)
	}
}

func TestPartitionModeWithoutAController(t *testing.T) {
	t.Parallel()
	w := newWorld(t, set(4, `{partition: 100%, maxUnavailable: 1}`))
	options := w.options()
	options.Reaction = 500 * time.Millisecond
	_, err := kube.Run(t.Context(), rollout.Plan{Mode: rollout.Partition}, options, nil)
	if err == nil || !strings.Contains(err.Error(), "no controller has seen generation 1") {
		t.Errorf("ended with %v", err)
	}
}
