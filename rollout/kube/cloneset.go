// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"encoding/json"
	"errors"
	"fmt"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// ErrInvalid is wrapped where the target in the cluster cannot be released as it is.
var ErrInvalid = errors.New("invalid")

// cloneSet is what is kept of a CloneSet, or of a target of another kind: the object as it came, because its template
// goes into revisions as a whole.
type cloneSet struct {
	APIVersion  string
	Kind        string
	Metadata    metadata
	Status      setStatus // as CloneSets have it
	tree        map[string]any
	counts      map[string]any // the status as it came
	partitionBy string         // who else than slipway owns the partition
}

func (c cloneSet) meta() metadata { return c.Metadata }

// UnmarshalJSON keeps spec and status as trees, and of managedFields who owns the partition.
func (c *cloneSet) UnmarshalJSON(data []byte) error {
	var known struct {
		APIVersion string    `json:"apiVersion"`
		Kind       string    `json:"kind"`
		Metadata   metadata  `json:"metadata"`
		Status     setStatus `json:"status"`
	}
	var owned managed
	tree, err := toMap(data)
	if err == nil {
		err = errors.Join(json.Unmarshal(data, &known), json.Unmarshal(data, &owned))
	}
	if err != nil {
		return err
	}
	c.APIVersion, c.Kind, c.Metadata, c.Status = known.APIVersion, known.Kind, known.Metadata, known.Status
	c.counts, _ = tree["status"].(map[string]any)
	c.partitionBy = owned.partitionWriter()
	c.tree = map[string]any{
		"apiVersion": c.APIVersion, "kind": c.Kind, "spec": tree["spec"],
		"metadata": map[string]any{"name": c.Metadata.Name, "namespace": c.Metadata.Namespace, "uid": c.Metadata.UID},
	}
	return nil
}

// of gives the object its kind, which the items of a list have not got where the kind is built in.
func (c cloneSet) of(k plan.Kind) cloneSet {
	c.APIVersion, c.Kind = k.APIVersion, k.Name
	c.tree["apiVersion"], c.tree["kind"] = k.APIVersion, k.Name
	return c
}

// setStatus is the status of a CloneSet as it is read and written.
type setStatus struct {
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
	Conditions               []condition `json:"conditions,omitempty"`
}

// read turns the object into what a decision sees. The error tells everything that is wrong with the spec.
func (c cloneSet) read() (plan.Workload, error) {
	what := fmt.Sprintf("%s %s/%s", c.Kind, c.Metadata.Namespace, c.Metadata.Name)
	data, err := json.Marshal(c.tree)
	if err != nil {
		return plan.Workload{}, fmt.Errorf("reading %s: %w", what, err)
	}
	set, err := plan.ParseWorkload(what, data, plan.Target{Kind: c.Kind})
	set.ResourceVersion, set.Generation = c.Metadata.ResourceVersion, c.Metadata.Generation
	set.Deleting = c.Metadata.DeletionTimestamp != nil
	set.PartitionBy = c.partitionBy
	c.readStatus(&set)
	if err != nil {
		return set, fmt.Errorf("%w: %w", ErrInvalid, withoutLines(err))
	}
	return set, nil
}

// withoutLines takes line numbers out of the errors of a parser: an object in a cluster has no lines.
func withoutLines(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var out []error
	for _, e := range joined.Unwrap() {
		var f plan.FieldError
		if errors.As(e, &f) {
			f.Line = 0
			e = f
		}
		out = append(out, e)
	}
	return errors.Join(out...)
}

func (c cloneSet) template() map[string]any {
	t, _ := field(c.tree, "spec", "template").(map[string]any)
	return t
}

// historyLimit is how many revisions without a pod are kept.
func (c cloneSet) historyLimit() int {
	if n, ok := field(c.tree, "spec", "revisionHistoryLimit").(float64); ok {
		return int(n)
	}
	return 10
}

// owner is the reference to this CloneSet that its pods, claims and revisions carry.
func (c cloneSet) owner() ownerReference {
	return ownerReference{
		APIVersion: c.APIVersion, Kind: c.Kind, Name: c.Metadata.Name, UID: c.Metadata.UID,
		Controller: yes(), BlockOwnerDeletion: yes(),
	}
}

// claimTemplates are the volumeClaimTemplates.
func (c cloneSet) claimTemplates() []any { return items(c.tree, "spec", "volumeClaimTemplates") }
