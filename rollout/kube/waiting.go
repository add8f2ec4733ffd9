// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

// wholePod is a pod as the server sends it, as far as its state is told from it. Most of that is forgotten at once.
type wholePod struct {
	Metadata Metadata `json:"metadata"`
	Spec     struct {
		podSpec
		InitContainers []struct {
			Name          string `json:"name"`
			RestartPolicy string `json:"restartPolicy"`
		} `json:"initContainers"`
	} `json:"spec"`
	Status struct {
		Phase      rollout.PodPhase `json:"phase"`
		Reason     string           `json:"reason"`
		Message    string           `json:"message"`
		Conditions []Condition      `json:"conditions"`
		Init       []wholeContainer `json:"initContainerStatuses"`
		Containers []wholeContainer `json:"containerStatuses"`
	} `json:"status"`
}

type wholeContainer struct {
	Name         string         `json:"name"`
	Image        string         `json:"image"`
	ImageID      string         `json:"imageID"`
	RestartCount int            `json:"restartCount"`
	Ready        bool           `json:"ready"`
	Started      *bool          `json:"started"`
	State        containerState `json:"state"`
	LastState    containerState `json:"lastState"`
}

type containerState struct {
	Running *struct {
		StartedAt *time.Time `json:"startedAt"`
	} `json:"running"`
	Waiting *struct {
		Reason  string `json:"reason"`
		Message string `json:"message"`
	} `json:"waiting"`
	Terminated *termination `json:"terminated"`
}

type termination struct {
	ExitCode int    `json:"exitCode"`
	Signal   int    `json:"signal"`
	Reason   string `json:"reason"`
	Message  string `json:"message"`
}

// Reasons that the API has no other name for.
const (
	reasonTerminating  = "Terminating"
	reasonInitializing = "PodInitializing"
	reasonUnreachable  = "NodeLost"
	reasonGated        = "SchedulingGated"
)

// why is why the pod is not ready; nil: it is.
func (p *wholePod) why() *waiting.Why {
	if p.Metadata.DeletionTimestamp == nil && p.Status.Phase == rollout.PodRunning && p.is("Ready") {
		return nil
	}
	w := &waiting.Why{State: string(p.Status.Phase), Message: p.Status.Message, Since: p.notReadySince()}
	if p.Status.Reason != "" {
		w.State = p.Status.Reason
	}
	plain := p.Status.Reason == ""
	if c := p.condition("PodScheduled"); c.Reason == reasonGated {
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
	return p.Status.Phase == rollout.PodFailed || p.Status.Phase == rollout.PodSucceeded
}

// notReadySince is when the pod was ready last, or was created.
func (p *wholePod) notReadySince() time.Time {
	if c := p.condition("Ready"); c.Status == "False" && c.LastTransitionTime != nil {
		return c.LastTransitionTime.UTC()
	}
	if p.Metadata.CreationTimestamp == nil {
		return time.Time{}
	}
	return p.Metadata.CreationTimestamp.UTC()
}

// ofContainers takes the state from the containers, as kubectl get pods does: from the first init container that has not done its
// part, or else from the first container that waits or has ended. It tells whether none of them says more than a phase.
func (p *wholePod) ofContainers(w *waiting.Why) (plain bool) {
	if i := slices.IndexFunc(p.Status.Init, p.unfinished); i >= 0 && !p.initialized() {
		return p.ofInit(w, i)
	}
	plain = true
	running := false
	for _, c := range slices.Backward(p.Status.Containers) {
		switch reason := c.reason(); {
		case reason != "":
			w.State, plain = reason, false
			c.tell(w)
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
	for _, c := range p.Status.Containers {
		if !c.Ready && c.State.Running != nil {
			c.tell(w)
			return
		}
	}
}

// ofInit takes the state from an init container.
func (p *wholePod) ofInit(w *waiting.Why, i int) (plain bool) {
	c := &p.Status.Init[i]
	reason := c.reason()
	c.tell(w)
	if reason == "" || reason == reasonInitializing {
		w.State = fmt.Sprintf("Init:%d/%d", i, max(len(p.Spec.InitContainers), len(p.Status.Init)))
		return true
	}
	w.State = "Init:" + reason
	return false
}

// unfinished tells whether an init container keeps the ones after it from starting.
func (p *wholePod) unfinished(c wholeContainer) bool {
	if t := c.State.Terminated; t != nil && t.ExitCode == 0 {
		return false
	}
	return !p.sidecar(c.Name) || c.Started == nil || !*c.Started
}

// sidecar tells whether an init container is to go on for as long as the pod.
func (p *wholePod) sidecar(name string) bool {
	for _, c := range p.Spec.InitContainers {
		if c.Name == name {
			return c.RestartPolicy == "Always"
		}
	}
	return false
}

func (p *wholePod) initialized() bool { return p.condition("Initialized").Status == "True" }

// reason is why a container does not run; "": it does, or nobody says.
func (c *wholeContainer) reason() string {
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
func (c *wholeContainer) tell(w *waiting.Why) {
	w.Container, w.Restarts, w.ExitCode, w.Exit = c.Name, c.RestartCount, nil, ""
	if c.State.Waiting != nil && c.State.Waiting.Message != "" {
		w.Message = c.State.Waiting.Message
	}
	last := c.State.Terminated
	if last == nil {
		last = c.LastState.Terminated
	}
	if last == nil {
		return
	}
	w.ExitCode, w.Exit = &last.ExitCode, last.Reason
	if last.byRuntime() && last.Message != "" {
		w.Message = strings.TrimPrefix(w.Message+": "+last.Message, ": ")
	}
}

// byRuntime tells whether the message of an end is the container runtime's. That of any other is the application's own words,
// which are not for Events and chats.
func (t *termination) byRuntime() bool {
	return t.Reason == "StartError" || t.Reason == "ContainerCannotRun" || t.Reason == "RunContainerError"
}

// ofConditions takes the reason of a pod, of which no container says more than that it starts, from the first condition that is in
// the way.
func (p *wholePod) ofConditions(w *waiting.Why) {
	for _, kind := range []string{"PodScheduled", "Initialized", "ContainersReady", "Ready"} {
		c := p.condition(kind)
		if c.Status != "False" || c.Reason == "" {
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

// condition is one of the pod's; the zero Condition where it has none of the kind.
func (p *wholePod) condition(kind string) Condition {
	for _, c := range p.Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return Condition{}
}

func (p *wholePod) is(kind string) bool { return p.condition(kind).Status == "True" }
