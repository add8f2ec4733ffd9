// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
)

// probeAutoscalers says what a HorizontalPodAutoscaler of the target does to the plan.
func probeAutoscalers(s *scene) []Finding {
	var out []Finding
	for i := range s.scalers {
		h := &s.scalers[i]
		if h.Spec.ScaleTargetRef.Kind == "CloneSet" && h.Spec.ScaleTargetRef.Name == s.options.Name {
			out = append(out, s.probeScaler(h)...)
		}
	}
	return out
}

func (s *scene) probeScaler(h *autoscalingv2.HorizontalPodAutoscaler) []Finding {
	least, most := 1, int(h.Spec.MaxReplicas)
	if h.Spec.MinReplicas != nil {
		least = int(*h.Spec.MinReplicas)
	}
	of := s.ref("HorizontalPodAutoscaler", h.Name)
	out := one(codeScaler, of,
		fmt.Sprintf("it may set replicas (%d now) to %d to %d in the middle of the release: batches in percent follow, absolute ones do not", s.bounds.Replicas, least, most), "")
	for i, b := range s.options.Plan.Batches {
		if n := b.Replicas.Up(0); !b.Replicas.IsPercent() && n > least {
			out = append(out, NewFinding(codeScalerBatch, of,
				fmt.Sprintf("batch %d wants %d updated pods, and it may scale down to %d: a batch that is larger than the replicas makes the plan invalid, and the release stops in the middle (exit code 10)", i+1, n, least),
				fmt.Sprintf("write the batches in percent, or raise minReplicas to at least %d until the release is done", n)))
			break
		}
	}
	if tree := s.manifestReplicas(); tree != nil && s.live != nil && fmt.Sprint(tree) != fmt.Sprint(field(s.live.tree, "spec", "replicas")) {
		out = append(out, NewFinding(codeScalerReplicas, of,
			fmt.Sprintf("applying the manifest sets replicas to %v, where it has set %v: pods are deleted or created beside the release, until it sets them again", tree, field(s.live.tree, "spec", "replicas")),
			"leave spec.replicas out of the manifest"))
	}
	return out
}

// manifestReplicas are the replicas that the manifest itself names, or nil.
func (s *scene) manifestReplicas() any {
	if s.options.Manifest == nil {
		return nil
	}
	tree, err := manifestOf(s.options.Manifest)
	if err != nil {
		return nil
	}
	return field(tree, "spec", "replicas")
}

// probePartition holds the partition of a CloneSet that a controller reconciles against what others do to it.
func probePartition(s *scene) []Finding {
	if s.direct() {
		return nil
	}
	out := s.probeArming()
	for _, m := range s.managers.Metadata.ManagedFields {
		if m.Manager == fieldManager || m.Subresource != "" || !ownsPartition(m) {
			continue
		}
		what := "writes the partition too"
		if gitOps(m.Manager) {
			what = "a GitOps tool, writes the partition too, and sets it back when it syncs"
		}
		out = append(out, NewFinding(codePartitionOwned, s.target(),
			fmt.Sprintf("%s, %s: unless it ignores the field, the release ends as soon as that happens (exit code 13)", m.Manager, what), ignoreHint(m.Manager)))
	}
	return out
}

// probeArming finds a partition that would let the controller begin before the release does.
func (s *scene) probeArming() []Finding {
	if s.bounds.Partition == s.bounds.Replicas || s.set.Spec.Paused || s.toReplace() == 0 || s.change.InPlace && len(s.change.Images)+len(s.change.Metadata) == 0 && s.previous != nil {
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

func ownsPartition(m fieldsSet) bool {
	tree, err := toMap(m.FieldsV1)
	return err == nil && (field(tree, "f:spec", "f:updateStrategy", "f:partition") != nil ||
		field(tree, "f:spec", "f:updateStrategy", "f:rollingUpdate", "f:partition") != nil)
}

func gitOps(manager string) bool {
	switch manager {
	case "argocd-controller", "argocd-application-controller", "kustomize-controller", "helm-controller":
		return true
	}
	return false
}

// ignoreHint is how a manager is taught to leave the partition alone.
func ignoreHint(manager string) string {
	const paths = "/spec/updateStrategy/partition, /spec/updateStrategy/rollingUpdate/partition"
	switch manager {
	case "argocd-controller", "argocd-application-controller":
		return "in the Application: spec.ignoreDifferences: [{group: apps.kruise.io, kind: CloneSet, jsonPointers: [" + paths +
			"]}] and spec.syncPolicy.syncOptions: [RespectIgnoreDifferences=true]"
	case "kustomize-controller":
		return "in the Kustomization: spec.ignore: [{paths: [" + paths + "], target: {kind: CloneSet}}], or leave the partition out of the manifest"
	case "helm-controller":
		return "in the HelmRelease: spec.driftDetection.ignore: [{paths: [" + paths + "], target: {kind: CloneSet}}], and leave the partition out of the chart's values"
	}
	return "let " + manager + " leave spec.updateStrategy.partition alone while a release runs"
}
