// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"strconv"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// GitOps is what applies the manifests of a release.
type GitOps string

// The ways that manifests reach a cluster. None is kubectl, or anything else that keeps nothing in step.
const (
	None   GitOps = "none"
	ArgoCD GitOps = "argocd"
	Flux   GitOps = "flux"
)

// waveAnnotation is where Argo CD reads the sync wave of an object.
const waveAnnotation = "argocd.argoproj.io/sync-wave"

// annotate adds to a manifest what its tool needs.
//
// With Argo CD everything is in the target's wave: a later one would wait for a target that waits for the Job. It is no
// hook: Argo CD then shows it, waits for it, and counts its failure. Jobs of earlier releases do not make the
// application look out of sync where it does not prune.
//
// With Flux a Job that cannot be changed, because something else has, is made anew.
func (o Job) annotate(m object) {
	annotations := object{}
	if o.Owner != "" {
		annotations[GeneratedBy] = o.Owner
	}
	if _, why := o.activeDeadline(); m["kind"] == "Job" && why != "" {
		annotations[noDeadline] = why
	}
	ofRelease := m["kind"] == "Job" || m["kind"] == "ConfigMap"
	switch {
	case o.For == ArgoCD && ofRelease:
		annotations["argocd.argoproj.io/compare-options"] = "IgnoreExtraneous"
	case o.For == Flux && ofRelease:
		annotations["kustomize.toolkit.fluxcd.io/force"] = "enabled"
	}
	if o.For == ArgoCD && o.Wave != "" {
		annotations[waveAnnotation] = o.Wave
	}
	if len(annotations) > 0 {
		m["metadata"].(object)["annotations"] = annotations
	}
}

// resting are the fields that a target in Git lacks, so that a new pod template moves no pod before its release: a partition
// with which its controller updates no pod or, for a Deployment, that it is paused. A paused one needs a progressDeadlineSeconds
// that stands for none, or a manifest with another one could not be applied during a release: it has to be greater than the
// minReadySeconds that the release writes.
func resting(target plan.Workload) []Edit {
	kind, spec := target.KindOf(), target.Spec
	if r := target.Rolling; r != nil {
		var edits []Edit
		if !r.Paused {
			edits = append(edits, Edit{Path: []string{"spec", "paused"}, Value: "true", Tag: "!!bool"})
		}
		if r.Deadline != plan.SentinelDeadline {
			edits = append(edits, Edit{
				Path: []string{"spec", "progressDeadlineSeconds"}, Value: strconv.Itoa(plan.SentinelDeadline),
				Tag: "!!int",
			})
		}
		return edits
	}
	value := kind.Everything()
	if spec.Partition == value || !kind.Nodes && spec.Replicas > 0 && spec.Partition.Partition(spec.Replicas) == spec.Replicas {
		return nil
	}
	edit := Edit{Path: append(append([]string{"spec"}, kind.Strategy...), "partition"), Value: value.String(), Tag: "!!str"}
	if !value.IsPercent() {
		edit.Tag = "!!int"
	}
	return []Edit{edit}
}
