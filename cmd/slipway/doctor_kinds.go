// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// liveKind is a kind of object that doctor lists.
type liveKind struct {
	group, kind, plural string
	versions            []string // the one to ask for first, first
	cluster             bool     // not in a namespace
}

const (
	kruiseGroup  = manifest.KruiseGroup
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

// workloadKinds are those with pod templates. Pods are listed by themselves, and bare ReplicaSets are seen through them.
func workloadKinds(more []manifest.Kind) []liveKind {
	var kinds []liveKind
	for _, k := range manifest.Kinds() {
		if k.Resource != "" && k.Kind != podKind().kind && k.Kind != replicaSetKind().kind {
			kinds = append(kinds, liveKind{k.Group, k.Kind, k.Resource, k.Versions, false})
		}
	}
	for _, k := range more { // no list of kinds gives the plural offline: this is the usual one
		kinds = append(kinds, liveKind{k.Group, k.Kind, strings.ToLower(k.Kind) + "s", []string{"v1", "v1beta1", "v1alpha1"}, false})
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
