// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unique"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/resize"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

// Pod is what is kept of a pod. It is not the one of k8s.io/api: an agent keeps every pod of its target, and one of those is
// five times as large.
type Pod struct {
	metav1.ObjectMeta
	Spec        podSpec
	Status      podStatus
	annotations podAnnotations
	waiting     *waiting.Why // nil: it is ready
	resize      *waiting.Why // why an update's resources are not those that it runs with; nil: they are
}

// podAnnotations are those that are read of a pod: meshes and operators write many more, and long ones.
type podAnnotations struct {
	UpdateState  string `json:"apps.kruise.io/inplace-update-state"`
	DeletionCost string `json:"controller.kubernetes.io/pod-deletion-cost"`
	Held         string `json:"slipway.dev/resize"`
}

type podSpec struct {
	NodeName       string      `json:"nodeName"`
	ReadinessGates []gate      `json:"readinessGates"`
	Containers     []container `json:"containers"`
}

type gate struct {
	ConditionType string `json:"conditionType"`
}

type container struct {
	Name  string `json:"name"`
	Image string `json:"image"`
}

type podStatus struct {
	Phase             rollout.PodPhase
	Conditions        []Condition
	ContainerStatuses []containerStatus
}

type containerStatus struct {
	Name         string
	Image        string
	ImageID      string
	RestartCount int
	StartedAt    *time.Time // nil: it does not run
}

// Meta is the metadata, as a Cache asks for it.
func (p Pod) Meta() metav1.ObjectMeta { return p.ObjectMeta }

// UnmarshalJSON drops what no decision needs, and keeps texts that pods have in common only once: there may be many
// thousands of them.
func (p *Pod) UnmarshalJSON(data []byte) error {
	var whole wholePod
	if err := json.Unmarshal(data, &whole); err != nil {
		return err
	}
	p.ObjectMeta, p.annotations = lean(whole.Metadata.ObjectMeta), whole.Metadata.Annotations
	p.Spec = whole.Spec.podSpec
	p.Spec.NodeName = shared(p.Spec.NodeName)
	p.Spec.ReadinessGates, p.Spec.Containers = exact(p.Spec.ReadinessGates), exact(p.Spec.Containers)
	for i, g := range p.Spec.ReadinessGates {
		p.Spec.ReadinessGates[i].ConditionType = shared(g.ConditionType)
	}
	for i, c := range p.Spec.Containers {
		p.Spec.Containers[i] = container{Name: shared(c.Name), Image: shared(c.Image)}
	}
	p.waiting = whole.why()
	p.Status = whole.lean()
	return p.readResize(data)
}

// readResize reads more of a pod whose last update has changed resources.
func (p *Pod) readResize(data []byte) (err error) {
	if state, ok := p.updateState(); !ok || !state.UpdateResources {
		return nil
	}
	if p.resize, err = resize.Why(data); p.resize != nil && p.waiting == nil {
		p.waiting = p.resize
	}
	return err
}

// lean is the status that is kept of a pod.
func (p *wholePod) lean() podStatus {
	out := podStatus{
		Phase: shared(rollout.PodPhase(p.Status.Phase)), Conditions: make([]Condition, 0, 3),
		ContainerStatuses: make([]containerStatus, 0, len(p.Status.ContainerStatuses)),
	}
	for _, c := range p.Status.Conditions {
		if c.Type == string(corev1.PodReady) || c.Type == string(corev1.ContainersReady) || c.Type == gateInPlace {
			out.Conditions = append(out.Conditions, Condition{
				Type: shared(c.Type), Status: shared(c.Status), LastTransitionTime: c.LastTransitionTime,
			})
		}
	}
	for _, c := range p.Status.ContainerStatuses {
		kept := containerStatus{shared(c.Name), shared(c.Image), shared(c.ImageID), int(c.RestartCount), nil}
		if c.State.Running != nil && !c.State.Running.StartedAt.IsZero() {
			kept.StartedAt = &c.State.Running.StartedAt.Time
		}
		out.ContainerStatuses = append(out.ContainerStatuses, kept)
	}
	return out
}

// lean is metadata that was just read, without annotations and in little memory.
func lean(m metav1.ObjectMeta) metav1.ObjectMeta {
	for k, v := range m.Labels {
		if k != LabelInstance { // which no other pod has
			v = shared(v)
		}
		m.Labels[shared(k)] = v // the key too: a map keeps the one that was written last
	}
	m.Namespace, m.Annotations, m.OwnerReferences = shared(m.Namespace), nil, exact(m.OwnerReferences)
	for i := range m.OwnerReferences {
		r := &m.OwnerReferences[i]
		r.APIVersion, r.Kind, r.Name, r.UID = shared(r.APIVersion), shared(r.Kind), shared(r.Name), shared(r.UID)
	}
	return m
}

// shared is the same text, in memory once for as long as anybody has it.
func shared[S ~string](s S) S { return unique.Make(s).Value() }

// exact is a list without room for more.
func exact[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return slices.Clone(list)
}

func (p *Pod) condition(kind string) (Condition, bool) {
	for _, c := range p.Status.Conditions {
		if c.Type == kind {
			return c, true
		}
	}
	return Condition{}, false
}

func (p *Pod) is(kind string) bool {
	c, _ := p.condition(kind)
	return c.Status == "True"
}

func (p *Pod) gated() bool {
	for _, g := range p.Spec.ReadinessGates {
		if g.ConditionType == gateInPlace {
			return true
		}
	}
	return false
}

// Drained tells whether the pod is out of service for an in-place update. A new pod whose gate nobody has set yet
// counts too, once its containers are ready: readmitting it is the write that it waits for.
func (p *Pod) Drained() bool {
	c, ok := p.condition(gateInPlace)
	if !ok {
		return p.gated() && p.is("ContainersReady")
	}
	return c.Status != "True"
}

// Held tells whether the pod's resources may be other than those of its revision.
func (p *Pod) Held() bool { return p.HeldFor() != "" }

// HeldFor is the revision whose resources a held pod was about to get; "" where it is not held.
func (p *Pod) HeldFor() string { return p.annotations.Held }

// Serving tells whether the pod is ready and is to stay.
func (p *Pod) Serving() bool {
	return p.DeletionTimestamp == nil && p.Status.Phase == rollout.PodRunning && p.is("Ready") && !p.Drained()
}

// Observed is the pod as a decision sees it. nameOf gives the full names of the revisions that are known.
func (p *Pod) Observed(nameOf func(string) (string, bool)) rollout.Pod {
	m := p.ObjectMeta
	out := rollout.Pod{
		Name: m.Name, UID: string(m.UID), ResourceVersion: m.ResourceVersion, Instance: m.Labels[LabelInstance],
		Revision: m.Labels[LabelRevision], Node: p.Spec.NodeName, Phase: p.Status.Phase,
		Lifecycle: rollout.LifecycleState(m.Labels[labelLifecycle]), Labels: m.Labels, Finalizers: m.Finalizers,
		Drained: p.Drained() || p.Held(), Pending: p.pending(), Terminating: m.DeletionTimestamp != nil,
		DeleteRequested: m.Labels[labelSpecifiedDelete] != "", Guest: m.Labels[labelGuest] == "true", Waiting: p.waiting,
	}
	if name, ok := nameOf(out.Revision); ok {
		out.Revision = name
	}
	if !m.CreationTimestamp.IsZero() {
		out.Created = m.CreationTimestamp.UTC()
	}
	if c, ok := p.condition("Ready"); ok && c.Status == "True" && !p.Drained() && out.Phase == rollout.PodRunning {
		out.Ready, out.ReadySince = true, since(c)
	}
	if c, ok := p.condition(gateInPlace); ok && p.Drained() {
		out.DrainedAt = since(c)
	}
	for _, c := range p.Status.ContainerStatuses {
		out.Restarts += c.RestartCount
	}
	// What is not a number counts as 0, as it does for the built-in controllers.
	out.DeletionCost, _ = strconv.Atoi(p.annotations.DeletionCost)
	return out
}

func since(c Condition) time.Time {
	if c.LastTransitionTime == nil {
		return time.Time{}
	}
	return c.LastTransitionTime.UTC()
}

// HashOf is the last part of a revision's name. Some controllers write only that into the pod's label.
func HashOf(revision string) string {
	return revision[strings.LastIndexByte(revision, '-')+1:]
}

// RevisionName is the name of a target's revision, of which a status or a label may hold the hash alone; "" stays.
func RevisionName(target, revision string) string {
	if revision == "" || strings.HasPrefix(revision, target+"-") {
		return revision
	}
	return target + "-" + revision
}

// updateState is the annotation of an in-place update.
type updateState struct {
	Revision              string                    `json:"revision"`
	UpdateTimestamp       time.Time                 `json:"updateTimestamp"`
	LastContainerStatuses map[string]containerImage `json:"lastContainerStatuses,omitempty"`
	UpdateImages          bool                      `json:"updateImages,omitempty"`
	UpdateResources       bool                      `json:"updateResources,omitempty"`
	ContainerBatches      []containerBatch          `json:"containerBatchesRecord,omitempty"`
}

type containerImage struct {
	ImageID string `json:"imageID,omitempty"`
}

type containerBatch struct {
	Timestamp  time.Time `json:"timestamp"`
	Containers []string  `json:"containers"`
}

// pending tells whether an in-place update is written but a container does not run it yet.
func (p *Pod) pending() bool {
	state, ok := p.updateState()
	if !ok {
		return false
	}
	for name, before := range state.LastContainerStatuses {
		if !p.runs(name, before.ImageID, state.UpdateTimestamp) {
			return true
		}
	}
	return p.resize != nil
}

// updateState is that of the update in place that brought the pod to its revision.
func (p *Pod) updateState() (state updateState, ok bool) {
	if p.annotations.UpdateState == "" {
		return state, false
	}
	err := json.Unmarshal([]byte(p.annotations.UpdateState), &state)
	return state, err == nil && HashOf(state.Revision) == HashOf(p.Labels[LabelRevision])
}

// runs tells whether a container has taken on its new image. A new image ID proves it. Where the new tag stands for
// the same image there is none: then the image's name does, or, where the runtime reports another name of it, that the
// container was started after the update.
func (p *Pod) runs(name, before string, updated time.Time) bool {
	for _, s := range p.Status.ContainerStatuses {
		if s.Name != name {
			continue
		}
		if s.ImageID != "" && s.ImageID != before {
			return true
		}
		for _, c := range p.Spec.Containers {
			if c.Name == name && manifest.SameImage(c.Image, s.Image) {
				return true
			}
		}
		return s.StartedAt != nil && s.StartedAt.After(updated)
	}
	return false
}
