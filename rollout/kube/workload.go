// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// Workload is what is kept of a CloneSet, or of a target of another kind: the object as it came, because its template
// goes into revisions as a whole.
type Workload struct {
	metav1.TypeMeta
	metav1.ObjectMeta
	Status CloneSetStatus // as CloneSets have it
	Tree   map[string]any // without the status
	counts map[string]any // the status as it came
}

// Meta is the metadata, as a Cache asks for it.
func (c Workload) Meta() metav1.ObjectMeta { return c.ObjectMeta }

// UnmarshalJSON keeps spec and status as trees.
func (c *Workload) UnmarshalJSON(data []byte) error {
	var whole struct {
		metav1.TypeMeta
		metav1.ObjectMeta `json:"metadata"`
		Spec              any            `json:"spec"`
		Status            map[string]any `json:"status"`
	}
	if err := json.Unmarshal(data, &whole); err != nil {
		return err
	}
	var status CloneSetStatus
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(whole.Status, &status); err != nil {
		return fmt.Errorf("status: %w", err)
	}
	*c = Workload{TypeMeta: whole.TypeMeta, ObjectMeta: whole.ObjectMeta, Status: status, counts: whole.Status}
	c.Tree = map[string]any{
		"apiVersion": c.APIVersion, "kind": c.Kind, "spec": whole.Spec,
		"metadata": map[string]any{"name": c.Name, "namespace": c.Namespace, "uid": string(c.UID)},
	}
	return nil
}

// Of gives the object its kind, which the items of a list have not got where the kind is built in.
func (c Workload) Of(k plan.Kind) Workload {
	c.APIVersion, c.Kind = k.APIVersion, k.Name
	c.Tree["apiVersion"], c.Tree["kind"] = k.APIVersion, k.Name
	return c
}

// CloneSetStatus is the status of a CloneSet as it is read and written.
type CloneSetStatus struct {
	ObservedGeneration       int64       `json:"observedGeneration"`
	Replicas                 int         `json:"replicas"`
	ReadyReplicas            int         `json:"readyReplicas"`
	AvailableReplicas        int         `json:"availableReplicas"`
	UpdatedReplicas          int         `json:"updatedReplicas"`
	UpdatedReadyReplicas     int         `json:"updatedReadyReplicas"`
	UpdatedAvailableReplicas int         `json:"updatedAvailableReplicas"`
	ExpectedUpdatedReplicas  int         `json:"expectedUpdatedReplicas"`
	CurrentRevision          string      `json:"currentRevision,omitempty"`
	UpdateRevision           string      `json:"updateRevision,omitempty"`
	CollisionCount           int         `json:"collisionCount"`
	LabelSelector            string      `json:"labelSelector,omitempty"`
	Conditions               []Condition `json:"conditions,omitempty"`
}

// Read turns the object into what a decision sees. The error tells everything that is wrong with the spec.
func (c Workload) Read() (plan.Workload, error) {
	what := fmt.Sprintf("%s %s/%s", c.Kind, c.Namespace, c.Name)
	set, err := plan.ReadWorkload(what, c.Tree, c.Kind)
	set.ResourceVersion, set.Generation = c.ResourceVersion, c.Generation
	set.Deleting = c.DeletionTimestamp != nil
	set.PartitionBy, set.Commit = partitionWriter(c.ManagedFields), c.Annotations[plan.CommitAnnotation]
	if err == nil {
		err = c.readRolling(&set)
	}
	c.readStatus(&set)
	if err != nil {
		return set, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return set, nil
}

// Template is the pod template.
func (c Workload) Template() map[string]any {
	t, _ := Field(c.Tree, "spec", "template").(map[string]any)
	return t
}

// HistoryLimit is how many revisions without a pod are kept.
func (c Workload) HistoryLimit() int {
	if n, ok := Field(c.Tree, "spec", "revisionHistoryLimit").(float64); ok {
		return int(n)
	}
	return 10
}

// Owner is the reference to this CloneSet that its pods, claims and revisions carry.
func (c Workload) Owner() metav1.OwnerReference {
	return metav1.OwnerReference{
		APIVersion: c.APIVersion, Kind: c.Kind, Name: c.Name, UID: c.UID,
		Controller: ptr.To(true), BlockOwnerDeletion: ptr.To(true),
	}
}

// ClaimTemplates are the volumeClaimTemplates.
func (c Workload) ClaimTemplates() []any { return items(c.Tree, "spec", "volumeClaimTemplates") }

// readStatus fills in the status by the names that its kind has for it. Where a kind does not count the pods that are
// updated and ready, they are as many as they must be at least: every pod that is not ready may be an updated one.
func (c Workload) readStatus(set *plan.Workload) {
	names := set.KindOf().Status
	s := plan.WorkloadStatus{
		ObservedGeneration: c.Status.ObservedGeneration,
		Replicas:           c.count(names.Replicas), ReadyReplicas: c.count(names.Ready), AvailableReplicas: c.count(names.Available),
		UpdatedReplicas:      c.count(names.Updated),
		UpdatedReadyReplicas: c.count(names.UpdatedReady), UpdatedAvailableReplicas: c.count(names.UpdatedAvailable),
		CurrentRevision: Text(c.counts, names.CurrentRevision), UpdateRevision: Text(c.counts, names.UpdateRevision),
	}
	if names.Desired != "" {
		set.Spec.Replicas = c.count(names.Desired)
	}
	if s.Astray = c.count(names.Astray); set.Spec.OnDelete {
		s.CurrentRevision = "" // its controller never moves it on
	}
	if r := set.Rolling; r != nil && r.Held() {
		s.AvailableReplicas = s.ReadyReplicas // to its controller no new pod is ever available
	}
	all := max(set.Spec.Replicas, s.Replicas)
	least := func(healthy int) int { return max(s.UpdatedReplicas-max(all-healthy, 0), 0) }
	if _, counted := c.counts[names.UpdatedReady]; !counted {
		s.UpdatedReadyReplicas = least(s.ReadyReplicas)
	}
	if _, counted := c.counts[names.UpdatedAvailable]; !counted {
		s.UpdatedAvailableReplicas = least(s.AvailableReplicas)
	}
	set.Status = s
}

// count is a number in the status.
func (c Workload) count(name string) int {
	n, _ := c.counts[name].(float64)
	return int(n)
}

// Behind tells whether the controller has not seen the present spec, or has not yet said which revision it has.
func (c Workload) Behind(k plan.Kind) bool {
	return c.Status.ObservedGeneration < c.Generation ||
		k.Status.UpdateRevision != "" && Text(c.counts, k.Status.UpdateRevision) == ""
}
