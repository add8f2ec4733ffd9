// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// probePartition holds the partition of a CloneSet that a controller reconciles against what others do to it.
func probePartition(s *snapshot) []Finding {
	if s.live == nil || s.direct() || s.at.Kind.BySurge || s.set.Spec.OnDelete {
		return nil // of a Deployment's fields Git owns most at rest, and a release expects it
	}
	var out []Finding
	for _, m := range s.live.ManagedFields {
		if m.Manager == kube.FieldManager || m.Subresource != "" || !s.ownsPartition(m) {
			continue
		}
		what := "writes the partition too"
		if gitOps(m.Manager) {
			what = "a GitOps tool, writes the partition too, and sets it back when it syncs"
		}
		out = append(out, newFinding(codePartitionOwned, s.target(),
			fmt.Sprintf("%s, %s: unless it ignores the field, the release ends as soon as that happens (exit code 13)", m.Manager, what),
			s.ignoreHint(m.Manager)))
	}
	return out
}

// probeArming finds a partition that would let the controller begin before the release does.
func probeArming(s *snapshot) []Finding {
	if s.at.Kind.BySurge {
		return s.probePaused()
	}
	if s.direct() || s.set.Spec.OnDelete || s.bounds.Partition == s.bounds.Replicas || s.set.Spec.Paused || s.toReplace() == 0 {
		return nil
	}
	now := "is doing so now"
	if s.options.Manifest != nil {
		now = "does so as soon as the manifest is applied"
	}
	return one(codeUnarmed, s.target(),
		fmt.Sprintf("the partition is %s, so the controller may update %d of %d pods without the plan's batches, and %s",
			s.set.Spec.Partition, s.bounds.Replicas-s.bounds.Partition, s.bounds.Replicas, now),
		"let the manifest in Git rest at partition: 100%; the release steps it down and restores it at the end")
}

// probePaused finds a Deployment that its controller would roll before the release does.
func (s *snapshot) probePaused() []Finding {
	if r := s.set.Rolling; r == nil || r.Paused || r.Held() || s.toReplace() == 0 {
		return nil
	}
	return one(codeUnarmed, s.target(), "it is not paused, so the controller rolls the new template out by itself until the "+
		"release pauses it",
		fmt.Sprintf("let the manifest in Git rest at paused: true and progressDeadlineSeconds: %d; the release opens it for each step",
			plan.SentinelDeadline))
}

func (q *request) ownsPartition(m metav1.ManagedFieldsEntry) bool {
	tree := kube.FieldsOf(m)
	return slices.ContainsFunc(q.partitions(), func(path []string) bool {
		var fields []string
		for _, name := range path {
			fields = append(fields, "f:"+name)
		}
		return kube.Field(tree, fields...) != nil
	})
}

func gitOps(manager string) bool {
	switch manager {
	case "argocd-controller", "argocd-application-controller", "kustomize-controller", "helm-controller":
		return true
	}
	return false
}

// ignoreHint is how a manager is taught to leave the partition alone.
func (q *request) ignoreHint(manager string) string {
	switch manager {
	case "argocd-controller", "argocd-application-controller":
		return fmt.Sprintf("in the Application: spec.ignoreDifferences: [{group: %s, kind: %s, jsonPointers: [%s]}] and "+
			"spec.syncPolicy.syncOptions: [RespectIgnoreDifferences=true]", q.group(), q.kind(), q.pointers())
	case "kustomize-controller":
		return fmt.Sprintf("in the Kustomization: spec.ignore: [{paths: [%s], target: {kind: %s}}], or leave the partition out of "+
			"the manifest", q.pointers(), q.kind())
	case "helm-controller":
		return fmt.Sprintf("in the HelmRelease: spec.driftDetection.ignore: [{paths: [%s], target: {kind: %s}}], and leave the "+
			"partition out of the chart's values", q.pointers(), q.kind())
	}
	return "let " + manager + " leave the partition alone while a release runs"
}
