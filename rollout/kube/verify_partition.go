// SPDX-License-Identifier: Apache-2.0

package kube

import "fmt"

// probePartition holds the partition of a CloneSet that a controller reconciles against what others do to it.
func probePartition(s *scene) []Finding {
	if s.direct() {
		return nil
	}
	var out []Finding
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
func probeArming(s *scene) []Finding {
	if s.direct() || s.bounds.Partition == s.bounds.Replicas || s.set.Spec.Paused || s.toReplace() == 0 {
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
