// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/slipway-dev/slipway/rollout/kube"
)

// probeAutoscalers says what a HorizontalPodAutoscaler of the target does to the plan.
func probeAutoscalers(s *snapshot) []Finding {
	var out []Finding
	for i := range s.scalers {
		h := &s.scalers[i]
		if h.Spec.ScaleTargetRef.Kind == s.kind() && h.Spec.ScaleTargetRef.Name == s.options.Name {
			out = append(out, s.probeScaler(h)...)
		}
	}
	return out
}

func (r *release) probeScaler(h *autoscalingv2.HorizontalPodAutoscaler) []Finding {
	least, most := 1, int(h.Spec.MaxReplicas)
	if h.Spec.MinReplicas != nil {
		least = int(*h.Spec.MinReplicas)
	}
	of := r.ref("HorizontalPodAutoscaler", h.Name)
	out := one(codeScaler, of,
		fmt.Sprintf("it may set replicas (%d now) to %d to %d in the middle of the release: batches in percent follow, absolute "+
			"ones do not", r.bounds.Replicas, least, most), "")
	for i, b := range r.options.Plan.Batches {
		if n := b.Replicas.Up(0); !b.Replicas.IsPercent() && n > least {
			out = append(out, newFinding(codeScalerBatch, of,
				fmt.Sprintf("batch %d wants %d updated pods, and it may scale down to %d: a batch that is larger than the replicas makes "+
					"the plan invalid, and the release stops in the middle (exit code 10)", i+1, n, least),
				fmt.Sprintf("write the batches in percent, or raise minReplicas to at least %d until the release is done", n)))
			break
		}
	}
	if tree := r.manifestReplicas(); tree != nil && r.live != nil &&
		fmt.Sprint(tree) != fmt.Sprint(kube.Field(r.live.Tree, "spec", "replicas")) {
		out = append(out, newFinding(codeScalerReplicas, of,
			fmt.Sprintf("applying the manifest sets replicas to %v, where it has set %v: pods are deleted or created beside the "+
				"release, until it sets them again", tree, kube.Field(r.live.Tree, "spec", "replicas")),
			"leave spec.replicas out of the manifest"))
	}
	return out
}

// manifestReplicas are the replicas that the manifest itself names, or nil.
func (q *request) manifestReplicas() any {
	if q.options.Manifest == nil {
		return nil
	}
	tree, err := q.manifest()
	if err != nil {
		return nil
	}
	return kube.Field(tree, "spec", "replicas")
}
