// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/surge"
)

// revisionAnnotation is the number that the deployment controller gives to a ReplicaSet.
const revisionAnnotation = "deployment.kubernetes.io/revision"

// ReplicaSet is what is kept of a ReplicaSet. Its template stays a tree: a revision holds all of it, also fields that this
// version of k8s.io/api does not know.
type ReplicaSet struct {
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Replicas int            `json:"replicas"`
		MinReady int            `json:"minReadySeconds"`
		Template map[string]any `json:"template"`
	} `json:"spec"`
	Status appsv1.ReplicaSetStatus `json:"status"`
}

// Refusal is why the API server takes no new pod of the ReplicaSet, and would not take it again, in its words as the controller
// passes them on; "" where nothing is known of that. A full quota is no such reason: there may be room later.
func (s ReplicaSet) Refusal() string { return refusedForGood(s.failure()) }

// NoRoom is why no pod of the ReplicaSet can be created for now; "" where nothing is known of that.
func (s ReplicaSet) NoRoom() string { return notNow(s.failure()) }

// failure is what the controller says of a pod that it could not create.
func (s ReplicaSet) failure() string {
	for _, c := range s.Status.Conditions {
		if c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue && c.Reason == "FailedCreate" {
			return c.Message
		}
	}
	return ""
}

// Meta is the metadata, as a Cache asks for it.
func (s ReplicaSet) Meta() metav1.ObjectMeta { return s.ObjectMeta }

// Observed is the ReplicaSet as a decision sees it.
func (s ReplicaSet) Observed(revision string) rollout.ReplicaSet {
	return rollout.ReplicaSet{
		Name: s.Name, Revision: revision, Replicas: s.Spec.Replicas, Available: int(s.Status.AvailableReplicas),
		Mute:   s.Spec.MinReady == plan.SentinelReady && s.Status.AvailableReplicas == 0,
		Sealed: s.sealed(revision),
	}
}

// sealed tells whether the ReplicaSet has the mark of a release of its own revision.
func (s ReplicaSet) sealed(revision string) bool {
	o, err := plan.ParseOriginal(s.Annotations[plan.OriginalAnnotation])
	return err == nil && o.Sealed && o.Revision == revision && s.Spec.MinReady == plan.SentinelReady
}

// number is the one of the ReplicaSet's revision. One that its controller has not numbered yet, or that somebody has written
// over, counts as the oldest: the number is for the order alone.
func (s ReplicaSet) number() int64 {
	n, err := strconv.ParseInt(s.Annotations[revisionAnnotation], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// SetRevision is the revision of a Deployment that a pod template stands for. Its name follows from the template alone: a
// Deployment that is paused has a new template long before its controller makes a ReplicaSet of it.
func SetRevision(name string, template map[string]any) (Revision, error) {
	t, _ := runtime.DeepCopyJSONValue(template).(map[string]any)
	if labels, ok := Field(t, "metadata", "labels").(map[string]any); ok {
		delete(labels, labelTemplateHash)
	}
	if meta, ok := t["metadata"].(map[string]any); ok && meta["creationTimestamp"] == nil {
		delete(meta, "creationTimestamp") // some servers write a null
	}
	data, err := revisionData(t)
	if err != nil {
		return Revision{}, err
	}
	var r Revision
	r.Data.Raw = data
	r.Name = name + "-" + revisionHash(data, 0)
	return r, nil
}

// NewSetHistory finds the revisions of a Deployment: of its ReplicaSets, of its present template, and what a release has kept.
// The second result names the revision of each ReplicaSet by its UID.
func NewSetHistory(set Workload, sets []ReplicaSet, kept []Revision) (History, map[types.UID]string, error) {
	var h History
	present, err := SetRevision(set.Name, set.Template())
	if err != nil {
		return h, nil, err
	}
	of := map[types.UID]string{}
	for _, s := range sets {
		r, err := SetRevision(set.Name, s.Spec.Template)
		if err != nil {
			return h, nil, err
		}
		r.Revision = s.number()
		of[s.UID] = r.Name
		h.Revisions = append(h.Revisions, r)
	}
	h.Update = present.Name
	for _, r := range kept { // a ReplicaSet that is there is what it is
		if !slices.ContainsFunc(h.Revisions, func(o Revision) bool { return o.Name == r.Name }) {
			h.Revisions = append(h.Revisions, r)
		}
	}
	slices.SortStableFunc(h.Revisions, func(a, b Revision) int { return cmp.Compare(a.Revision, b.Revision) })
	present.Revision = h.Next()
	h.Revisions = latest(append(h.Revisions, present))
	return h, of, h.index()
}

// latest leaves one revision of each name.
func latest(all []Revision) []Revision {
	var out []Revision
	for _, r := range all {
		if i := slices.IndexFunc(out, func(o Revision) bool { return o.Name == r.Name }); i < 0 {
			out = append(out, r)
		}
	}
	return out
}

// readRolling fills in what a Deployment's metadata say, and refuses one that somebody else rolls.
func (c Workload) readRolling(set *plan.Workload) error {
	if set.Rolling == nil {
		return nil
	}
	if who := c.rolledBy(); who != "" {
		return fmt.Errorf("it is rolled by %s, which would undo what a release writes: release it there, or take it out of that "+
			"first", who)
	}
	text, annotated := c.Annotations[plan.OriginalAnnotation]
	r := set.Rolling
	r.Annotated, r.Owned, r.Available = annotated, slices.Contains(managers(c.ManagedFields), FieldManager),
		c.count("availableReplicas")
	if annotated {
		if o, err := plan.ParseOriginal(text); err == nil { // what cannot be read is as if it were not there
			if o.Sealed {
				r.Marked = o.Revision
			}
			*set = set.WithOriginal(&o)
		}
	}
	return nil
}

// rolledBy names who else rolls a Deployment: its owner, or a tool that has left its mark.
func (c Workload) rolledBy() string {
	if o := metav1.GetControllerOf(&c.ObjectMeta); o != nil {
		return fmt.Sprintf("its owner %s %s (%s)", o.Kind, o.Name, o.APIVersion)
	}
	for _, key := range slices.Sorted(maps.Keys(c.Annotations)) {
		if strings.HasPrefix(key, "rollouts.kruise.io/") || strings.HasPrefix(key, "batchrelease.rollouts.kruise.io/") {
			return "Kruise Rollouts (annotation " + key + ")"
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.Labels)) {
		if strings.HasPrefix(key, "rollouts.kruise.io/") {
			return "Kruise Rollouts (label " + key + ")"
		}
	}
	if slices.Contains(managers(c.ManagedFields), "rollouts-controller") {
		return "Argo Rollouts (managedFields has rollouts-controller): a Rollout names it as its workloadRef"
	}
	return ""
}

// patchOperation is one of a JSON patch.
type patchOperation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// pointer writes a key as a part of a path in a JSON patch.
func pointer(key string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(key) }

// FieldsPatch is a JSON patch that writes fields of a Deployment, and a pod template where there is one. It is fenced by the
// generation: the status, which changes all the time, is no reason to fail.
func (c Workload) FieldsPatch(f surge.Fields, template map[string]any) []patchOperation {
	ops := c.fence(f.Generation)
	put := func(path string, value any) {
		ops = append(ops, patchOperation{"add", path, value})
	}
	if template != nil {
		put("/spec/template", template)
	}
	if f.Paused != nil {
		put("/spec/paused", *f.Paused)
	}
	if f.MinReady != nil {
		put("/spec/minReadySeconds", *f.MinReady)
	}
	if f.Deadline != nil {
		put("/spec/progressDeadlineSeconds", *f.Deadline)
	}
	if f.MaxSurge != nil && f.MaxUnavailable != nil {
		put("/spec/strategy/rollingUpdate", map[string]any{
			"maxSurge":       written(*f.MaxSurge),
			"maxUnavailable": written(*f.MaxUnavailable),
		})
	}
	return append(ops, c.annotationPatch(f)...)
}

func (c Workload) fence(generation int64) []patchOperation {
	return []patchOperation{
		{"test", "/metadata/uid", c.UID},
		{"test", "/metadata/generation", generation},
	}
}

func (c Workload) annotationPatch(f surge.Fields) []patchOperation {
	at := "/metadata/annotations/" + pointer(plan.OriginalAnnotation)
	_, there := c.Annotations[plan.OriginalAnnotation]
	switch {
	case f.Original != nil && len(c.Annotations) == 0:
		return []patchOperation{{"add", "/metadata/annotations", map[string]any{plan.OriginalAnnotation: f.Original.Text()}}}
	case f.Original != nil:
		return []patchOperation{{"add", at, f.Original.Text()}}
	case f.Forget && there:
		return []patchOperation{{"remove", at, nil}}
	default:
		return nil
	}
}

// written is a quantity as the API takes it.
func written(q plan.Quantity) any {
	if q.IsPercent() {
		return q.String()
	}
	return q.Up(0)
}

// GiveUpPatch takes the entries of slipway out of the managed fields, so that whoever applies these fields next meets no
// conflict. managed is who owns what at present.
func (c Workload) GiveUpPatch(generation int64, managed []metav1.ManagedFieldsEntry) []patchOperation {
	ops := c.fence(generation)
	for i, m := range slices.Backward(managed) {
		if m.Manager == FieldManager && m.Subresource == "" {
			at := fmt.Sprintf("/metadata/managedFields/%d", i)
			ops = append(ops, patchOperation{"test", at + "/manager", FieldManager}, patchOperation{"remove", at, nil})
		}
	}
	return ops
}

// KeptRevisions are what a release has put into its record to go back to: one revision or none.
func KeptRevisions(r Record) ([]Revision, error) {
	text := r.Data[KeyStable]
	if text == "" {
		return nil, nil
	}
	var kept Revision
	if err := plan.Decode([]byte(text), &kept); err != nil {
		return nil, fmt.Errorf("reading %s of ConfigMap %s/%s: %w (take the key out; the release then goes back only as long as the "+
			"ReplicaSet is there)", KeyStable, r.Namespace, r.Name, err)
	}
	return []Revision{kept}, nil
}
