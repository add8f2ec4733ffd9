// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"github.com/slipway-dev/slipway/fn/inject"
)

// liveKind is a kind of object that doctor lists.
type liveKind struct {
	group, kind, plural string
	versions            []string // the one to ask for first, first
	cluster             bool     // not in a namespace
}

const (
	kruiseGroup  = inject.KruiseGroup
	webhookGroup = "admissionregistration.k8s.io"
)

// The kinds that are not workloads.
func sidecarSetKind() liveKind {
	return liveKind{kruiseGroup, "SidecarSet", "sidecarsets", []string{"v1alpha1", "v1beta1"}, true}
}

func webhookKind() liveKind {
	return liveKind{webhookGroup, "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", []string{"v1"}, true}
}

func namespaceKind() liveKind { return liveKind{"", "Namespace", "namespaces", []string{"v1"}, true} }
func podKind() liveKind       { return liveKind{"", "Pod", "pods", []string{"v1"}, false} }
func replicaSetKind() liveKind {
	return liveKind{"apps", "ReplicaSet", "replicasets", []string{"v1"}, false}
}

// workloadKinds are those with pod templates. Bare ReplicaSets are seen through their pods.
func workloadKinds(more []inject.WorkloadKind) []liveKind {
	kinds := []liveKind{
		{"", "ReplicationController", "replicationcontrollers", []string{"v1"}, false},
		{"apps", "Deployment", "deployments", []string{"v1"}, false},
		{"apps", "StatefulSet", "statefulsets", []string{"v1"}, false},
		{"apps", "DaemonSet", "daemonsets", []string{"v1"}, false},
		{"batch", "CronJob", "cronjobs", []string{"v1"}, false},
		{"batch", "Job", "jobs", []string{"v1"}, false},
		{kruiseGroup, "CloneSet", "clonesets", []string{"v1alpha1", "v1beta1"}, false},
		{kruiseGroup, "StatefulSet", "statefulsets", []string{"v1beta1", "v1alpha1"}, false},
		{kruiseGroup, "DaemonSet", "daemonsets", []string{"v1alpha1", "v1beta1"}, false},
		{kruiseGroup, "BroadcastJob", "broadcastjobs", []string{"v1alpha1", "v1beta1"}, false},
		{kruiseGroup, "AdvancedCronJob", "advancedcronjobs", []string{"v1alpha1", "v1beta1"}, false},
		{kruiseGroup, "UnitedDeployment", "uniteddeployments", []string{"v1alpha1", "v1beta1"}, false},
		{"argoproj.io", "Rollout", "rollouts", []string{"v1alpha1"}, false},
		{"serving.knative.dev", "Service", "services", []string{"v1"}, false},
		{"apps.openshift.io", "DeploymentConfig", "deploymentconfigs", []string{"v1"}, false},
		{"keda.sh", "ScaledJob", "scaledjobs", []string{"v1alpha1"}, false},
		{"jobset.x-k8s.io", "JobSet", "jobsets", []string{"v1alpha2"}, false},
	}
	for _, w := range more { // no list of kinds gives the plural offline: this is the usual one
		kinds = append(kinds, liveKind{w.Group, w.Kind, strings.ToLower(w.Kind) + "s", []string{"v1", "v1beta1", "v1alpha1"}, false})
	}
	return kinds
}

// path is where the kind is listed; an empty namespace stands for all of them.
func (k liveKind) path(version, namespace string) string {
	base := "/apis/" + k.group + "/" + version
	if k.group == "" {
		base = "/api/" + version
	}
	if namespace != "" && !k.cluster {
		base += "/namespaces/" + namespace
	}
	return base + "/" + k.plural
}

func (k liveKind) resource() string {
	if k.group == "" {
		return k.plural
	}
	return k.plural + "." + k.group
}
