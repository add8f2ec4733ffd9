// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"fmt"
	"slices"
	"strings"
)

// SlipwayVersion is the apiVersion of what people write for slipway alone, and InjectorKind the kind of its functionConfig.
const (
	SlipwayVersion = "slipway.dev/v1alpha1"
	InjectorKind   = "SidecarInjector"
)

// KruiseGroup is the API group of OpenKruise's workloads.
const KruiseGroup = "apps.kruise.io"

// Kind is one kind of workload: how the API serves it, where it keeps its pod templates, and what its controller does.
type Kind struct {
	Group string `json:"group"`
	Kind  string `json:"kind"`
	// PodTemplatePaths are dotted; "[*]" after a key stands for every element of that list:
	// spec.replicatedJobs[*].template.spec.template. The empty path is the object itself.
	PodTemplatePaths []string `json:"podTemplatePaths"`
	// RunsToCompletion marks kinds that an ordinary sidecar keeps from completing.
	RunsToCompletion bool `json:"runsToCompletion"`

	Resource string   `json:"-"` // as in URLs and Roles; "" where the kind is not served any more
	Versions []string `json:"-"` // of its API, the one to ask for first, first

	adds []string // labels that its controller adds to pods; one that ends in a slash is a prefix
}

// Validate says what is wrong with a kind that a user wrote, or "".
func (k Kind) Validate() string {
	switch {
	case k.Kind == "":
		return "kind is missing"
	case len(k.PodTemplatePaths) == 0:
		return "podTemplatePaths is empty"
	}
	for _, p := range k.PodTemplatePaths {
		if _, err := SplitPath(p); err != nil {
			return err.Error()
		}
	}
	return ""
}

// SplitPath returns the keys of a path to a pod template; "[*]" stands for the elements of a list.
func SplitPath(path string) ([]string, error) {
	if path == "" {
		return nil, nil
	}
	var keys []string
	for _, part := range strings.Split(path, ".") {
		key, rest, list := strings.Cut(part, "[")
		if key == "" || list && rest != "*]" {
			return nil, fmt.Errorf("pod template path %q: %q is neither a key nor a key with [*]", path, part)
		}
		if keys = append(keys, key); list {
			keys = append(keys, EachElement)
		}
	}
	return keys, nil
}

// EachElement stands in a split path for every element of a list.
const EachElement = "[*]"

// Adds says whether the kind's controller sets a label on its pods, so that a template cannot tell its value. What a
// controller outside of the table does to a kind of a known name is taken to be the same.
func (k Kind) Adds(label string) bool {
	known, ok := KindOf(k.Group, k.Kind)
	if ok {
		return known.addsLabel(label)
	}
	return slices.ContainsFunc(kinds, func(row Kind) bool { return row.Kind == k.Kind && row.addsLabel(label) }) ||
		k.RunsToCompletion && addsLabel(jobLabels(), label)
}

func (k Kind) addsLabel(label string) bool { return addsLabel(k.adds, label) }

func addsLabel(added []string, label string) bool {
	return slices.ContainsFunc(added, func(l string) bool {
		return l == label || strings.HasSuffix(l, "/") && strings.HasPrefix(label, l)
	})
}

// AddedByController says whether the controller of some kind sets a label on pods.
func AddedByController(label string) bool {
	return slices.ContainsFunc(kinds, func(k Kind) bool { return k.addsLabel(label) })
}

// KindOf finds a kind of the table.
func KindOf(group, kind string) (Kind, bool) {
	i, ok := kindIndex[group+"/"+kind]
	if !ok {
		return Kind{}, false
	}
	return kinds[i], true
}

// Kinds are all kinds of workloads that slipway knows: Kubernetes', Kruise's, Argo's, Knative's, OpenShift's, KEDA's and
// JobSet's.
func Kinds() []Kind { return slices.Clone(kinds) }

// The table and its index; nobody writes to them.
var (
	kinds     = slices.Concat(kubernetesKinds(), kruiseKinds(), otherKinds()) //nolint:gochecknoglobals // read for every document
	kindIndex = indexKinds()                                                  //nolint:gochecknoglobals // read for every document
)

func indexKinds() map[string]int {
	index := make(map[string]int, len(kinds))
	for i, k := range kinds {
		index[k.Group+"/"+k.Kind] = i
	}
	return index
}

const inSpec = "spec.template"

// Labels that several controllers add.
func revisionLabels() []string { return []string{"controller-revision-hash"} }
func hashLabels() []string     { return []string{"pod-template-hash"} }
func jobLabels() []string      { return []string{"job-name", "controller-uid", "batch.kubernetes.io/"} }
func daemonLabels() []string   { return append(revisionLabels(), "pod-template-generation") }

func ordinalLabels() []string {
	return append(revisionLabels(), "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index")
}

// kubernetesKinds are those of Kubernetes itself. The order of the table is that in which a cluster is asked for them.
func kubernetesKinds() []Kind {
	return []Kind{
		{Kind: "Pod", Resource: "pods", Versions: []string{"v1"}, PodTemplatePaths: []string{""}},
		{Kind: "PodTemplate", PodTemplatePaths: []string{"template"}},
		{
			Kind: "ReplicationController", Resource: "replicationcontrollers", Versions: []string{"v1"},
			PodTemplatePaths: []string{inSpec},
		},
		{
			Group: "apps", Kind: "Deployment", Resource: "deployments", Versions: []string{"v1"}, PodTemplatePaths: []string{inSpec},
			adds: hashLabels(),
		},
		{
			Group: "apps", Kind: "ReplicaSet", Resource: "replicasets", Versions: []string{"v1"}, PodTemplatePaths: []string{inSpec},
			adds: hashLabels(),
		},
		{
			Group: "apps", Kind: "StatefulSet", Resource: "statefulsets", Versions: []string{"v1"}, PodTemplatePaths: []string{inSpec},
			adds: ordinalLabels(),
		},
		{
			Group: "apps", Kind: "DaemonSet", Resource: "daemonsets", Versions: []string{"v1"}, PodTemplatePaths: []string{inSpec},
			adds: daemonLabels(),
		},
		{Group: "extensions", Kind: "Deployment", PodTemplatePaths: []string{inSpec}, adds: hashLabels()},
		{Group: "extensions", Kind: "ReplicaSet", PodTemplatePaths: []string{inSpec}, adds: hashLabels()},
		{Group: "extensions", Kind: "DaemonSet", PodTemplatePaths: []string{inSpec}, adds: daemonLabels()},
		{
			Group: "batch", Kind: "CronJob", Resource: "cronjobs", Versions: []string{"v1"}, RunsToCompletion: true,
			PodTemplatePaths: []string{"spec.jobTemplate.spec.template"}, adds: jobLabels(),
		},
		{
			Group: "batch", Kind: "Job", Resource: "jobs", Versions: []string{"v1"}, RunsToCompletion: true,
			PodTemplatePaths: []string{inSpec}, adds: jobLabels(),
		},
	}
}

// kruiseKinds are those of OpenKruise.
func kruiseKinds() []Kind {
	alpha := []string{"v1alpha1", "v1beta1"}
	own := []string{"apps.kruise.io/cloneset-instance-id", "apps.kruise.io/subset-name", "lifecycle.apps.kruise.io/state"}
	broadcast := []string{"broadcastjob-name", "broadcastjob-controller-uid"}
	return []Kind{
		{
			Group: KruiseGroup, Kind: "CloneSet", Resource: "clonesets", Versions: alpha,
			PodTemplatePaths: []string{inSpec}, adds: slices.Concat(hashLabels(), revisionLabels(), own),
		},
		{
			Group: KruiseGroup, Kind: "StatefulSet", Resource: "statefulsets", Versions: []string{"v1beta1", "v1alpha1"},
			PodTemplatePaths: []string{inSpec}, adds: slices.Concat(ordinalLabels(), own),
		},
		{
			Group: KruiseGroup, Kind: "DaemonSet", Resource: "daemonsets", Versions: alpha,
			PodTemplatePaths: []string{inSpec}, adds: slices.Concat(daemonLabels(), own),
		},
		{
			Group: KruiseGroup, Kind: "BroadcastJob", Resource: "broadcastjobs", Versions: alpha, RunsToCompletion: true,
			PodTemplatePaths: []string{inSpec}, adds: slices.Concat(revisionLabels(), broadcast, jobLabels(), own),
		},
		{
			Group: KruiseGroup, Kind: "AdvancedCronJob", Resource: "advancedcronjobs", Versions: alpha, RunsToCompletion: true,
			PodTemplatePaths: []string{"spec.template.jobTemplate.spec.template", "spec.template.broadcastJobTemplate.spec.template"},
			adds:             slices.Concat(revisionLabels(), broadcast, jobLabels(), own),
		},
		{
			Group: KruiseGroup, Kind: "UnitedDeployment", Resource: "uniteddeployments", Versions: alpha,
			PodTemplatePaths: []string{
				"spec.template.statefulSetTemplate.spec.template", "spec.template.advancedStatefulSetTemplate.spec.template",
				"spec.template.cloneSetTemplate.spec.template", "spec.template.deploymentTemplate.spec.template",
			},
			adds: slices.Concat(hashLabels(), ordinalLabels(), own),
		},
	}
}

// otherKinds are those of Argo, Knative, OpenShift, KEDA and JobSet.
func otherKinds() []Kind {
	added := []string{"pod-template-hash", "serving.knative.dev/"}
	config := []string{"deployment", "deploymentconfig"}
	return []Kind{
		{
			Group: "argoproj.io", Kind: "Rollout", Resource: "rollouts", Versions: []string{"v1alpha1"},
			PodTemplatePaths: []string{inSpec}, adds: []string{"rollouts-pod-template-hash"},
		},
		{
			Group: "serving.knative.dev", Kind: "Service", Resource: "services", Versions: []string{"v1"},
			PodTemplatePaths: []string{inSpec}, adds: added,
		},
		{Group: "serving.knative.dev", Kind: "Configuration", PodTemplatePaths: []string{inSpec}, adds: added},
		{
			Group: "apps.openshift.io", Kind: "DeploymentConfig", Resource: "deploymentconfigs", Versions: []string{"v1"},
			PodTemplatePaths: []string{inSpec}, adds: config,
		},
		{Kind: "DeploymentConfig", PodTemplatePaths: []string{inSpec}, adds: config},
		{
			Group: "keda.sh", Kind: "ScaledJob", Resource: "scaledjobs", Versions: []string{"v1alpha1"}, RunsToCompletion: true,
			PodTemplatePaths: []string{"spec.jobTargetRef.template"}, adds: slices.Concat(jobLabels(), []string{"scaledjob.keda.sh/"}),
		},
		{
			Group: "jobset.x-k8s.io", Kind: "JobSet", Resource: "jobsets", Versions: []string{"v1alpha2"}, RunsToCompletion: true,
			PodTemplatePaths: []string{"spec.replicatedJobs[*].template.spec.template"},
			adds:             slices.Concat(jobLabels(), []string{"jobset.sigs.k8s.io/"}),
		},
	}
}
