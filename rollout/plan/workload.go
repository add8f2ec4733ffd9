// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"
	"time"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// UpdateType says how an old pod becomes a new one.
type UpdateType string

// The update types that a release can execute. OnDelete is refused when it is read: it leaves the release to whoever
// deletes pods.
const (
	ReCreate          UpdateType = "ReCreate"
	InPlaceIfPossible UpdateType = "InPlaceIfPossible"
	InPlaceOnly       UpdateType = "InPlaceOnly"
)

// Workload is what a release reads of its target: a CloneSet in either API version, or what another kind has of the
// same fields.
type Workload struct {
	APIVersion      string
	Kind            string // "" is CloneSet
	Namespace       string
	Name            string
	UID             string
	ResourceVersion string
	Generation      int64
	Deleting        bool   // the object has a deletion timestamp
	PartitionBy     string // who else than slipway has written the partition, and when; "" where nobody has
	Spec            WorkloadSpec
	Status          WorkloadStatus
}

// WorkloadSpec holds the fields of the spec that a release honours, without defaults left to a webhook.
type WorkloadSpec struct {
	Replicas            int
	Selector            Selector
	Template            map[string]any // the pod template as it is written
	Partition           Quantity
	Ordinal             bool // the partition is an ordinal, so the last pods are the updated ones
	MaxSurge            Quantity
	MaxUnavailable      Quantity
	Paused              bool
	UpdateType          UpdateType
	GracePeriod         time.Duration // between draining a pod and changing its images
	MinReady            time.Duration // how long a pod is ready before it is available
	ProgressDeadline    time.Duration // 0 where the CloneSet has none
	Priority            Priority
	Scatter             []ScatterTerm
	PodsToDelete        []string  // names
	ScaleMaxUnavailable *Quantity // caps unavailable pods while scaling up; nil: no cap
	ReuseClaims         bool      // a new pod takes over the instance id of a claim without a pod
	HasClaims           bool      // volumeClaimTemplates is not empty
	Lifecycle           Lifecycle
	SpreadKey           string // first topologySpreadConstraint's topologyKey; "" spreads by node
}

// WorkloadStatus holds the fields of the status that a release reads where a controller writes them.
type WorkloadStatus struct {
	ObservedGeneration       int64
	Replicas                 int
	ReadyReplicas            int
	AvailableReplicas        int
	UpdatedReplicas          int
	UpdatedReadyReplicas     int
	UpdatedAvailableReplicas int
	CurrentRevision          string
	UpdateRevision           string
}

// Lifecycle holds the hooks of a CloneSet's pods. A zero Hook is no hook.
type Lifecycle struct {
	PreDelete     Hook
	InPlaceUpdate Hook
	PreNormal     Hook
}

// Hook blocks a step of a pod's life: before a deletion or an in-place update while the pod carries every label and
// finalizer of it, before a pod becomes Normal until it carries them.
type Hook struct {
	Labels          map[string]string
	Finalizers      []string
	MarkPodNotReady bool
}

// IsSet tells whether the hook exists.
func (h *Hook) IsSet() bool { return len(h.Labels) > 0 || len(h.Finalizers) > 0 }

// Holds tells whether a pod with these labels and finalizers carries every one of the hook.
func (h *Hook) Holds(labels map[string]string, finalizers []string) bool {
	if !h.IsSet() {
		return false
	}
	for k, v := range h.Labels {
		if labels[k] != v {
			return false
		}
	}
	for _, f := range h.Finalizers {
		if !slices.Contains(finalizers, f) {
			return false
		}
	}
	return true
}

// Priority orders updates. Weights and Keys exclude each other; with neither, only readiness decides.
type Priority struct {
	Weights []WeightTerm
	Keys    []string // label keys whose values end in a number; the larger number first
}

// WeightTerm adds a weight to the pods that a selector matches. The larger sum is updated first.
type WeightTerm struct {
	Weight   int
	Selector Selector
}

// ScatterTerm names a label whose pods are updated spread over the release instead of one after another.
type ScatterTerm struct {
	Key   string
	Value string
}

// TemplateLabels are the labels that the pod template gives to new pods.
func (s WorkloadSpec) TemplateLabels() map[string]string {
	return manifest.Strings(s.Template, "metadata", "labels")
}
