// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
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
	APIVersion      string `json:"apiVersion,omitempty"`
	Kind            string `json:"kind,omitempty"` // "" is CloneSet
	Namespace       string `json:"namespace,omitempty"`
	Name            string `json:"name,omitempty"`
	UID             string `json:"uid,omitempty"`
	ResourceVersion string `json:"resourceVersion,omitempty"`
	Generation      int64  `json:"generation,omitempty"`
	Deleting        bool   `json:"deleting,omitempty"` // the object has a deletion timestamp
	// of Git that the object is of, by its annotation CommitAnnotation
	Commit string `json:"commit,omitempty"`
	// who else than slipway has written the partition, and when; "" where nobody has
	PartitionBy string         `json:"partitionBy,omitempty"`
	Spec        WorkloadSpec   `json:"spec"`
	Status      WorkloadStatus `json:"status,omitzero"`
	// of a Deployment: what its fields are now; the spec has what they are without a release
	Rolling *Rolling `json:"rolling,omitempty"`
}

// WorkloadSpec holds the fields of the spec that a release honours, without defaults left to a webhook.
type WorkloadSpec struct {
	Replicas  int            `json:"replicas"`
	Selector  Selector       `json:"selector,omitzero"`
	Template  map[string]any `json:"template,omitempty"` // the pod template as it is written
	Partition Quantity       `json:"partition,omitzero"`
	// the partition is an ordinal, so the last pods are the updated ones
	Ordinal bool `json:"ordinal,omitempty"`
	// its controller makes deleted pods anew and deletes none to update them
	OnDelete bool `json:"onDelete,omitempty"`
	// pods come one after the other, each when those of lower ordinals are available
	Ordered             bool          `json:"ordered,omitempty"`
	FirstOrdinal        int           `json:"firstOrdinal,omitempty"` // of the first pod
	MaxSurge            Quantity      `json:"maxSurge,omitzero"`
	MaxUnavailable      Quantity      `json:"maxUnavailable,omitzero"`
	RoundsDown          bool          `json:"roundsDown,omitempty"` // maxUnavailable rounds down also without surge
	Paused              bool          `json:"paused,omitempty"`
	UpdateType          UpdateType    `json:"updateType,omitempty"`
	GracePeriod         time.Duration `json:"gracePeriod,omitzero"`      // between draining a pod and changing its images
	MinReady            time.Duration `json:"minReady,omitzero"`         // how long a pod is ready before it is available
	ProgressDeadline    time.Duration `json:"progressDeadline,omitzero"` // 0 where the CloneSet has none
	Priority            Priority      `json:"priority,omitzero"`
	Scatter             []ScatterTerm `json:"scatter,omitempty"`
	PodsToDelete        []string      `json:"podsToDelete,omitempty"`        // names
	ScaleMaxUnavailable *Quantity     `json:"scaleMaxUnavailable,omitempty"` // caps unavailable pods while scaling up; nil: no cap
	// a new pod takes over the instance id of a claim without a pod
	ReuseClaims    bool      `json:"reuseClaims,omitempty"`
	HasClaims      bool      `json:"hasClaims,omitempty"`      // volumeClaimTemplates is not empty
	Unknown        []string  `json:"unknown,omitempty"`        // fields that slipway does not know, such as spec.scaleStrategy.x
	ClaimTemplates []any     `json:"claimTemplates,omitempty"` // as they are written
	Lifecycle      Lifecycle `json:"lifecycle,omitzero"`
	SpreadKey      string    `json:"spreadKey,omitempty"` // first topologySpreadConstraint's topologyKey; "" spreads by node
}

// WorkloadStatus holds the fields of the status that a release reads where a controller writes them.
type WorkloadStatus struct {
	ObservedGeneration       int64  `json:"observedGeneration,omitempty"`
	Replicas                 int    `json:"replicas,omitempty"`
	ReadyReplicas            int    `json:"readyReplicas,omitempty"`
	AvailableReplicas        int    `json:"availableReplicas,omitempty"`
	Astray                   int    `json:"astray,omitempty"` // pods on nodes that should have none
	UpdatedReplicas          int    `json:"updatedReplicas,omitempty"`
	UpdatedReadyReplicas     int    `json:"updatedReadyReplicas,omitempty"`
	UpdatedAvailableReplicas int    `json:"updatedAvailableReplicas,omitempty"`
	CurrentRevision          string `json:"currentRevision,omitempty"`
	UpdateRevision           string `json:"updateRevision,omitempty"`
}

// Lifecycle holds the hooks of a CloneSet's pods. A zero Hook is no hook.
type Lifecycle struct {
	PreDelete     Hook `json:"preDelete,omitzero"`
	InPlaceUpdate Hook `json:"inPlaceUpdate,omitzero"`
	PreNormal     Hook `json:"preNormal,omitzero"`
}

// Hook blocks a step of a pod's life: before a deletion or an in-place update while the pod carries every label and
// finalizer of it, before a pod becomes Normal until it carries them.
type Hook struct {
	Labels          map[string]string `json:"labels,omitempty"`
	Finalizers      []string          `json:"finalizers,omitempty"`
	MarkPodNotReady bool              `json:"markPodNotReady,omitempty"`
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
	Weights []WeightTerm `json:"weights,omitempty"`
	Keys    []string     `json:"keys,omitempty"` // label keys whose values end in a number; the larger number first
}

// WeightTerm adds a weight to the pods that a selector matches. The larger sum is updated first.
type WeightTerm struct {
	Weight   int      `json:"weight,omitempty"`
	Selector Selector `json:"selector,omitzero"`
}

// ScatterTerm names a label whose pods are updated spread over the release instead of one after another.
type ScatterTerm struct {
	Key   string `json:"key,omitempty"`
	Value string `json:"value,omitempty"`
}

// Behind says that the controller of the object has not seen its present spec, as the end of a message; "": it has.
func (c Workload) Behind() string {
	if c.Status.ObservedGeneration >= c.Generation {
		return ""
	}
	return fmt.Sprintf("; %s, which reconciles %ss, has seen generation %d of %d", c.KindOf().Controller, c.KindName(),
		c.Status.ObservedGeneration, c.Generation)
}

// TemplateLabels are the labels that the pod template gives to new pods.
func (s WorkloadSpec) TemplateLabels() map[string]string {
	return manifest.Strings(s.Template, "metadata", "labels")
}
