// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/resize"
)

// Fence is the metadata of a patch that fails unless the pod is the one that was looked at, unchanged.
func Fence(p rollout.PodRef) map[string]any {
	return map[string]any{"uid": p.UID, "resourceVersion": p.ResourceVersion}
}

// NewPod is the pod of a revision.
func NewPod(set Workload, r Revision, a rollout.Action, now time.Time) (map[string]any, error) {
	template, err := r.Template()
	if err != nil {
		return nil, err
	}
	t := runtime.DeepCopyJSONValue(template)
	labels := stringsOf(Field(t, "metadata", "labels"))
	maps.Copy(labels, map[string]string{
		LabelRevision: r.Name, labelTemplateHash: HashOf(r.Name),
		LabelInstance: a.Instance, labelLifecycle: string(a.Lifecycle),
	})
	if a.Guest {
		labels[labelGuest] = "true"
	}
	annotations := stringsOf(Field(t, "metadata", "annotations"))
	annotations[annotationLifecycleTime] = Stamp(now).Format(time.RFC3339)
	spec, _ := Field(t, "spec").(map[string]any)
	if spec == nil {
		return nil, fmt.Errorf("ControllerRevision %s/%s holds no pod template: %w", r.Namespace, r.Name, ErrInvalid)
	}
	if updatesInPlace(set) {
		addGate(spec)
	}
	addClaims(spec, set, r, a)
	finalizers := items(t, "metadata", "finalizers")
	meta := map[string]any{
		"name": a.Pod.Name, "namespace": set.Namespace, "labels": labels, "annotations": annotations,
		"ownerReferences": []metav1.OwnerReference{set.Owner()},
	}
	if len(finalizers) > 0 {
		meta["finalizers"] = finalizers
	}
	return map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}, nil
}

// updatesInPlace tells whether pods of this CloneSet may be updated in place, and so need the readiness gate. Pods that
// are only ever recreated go without it: somebody would have to open the gate of each of them.
func updatesInPlace(set Workload) bool {
	for _, path := range [][]string{
		{"spec", "updateStrategy", "type"},
		{"spec", "updateStrategy", "rollingUpdate", "podUpdatePolicy"},
	} {
		switch plan.UpdateType(Text(set.Tree, path...)) {
		case plan.InPlaceIfPossible, plan.InPlaceOnly:
			return true
		case plan.ReCreate:
		}
	}
	return false
}

func addGate(spec map[string]any) {
	gates := items(spec, "readinessGates")
	if slices.ContainsFunc(gates, func(g any) bool { return Text(g, "conditionType") == gateInPlace }) {
		return
	}
	spec["readinessGates"] = append(slices.Clone(gates), map[string]any{"conditionType": gateInPlace})
}

// addClaims mounts the pod's claims under the names of their templates.
func addClaims(spec map[string]any, set Workload, r Revision, a rollout.Action) {
	var volumes []any
	taken := map[string]bool{}
	for _, t := range r.Claims {
		name := Text(t, "metadata", "name")
		taken[name] = true
		volumes = append(volumes, map[string]any{
			"name":                  name,
			"persistentVolumeClaim": map[string]any{"claimName": claimName(name, set, a)},
		})
	}
	if len(volumes) == 0 {
		return
	}
	for _, v := range items(spec, "volumes") {
		if !taken[Text(v, "name")] {
			volumes = append(volumes, v)
		}
	}
	spec["volumes"] = volumes
}

func claimName(template string, set Workload, a rollout.Action) string {
	return template + "-" + set.Name + "-" + a.Instance
}

// NewClaims are the claims of a pod of a revision.
func NewClaims(set Workload, r Revision, a rollout.Action) []map[string]any {
	var out []map[string]any
	for _, t := range r.Claims {
		labels := stringsOf(Field(t, "metadata", "labels"))
		maps.Copy(labels, stringsOf(Field(set.Tree, "spec", "selector", "matchLabels")))
		labels[LabelInstance] = a.Instance
		meta := map[string]any{
			"name": claimName(Text(t, "metadata", "name"), set, a), "namespace": set.Namespace,
			"labels": labels, "ownerReferences": []metav1.OwnerReference{set.Owner()},
		}
		if annotations := stringsOf(Field(t, "metadata", "annotations")); len(annotations) > 0 {
			meta["annotations"] = annotations
		}
		out = append(out, map[string]any{
			"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta,
			"spec": runtime.DeepCopyJSONValue(Field(t, "spec")),
		})
	}
	return out
}

// DrainedConditions takes a pod out of service. Ready is set too, because the kubelet would do so only a moment later.
func DrainedConditions(now time.Time) []Condition {
	return []Condition{
		{Type: gateInPlace, Status: "False", Reason: "StartInPlaceUpdate", LastTransitionTime: &now},
		{
			Type: "Ready", Status: "False", Reason: "ReadinessGatesNotReady", LastTransitionTime: &now,
			Message: `the status of pod readiness gate "` + gateInPlace + `" is not "True", but False`,
		},
	}
}

// AdmittedConditions opens the gate, and takes away why it was closed: a Kruise that takes over would not take an open gate with
// a reason for its own, and write it again and again. Ready is for the kubelet to set: it knows about the containers.
func AdmittedConditions(now time.Time) []map[string]any {
	return []map[string]any{{"type": gateInPlace, "status": "True", "lastTransitionTime": now, "reason": nil, "message": nil}}
}

// KeepPatch takes the mark of a guest off a pod.
func KeepPatch(a rollout.Action) map[string]any {
	meta := Fence(a.Pod)
	meta["labels"] = map[string]any{labelGuest: nil}
	return map[string]any{"metadata": meta}
}

// LifecyclePatch writes the lifecycle state of a pod.
func LifecyclePatch(a rollout.Action, now time.Time) map[string]any {
	meta := Fence(a.Pod)
	meta["labels"] = map[string]any{labelLifecycle: string(a.Lifecycle)}
	meta["annotations"] = map[string]any{annotationLifecycleTime: Stamp(now).Format(time.RFC3339)}
	return map[string]any{"metadata": meta}
}

// InPlacePatch makes a pod of one revision one of another: images, template metadata, and the state by which the end of
// the update is recognised. Its resources are those of the other one already.
func InPlacePatch(p Pod, from, to Revision, a rollout.Action, now time.Time) (map[string]any, error) {
	before, err := from.Template()
	if err != nil {
		return nil, err
	}
	after, err := to.Template()
	if err != nil {
		return nil, err
	}
	images, state := imagesPatch(p, before, after, to.Name, *Stamp(now))
	state.resizes(resized(before, after), *Stamp(now))
	encoded, err := json.Marshal(state)
	if err != nil {
		return nil, fmt.Errorf("encoding the state of an update: %w", err)
	}
	meta := Fence(a.Pod)
	labels := difference(Field(before, "metadata", "labels"), Field(after, "metadata", "labels"))
	labels[LabelRevision], labels[labelTemplateHash] = to.Name, HashOf(to.Name)
	annotations := difference(Field(before, "metadata", "annotations"), Field(after, "metadata", "annotations"))
	annotations[annotationUpdateState] = string(encoded)
	if p.Held() {
		annotations[annotationHeld] = nil
	}
	if a.Lifecycle != "" {
		labels[labelLifecycle], annotations[annotationLifecycleTime] = string(a.Lifecycle), Stamp(now).Format(time.RFC3339)
	}
	meta["labels"], meta["annotations"] = labels, annotations
	patchFinalizers(meta, stringList(before, "metadata", "finalizers"), stringList(after, "metadata", "finalizers"))
	patch := map[string]any{"metadata": meta}
	if len(images) > 0 {
		patch["spec"] = map[string]any{"containers": images}
	}
	return patch, nil
}

// HoldPatch marks a pod whose resources are about to become those of a revision; "" takes the mark off.
func HoldPatch(of rollout.PodRef, revision string) map[string]any {
	meta := Fence(of)
	meta["annotations"] = map[string]any{annotationHeld: nil}
	if revision != "" {
		meta["annotations"] = map[string]any{annotationHeld: revision}
	}
	return map[string]any{"metadata": meta}
}

// ResizePatch is for the resize subresource of a pod that goes from one revision to another; nil: there is nothing to resize.
// From a revision to itself it makes good what an update has begun.
func ResizePatch(of rollout.PodRef, from, to Revision) (map[string]any, error) {
	before, err := from.Template()
	if err != nil {
		return nil, err
	}
	after, err := to.Template()
	if err != nil || from.Name == to.Name {
		return resize.Patch(Fence(of), after, nil), err
	}
	names := resized(before, after)
	if len(names) == 0 {
		return nil, nil
	}
	return resize.Patch(Fence(of), after, names), nil
}

// resized are the containers whose cpu or memory changes.
func resized(before, after map[string]any) map[string]bool {
	names := map[string]bool{}
	for _, r := range manifest.CompareTemplates(Defaulted(before), Defaulted(after)).Resized {
		names[r.Container] = true
	}
	return names
}

// resizes notes in the state of an update which containers it resizes.
func (s *updateState) resizes(names map[string]bool, now time.Time) {
	if len(names) == 0 {
		return
	}
	s.UpdateResources = true
	if len(s.ContainerBatches) == 0 {
		s.ContainerBatches = []containerBatch{{Timestamp: now}}
	}
	of := &s.ContainerBatches[0].Containers
	*of = append(*of, slices.Sorted(maps.Keys(names))...)
	slices.Sort(*of)
	*of = slices.Compact(*of)
}

// patchFinalizers adds to a strategic merge patch what takes finalizers of one template off and puts those of the other on. A
// pod may carry others, which stay.
func patchFinalizers(meta map[string]any, before, after []string) {
	gone := func(from, in []string) []string {
		return slices.DeleteFunc(slices.Clone(from), func(f string) bool { return slices.Contains(in, f) })
	}
	if added := gone(after, before); len(added) > 0 {
		meta["finalizers"] = added
	}
	if removed := gone(before, after); len(removed) > 0 {
		meta["$deleteFromPrimitiveList/finalizers"] = removed
	}
}

func stringList(tree any, path ...string) []string {
	var out []string
	for _, v := range items(tree, path...) {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// imagesPatch are the containers whose image differs, and the state that remembers what they ran before.
func imagesPatch(p Pod, before, after map[string]any, revision string, now time.Time) ([]container, updateState) {
	state := updateState{Revision: revision, UpdateTimestamp: now}
	var images []container
	old := map[string]string{}
	for _, c := range items(before, "spec", "containers") {
		old[Text(c, "name")] = Text(c, "image")
	}
	for _, c := range items(after, "spec", "containers") {
		name, image := Text(c, "name"), Text(c, "image")
		if old[name] == image {
			continue
		}
		images = append(images, container{Name: name, Image: image})
		if state.LastContainerStatuses == nil {
			state.LastContainerStatuses = map[string]containerImage{}
		}
		state.LastContainerStatuses[name] = containerImage{ImageID: p.imageID(name)}
	}
	if len(images) > 0 {
		state.UpdateImages = true
		batch := containerBatch{Timestamp: now}
		for _, c := range images {
			batch.Containers = append(batch.Containers, c.Name)
		}
		state.ContainerBatches = []containerBatch{batch}
	}
	return images, state
}

func (p *Pod) imageID(container string) string {
	for _, i := range p.images {
		if i.container == container {
			return i.id
		}
	}
	return ""
}

// difference is a merge patch from one mapping of strings to another.
func difference(before, after any) map[string]any {
	patch := map[string]any{}
	o, n := stringsOf(before), stringsOf(after)
	for k := range o {
		if _, ok := n[k]; !ok {
			patch[k] = nil
		}
	}
	for k, v := range n {
		if old, ok := o[k]; !ok || old != v {
			patch[k] = v
		}
	}
	return patch
}
