// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"net/url"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// kind is a kind of object that doctor lists.
type kind struct {
	group, kind, plural string
	versions            []string // the one to ask for first, first
	cluster             bool     // not in a namespace
}

const webhookGroup = "admissionregistration.k8s.io"

// The kinds that are not workloads.
func sidecarSetKind() kind {
	return kind{manifest.KruiseGroup, "SidecarSet", "sidecarsets", []string{"v1alpha1", "v1beta1"}, true}
}

func webhookKind() kind {
	return kind{webhookGroup, "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", []string{"v1"}, true}
}

func namespaceKind() kind { return kind{"", "Namespace", "namespaces", []string{"v1"}, true} }
func podKind() kind       { return kind{"", "Pod", "pods", []string{"v1"}, false} }
func replicaSetKind() kind {
	return kind{"apps", "ReplicaSet", "replicasets", []string{"v1"}, false}
}

// workloadKinds are those with pod templates. Pods are listed by themselves, and bare ReplicaSets are seen through them.
func workloadKinds(more []manifest.Kind) []kind {
	var kinds []kind
	for _, k := range manifest.Kinds() {
		if k.Resource != "" && k.Kind != podKind().kind && k.Kind != replicaSetKind().kind {
			kinds = append(kinds, kind{k.Group, k.Kind, k.Resource, k.Versions, false})
		}
	}
	for _, k := range more { // no list of kinds gives the plural offline: this is the usual one
		kinds = append(kinds, kind{k.Group, k.Kind, strings.ToLower(k.Kind) + "s", []string{"v1", "v1beta1", "v1alpha1"}, false})
	}
	return kinds
}

// path is where the kind is listed; an empty namespace stands for all of them.
func (k kind) path(version, namespace string) string {
	base := "/apis/" + k.group + "/" + version
	if k.group == "" {
		base = "/api/" + version
	}
	if namespace != "" && !k.cluster {
		base += "/namespaces/" + namespace
	}
	return base + "/" + k.plural
}

// query leaves out pods that have ended.
func (k kind) query() url.Values {
	if k.kind != podKind().kind {
		return nil
	}
	return url.Values{"fieldSelector": {"status.phase!=Succeeded,status.phase!=Failed"}}
}

// resource names the kind as RBAC and CustomResourceDefinitions do.
func (k kind) resource() string {
	if k.group == "" {
		return k.plural
	}
	return k.plural + "." + k.group
}

// apiVersion is that of the kind's objects, which the items of a list do not say.
func (k kind) apiVersion(version string) string {
	if k.group == "" {
		return version
	}
	return k.group + "/" + version
}

func (k kind) ref(o *metav1.PartialObjectMetadata, version string) manifest.ObjectRef {
	return manifest.ObjectRef{APIVersion: k.apiVersion(version), Kind: k.kind, Namespace: o.Namespace, Name: o.Name}
}
