// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

// wholePod is a pod as the server sends it, as far as its state is told from it. Most of that is forgotten at once; the API's
// own structs would have half as much again read for nothing, with the resources and mounts of each container.
type wholePod struct {
	Metadata struct {
		metav1.ObjectMeta
		Annotations podAnnotations `json:"annotations"`
		Unread      skipped        `json:"managedFields"`
	} `json:"metadata"`
	Spec struct {
		NodeName       string      `json:"nodeName"`
		ReadinessGates []gate      `json:"readinessGates"`
		Containers     []container `json:"containers"`
		InitContainers []struct {
			Name          string                        `json:"name"`
			RestartPolicy corev1.ContainerRestartPolicy `json:"restartPolicy"`
		} `json:"initContainers"`
	} `json:"spec"`
	Status struct {
		Phase                 corev1.PodPhase        `json:"phase"`
		Reason                string                 `json:"reason"`
		Message               string                 `json:"message"`
		Conditions            []Condition            `json:"conditions"`
		InitContainerStatuses []wholeContainerStatus `json:"initContainerStatuses"`
		ContainerStatuses     []wholeContainerStatus `json:"containerStatuses"`
	} `json:"status"`
}

type wholeContainerStatus struct {
	Name                 string                `json:"name"`
	Image                string                `json:"image"`
	ImageID              string                `json:"imageID"`
	Ready                bool                  `json:"ready"`
	Started              *bool                 `json:"started"`
	RestartCount         int32                 `json:"restartCount"`
	State                corev1.ContainerState `json:"state"`
	LastTerminationState corev1.ContainerState `json:"lastState"`
}

// skipped is a field that is passed over: who wrote a pod is half of what the server sends of it.
type skipped struct{}

// UnmarshalJSON reads nothing.
func (*skipped) UnmarshalJSON([]byte) error { return nil }

// Reasons that the API has no other name for.
const (
	reasonTerminating  = "Terminating"
	reasonInitializing = "PodInitializing"
	reasonUnreachable  = "NodeLost"
	reasonGated        = "SchedulingGated"
)

// why is why the pod is not ready; nil: it is.
func (p *wholePod) why() *waiting.Why {
	if p.Metadata.DeletionTimestamp == nil && p.Status.Phase == corev1.PodRunning && p.is(corev1.PodReady) {
		return nil
	}
	w := &waiting.Why{State: string(p.Status.Phase), Message: p.Status.Message, Since: p.notReadySince()}
	if p.Status.Reason != "" {
		w.State = p.Status.Reason
	}
	plain := p.Status.Reason == ""
	if c := p.condition(corev1.PodScheduled); c.Reason == reasonGated {
		w.State = reasonGated
	}
	plain = p.ofContainers(w) && plain
	switch w.Reason = w.State; {
	case p.Metadata.DeletionTimestamp != nil && p.Status.Reason == reasonUnreachable:
		w.State, w.Reason = string(rollout.PodUnknown), reasonUnreachable
	case p.Metadata.DeletionTimestamp != nil && !p.ended():
		w.State, w.Reason, w.Since = reasonTerminating, reasonTerminating, p.Metadata.DeletionTimestamp.UTC()
	case plain:
		p.ofConditions(w)
	}
	p.tidy(w)
	return w
}

func (p *wholePod) ended() bool {
	return p.Status.Phase == corev1.PodFailed || p.Status.Phase == corev1.PodSucceeded
}

// notReadySince is when the pod was ready last, or was created.
func (p *wholePod) notReadySince() time.Time {
	if c := p.condition(corev1.PodReady); c.Status == string(corev1.ConditionFalse) && c.LastTransitionTime != nil {
		return c.LastTransitionTime.UTC()
	}
	return p.Metadata.CreationTimestamp.UTC()
}

// ofContainers takes the state from the containers, as kubectl get pods does: from the first init container that has not done
// its part, or else from the first container that waits or has ended. It tells whether none of them says more than a phase.
func (p *wholePod) ofContainers(w *waiting.Why) (plain bool) {
	if i := slices.IndexFunc(p.Status.InitContainerStatuses, p.unfinished); i >= 0 && !p.initialized() {
		return p.ofInit(w, i)
	}
	plain = true
	running := false
	for _, c := range slices.Backward(p.Status.ContainerStatuses) {
		switch reason := reasonOf(c); {
		case reason != "":
			w.State, plain = reason, false
			tell(w, c)
		case c.Ready && c.State.Running != nil:
			running = true
		}
	}
	if w.State == "Completed" && running {
		w.State, plain = "NotReady", true
	}
	if plain {
		p.blame(w)
	}
	return plain
}

// blame names the first container that runs without being ready, and how it has ended before.
func (p *wholePod) blame(w *waiting.Why) {
	for _, c := range p.Status.ContainerStatuses {
		if !c.Ready && c.State.Running != nil {
			tell(w, c)
			return
		}
	}
}

// ofInit takes the state from an init container.
func (p *wholePod) ofInit(w *waiting.Why, i int) (plain bool) {
	c := p.Status.InitContainerStatuses[i]
	reason := reasonOf(c)
	tell(w, c)
	if reason == "" || reason == reasonInitializing {
		w.State = fmt.Sprintf("Init:%d/%d", i, max(len(p.Spec.InitContainers), len(p.Status.InitContainerStatuses)))
		return true
	}
	w.State = "Init:" + reason
	return false
}

// unfinished tells whether an init container keeps the ones after it from starting.
func (p *wholePod) unfinished(c wholeContainerStatus) bool {
	if t := c.State.Terminated; t != nil && t.ExitCode == 0 {
		return false
	}
	return !p.sidecar(c.Name) || c.Started == nil || !*c.Started
}

// sidecar tells whether an init container is to go on for as long as the pod.
func (p *wholePod) sidecar(name string) bool {
	for _, c := range p.Spec.InitContainers {
		if c.Name == name {
			return c.RestartPolicy == corev1.ContainerRestartPolicyAlways
		}
	}
	return false
}

func (p *wholePod) initialized() bool {
	return p.is(corev1.PodInitialized)
}

// reasonOf is why a container does not run; "": it does, or nobody says.
func reasonOf(c wholeContainerStatus) string {
	switch s, t := c.State, c.State.Terminated; {
	case s.Waiting != nil:
		return s.Waiting.Reason
	case t == nil:
		return ""
	case t.Reason != "":
		return t.Reason
	case t.Signal != 0:
		return fmt.Sprintf("Signal:%d", t.Signal)
	default:
		return fmt.Sprintf("ExitCode:%d", t.ExitCode)
	}
}

// tell makes the container the one that is in the way.
func tell(w *waiting.Why, c wholeContainerStatus) {
	w.Container, w.Restarts, w.ExitCode, w.Exit = c.Name, int(c.RestartCount), nil, ""
	if c.State.Waiting != nil && c.State.Waiting.Message != "" {
		w.Message = c.State.Waiting.Message
	}
	last := c.State.Terminated
	if last == nil {
		last = c.LastTerminationState.Terminated
	}
	if last == nil {
		return
	}
	w.ExitCode, w.Exit = ptr.To(int(last.ExitCode)), last.Reason
	if byRuntime(last) && last.Message != "" {
		w.Message = strings.TrimPrefix(w.Message+": "+last.Message, ": ")
	}
}

// byRuntime tells whether the message of an end is the container runtime's. That of any other is the application's own words,
// which are not for Events and chats.
func byRuntime(t *corev1.ContainerStateTerminated) bool {
	return t.Reason == "StartError" || t.Reason == "ContainerCannotRun" || t.Reason == "RunContainerError"
}

// ofConditions takes the reason of a pod, of which no container says more than that it starts, from the first condition that is
// in the way.
func (p *wholePod) ofConditions(w *waiting.Why) {
	for _, kind := range []corev1.PodConditionType{
		corev1.PodScheduled, corev1.PodInitialized, corev1.ContainersReady,
		corev1.PodReady,
	} {
		c := p.condition(kind)
		if c.Status != string(corev1.ConditionFalse) || c.Reason == "" {
			continue
		}
		w.Reason, w.Message = c.Reason, c.Message
		if c.LastTransitionTime != nil {
			w.Since = c.LastTransitionTime.UTC()
		}
		return
	}
}

// longestMessage bounds what is kept of a message, in bytes.
const longestMessage = 500

// tidy takes what only this pod has out of the message, so that pods with the same trouble have the same words, and keeps words
// once for all pods.
func (p *wholePod) tidy(w *waiting.Why) {
	m := p.Metadata
	w.Message = strings.ReplaceAll(w.Message, fmt.Sprintf(" pod=%s_%s(%s)", m.Name, m.Namespace, m.UID), "")
	if len(w.Message) > longestMessage {
		w.Message = strings.ToValidUTF8(w.Message[:longestMessage], "") + "..."
	}
	w.State, w.Reason, w.Message = shared(w.State), shared(w.Reason), shared(w.Message)
	w.Container, w.Exit = shared(w.Container), shared(w.Exit)
}

// condition is one of the pod's; the zero condition where it has none of the kind.
func (p *wholePod) condition(kind corev1.PodConditionType) Condition {
	for _, c := range p.Status.Conditions {
		if c.Type == string(kind) {
			return c
		}
	}
	return Condition{}
}

func (p *wholePod) is(kind corev1.PodConditionType) bool {
	return p.condition(kind).Status == string(corev1.ConditionTrue)
}
