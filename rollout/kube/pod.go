// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"cmp"
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

// Pod is what is kept of a pod: what a decision sees of it, and what the writes read beside that. It is not the one of
// k8s.io/api: an agent keeps every pod of its target, and one of those is five times as large.
type Pod struct {
	metav1.ObjectMeta
	seen   rollout.Pod // as the server sent it; its revision has the name that the label says
	held   string      // the annotation of a pod whose resources may be other than those of its revision
	images []runningImage
}

// runningImage is the image that a container runs.
type runningImage struct{ container, id string }

// podAnnotations are those that are read of a pod: meshes and operators write many more, and long ones.
type podAnnotations struct {
	UpdateState  string `json:"apps.kruise.io/inplace-update-state"`
	DeletionCost string `json:"controller.kubernetes.io/pod-deletion-cost"`
	Held         string `json:"slipway.dev/resize"`
}

type gate struct {
	ConditionType string `json:"conditionType"`
}

type container struct {
	Name  string `json:"name"`
	Image string `json:"image"`
}

// Meta is the metadata, as a Cache asks for it.
func (p Pod) Meta() metav1.ObjectMeta { return p.ObjectMeta }

// UnmarshalJSON drops what no decision needs, and keeps texts that pods have in common only once: there may be many
// thousands of them. What is to be found out about a pod is found out here, once, and not in each look at it.
func (p *Pod) UnmarshalJSON(data []byte) error {
	var whole wholePod
	if err := json.Unmarshal(data, &whole); err != nil {
		return err
	}
	state, updated := whole.updateState()
	var resized *waiting.Why // why an update's resources are not those that the pod runs with; nil: they are
	if updated && state.UpdateResources {
		var err error
		if resized, err = resize.Why(data); err != nil {
			return err
		}
	}
	p.ObjectMeta, p.held = lean(whole.Metadata.ObjectMeta), shared(whole.Metadata.Annotations.Held)
	p.seen = whole.seen(p.ObjectMeta)
	p.seen.Waiting = cmp.Or(p.seen.Waiting, resized)
	p.seen.Pending = updated && (resized != nil || whole.startsContainers(state))
	p.images = make([]runningImage, len(whole.Status.ContainerStatuses))
	for i, c := range whole.Status.ContainerStatuses {
		p.images[i] = runningImage{shared(c.Name), shared(c.ImageID)}
	}
	return nil
}

// seen is the pod as a decision sees it, with the metadata that is kept of it.
func (p *wholePod) seen(m metav1.ObjectMeta) rollout.Pod {
	out := rollout.Pod{
		Name: m.Name, UID: string(m.UID), ResourceVersion: m.ResourceVersion, Instance: m.Labels[LabelInstance],
		Revision: m.Labels[LabelRevision], Node: shared(p.Spec.NodeName), Phase: shared(rollout.PodPhase(p.Status.Phase)),
		Lifecycle: rollout.LifecycleState(m.Labels[labelLifecycle]), Labels: m.Labels, Finalizers: m.Finalizers,
		DeleteRequested: m.Labels[labelSpecifiedDelete] != "", Guest: m.Labels[labelGuest] == "true", Waiting: p.why(),
		Drained: p.drained(),
	}
	if !m.CreationTimestamp.IsZero() {
		out.Created = m.CreationTimestamp.UTC()
	}
	if p.is(corev1.PodReady) && !out.Drained && out.Phase == rollout.PodRunning {
		out.Ready, out.ReadySince = true, since(p.condition(corev1.PodReady))
	}
	if out.Drained {
		out.DrainedAt = since(p.condition(gateInPlace))
	}
	for _, c := range p.Status.ContainerStatuses {
		out.Restarts += int(c.RestartCount)
	}
	// What is not a number counts as 0, as it does for the built-in controllers.
	out.DeletionCost, _ = strconv.Atoi(p.Metadata.Annotations.DeletionCost)
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

// drained tells whether the pod is out of service for an in-place update. A new pod whose gate nobody has set yet
// counts too, once its containers are ready: readmitting it is the write that it waits for.
func (p *wholePod) drained() bool {
	if c := p.condition(gateInPlace); c.Type != "" {
		return c.Status != string(corev1.ConditionTrue)
	}
	return slices.Contains(p.Spec.ReadinessGates, gate{gateInPlace}) && p.is(corev1.ContainersReady)
}

// Drained tells whether the pod is out of service for an in-place update, or new and about to come into it.
func (p *Pod) Drained() bool { return p.seen.Drained }

// Held tells whether the pod's resources may be other than those of its revision.
func (p *Pod) Held() bool { return p.held != "" }

// HeldFor is the revision whose resources a held pod was about to get; "" where it is not held.
func (p *Pod) HeldFor() string { return p.held }

// Serving tells whether the pod is ready and is to stay.
func (p *Pod) Serving() bool { return p.DeletionTimestamp == nil && p.seen.Ready }

// Ended tells whether the pod has failed or succeeded.
func (p *Pod) Ended() bool {
	return p.seen.Phase == rollout.PodFailed || p.seen.Phase == rollout.PodSucceeded
}

// Observed is the pod as a decision sees it. nameOf gives the full names of the revisions that are known.
func (p *Pod) Observed(nameOf func(string) (string, bool)) rollout.Pod {
	out := p.seen
	out.Drained, out.Terminating = out.Drained || p.Held(), p.DeletionTimestamp != nil
	if name, ok := nameOf(out.Revision); ok {
		out.Revision = name
	}
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

// updateState is that of the update in place that brought the pod to its revision.
func (p *wholePod) updateState() (state updateState, ok bool) {
	if p.Metadata.Annotations.UpdateState == "" {
		return state, false
	}
	err := json.Unmarshal([]byte(p.Metadata.Annotations.UpdateState), &state)
	return state, err == nil && HashOf(state.Revision) == HashOf(p.Metadata.Labels[LabelRevision])
}

// startsContainers tells whether an in-place update is written but a container does not run it yet.
func (p *wholePod) startsContainers(update updateState) bool {
	for name, before := range update.LastContainerStatuses {
		if !p.runs(name, before.ImageID, update.UpdateTimestamp) {
			return true
		}
	}
	return false
}

// runs tells whether a container has taken on its new image. A new image ID proves it. Where the new tag stands for
// the same image there is none: then the image's name does, or, where the runtime reports another name of it, that the
// container was started after the update.
func (p *wholePod) runs(name, before string, updated time.Time) bool {
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
		return s.State.Running != nil && s.State.Running.StartedAt.After(updated)
	}
	return false
}
