// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"fmt"
	"slices"
	"strconv"
)

// GitOps is what applies the manifests of a release.
type GitOps string

// The ways that manifests reach a cluster. None is kubectl, or anything else that keeps nothing in step.
const (
	None   GitOps = "none"
	ArgoCD GitOps = "argocd"
	Flux   GitOps = "flux"
)

// ReleaseAnnotation is the annotation of a target that names the release which its manifest belongs to.
const ReleaseAnnotation = "slipway.dev/release"

// WaveAnnotation is where Argo CD reads the sync wave of an object.
const WaveAnnotation = "argocd.argoproj.io/sync-wave"

// annotate adds to a manifest what its tool needs.
//
// With Argo CD everything is in the target's wave: a later one would wait for a target that waits for the Job. It is no
// hook: Argo CD then shows it, waits for it, and counts its failure. Jobs of earlier releases do not make the
// application look out of sync where it does not prune.
//
// With Flux a Job that cannot be changed, because something else has, is made anew.
func (o JobOptions) annotate(m object) {
	annotations := object{}
	if o.Owner != "" {
		annotations[GeneratedBy] = o.Owner
	}
	ofRelease := m["kind"] == "Job" || m["kind"] == "ConfigMap"
	switch {
	case o.For == ArgoCD && ofRelease:
		annotations["argocd.argoproj.io/compare-options"] = "IgnoreExtraneous"
	case o.For == Flux && ofRelease:
		annotations["kustomize.toolkit.fluxcd.io/force"] = "enabled"
	}
	if o.For == ArgoCD && o.Wave != "" {
		annotations[WaveAnnotation] = o.Wave
	}
	if len(annotations) > 0 {
		m["metadata"].(object)["annotations"] = annotations
	}
}

// Resting is the partition that keeps a controller from updating any pod: a field of the target and its value, which is
// a percentage or, for kinds that know none, a number.
type Resting struct {
	Path  []string
	Value string
	IsInt bool
	Armed bool // the target has such a partition
}

// everyNode is more than any cluster has.
const everyNode = 1<<31 - 1

// RestingPartition says how a target is armed. Where a kind takes only a number of pods it follows spec.replicas.
func RestingPartition(target map[string]any) (Resting, error) {
	apiVersion, _ := target["apiVersion"].(string)
	kind, _ := target["kind"].(string)
	rolling := []string{"spec", "updateStrategy", "rollingUpdate", "partition"}
	replicas := 1
	if n, ok := integer(field(target, "spec", "replicas")); ok {
		replicas = n
	}
	var r Resting
	most := replicas
	switch apiVersion + " " + kind {
	case "apps.kruise.io/v1alpha1 CloneSet":
		r = Resting{Path: []string{"spec", "updateStrategy", "partition"}, Value: "100%"}
	case "apps.kruise.io/v1beta1 CloneSet":
		r = Resting{Path: rolling, Value: "100%"}
	case "apps.kruise.io/v1beta1 DaemonSet":
		r, most = Resting{Path: rolling, Value: "100%"}, everyNode
	case "apps.kruise.io/v1alpha1 DaemonSet":
		r, most = Resting{Path: rolling, Value: strconv.Itoa(everyNode), IsInt: true}, everyNode
	case "apps/v1 StatefulSet", "apps.kruise.io/v1alpha1 StatefulSet", "apps.kruise.io/v1beta1 StatefulSet":
		r = Resting{Path: rolling, Value: strconv.Itoa(replicas), IsInt: true}
	default:
		return r, fmt.Errorf("%s %s has no partition", apiVersion, kind)
	}
	switch now := field(target, r.Path...).(type) {
	case string:
		r.Armed = now == "100%"
	default:
		n, ok := integer(now)
		r.Armed = ok && n >= most
	}
	return r, nil
}

// HasPartition says whether objects of this kind have a partition.
func HasPartition(apiVersion, kind string) bool {
	_, err := RestingPartition(object{"apiVersion": apiVersion, "kind": kind})
	return err == nil
}

// integer is an integer as JSON or YAML gives it.
func integer(v any) (int, bool) {
	switch n := v.(type) {
	case int:
		return n, true
	case int64:
		return int(n), true
	case float64:
		return int(n), n == float64(int(n))
	}
	return 0, false
}

// Known says whether this is one of the ways.
func (g GitOps) Known() bool { return slices.Contains([]GitOps{"", None, ArgoCD, Flux}, g) }
