// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"maps"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

// nodes are what happens to pods on their nodes: containers start, stop and are served by whoever serves lifecycle hooks.
type nodes struct {
	objects
	options Options
	stuck   int // deleted pods so far that never stop terminating
}

// readiness draws the whole seconds that a container takes to become ready.
func (n *nodes) readiness() time.Duration {
	r := n.options.Ready
	if r.Most <= r.Least {
		return r.Least
	}
	steps := int64((r.Most - r.Least) / time.Second)
	return r.Least + time.Duration(n.random.Int64N(steps+1))*time.Second
}

// crashing is why a broken pod is not ready.
const crashing = "CrashLoopBackOff"

// start lets the containers of a pod become ready after a while, unless they are broken.
func (n *nodes) start(i int) {
	if n.options.Broken && n.pods[i].Revision != n.stable {
		n.pods[i].Waiting = &waiting.Why{State: crashing, Reason: crashing, Since: n.now, Seen: n.now}
		return
	}
	n.pods[i].Waiting = nil
	n.schedule(n.readiness(), event{kind: eventReady, name: n.pods[i].Name, uid: n.pods[i].UID})
}

// becomeReady is the end of a start.
func (n *nodes) becomeReady(i int) {
	if !n.pods[i].Active() {
		return
	}
	n.kubelets[i].running = true
	n.pods[i].Pending = false
	n.settle(i)
	n.callHook(i)
	if wait := n.set.Spec.MinReady; wait > 0 {
		n.schedule(wait, event{kind: eventAvailable, name: n.pods[i].Name, uid: n.pods[i].UID})
	}
}

// settle sets a pod's Ready condition from its containers and its readiness gate.
func (n *nodes) settle(i int) {
	p := &n.pods[i]
	ready := n.kubelets[i].running && !p.Drained && p.Phase == rollout.PodRunning
	if ready && !p.Ready {
		p.ReadySince = n.now
	}
	p.Ready = ready
}

// terminate begins the end of a pod that was deleted.
func (n *nodes) terminate(i int) {
	n.pods[i].Terminating = true
	if n.stuck < n.options.Stuck {
		n.stuck++
		return
	}
	n.schedule(n.options.Terminating, event{kind: eventGone, name: n.pods[i].Name, uid: n.pods[i].UID})
}

// callHook lets whoever serves the lifecycle hooks notice a pod.
func (n *nodes) callHook(i int) {
	life := n.set.Spec.Lifecycle
	p := &n.pods[i]
	due := false
	switch p.Lifecycle { //nolint:exhaustive // no hook waits in the other states
	case rollout.PreparingDelete:
		due = life.PreDelete.Holds(p.Labels, p.Finalizers)
	case rollout.PreparingUpdate:
		due = life.InPlaceUpdate.Holds(p.Labels, p.Finalizers)
	case rollout.Updated:
		due = life.InPlaceUpdate.IsSet() && !life.InPlaceUpdate.Holds(p.Labels, p.Finalizers)
	case rollout.PreparingNormal:
		due = life.PreNormal.IsSet() && !life.PreNormal.Holds(p.Labels, p.Finalizers) && p.Ready
	}
	if due && !n.kubelets[i].hooked {
		n.kubelets[i].hooked = true
		n.schedule(n.options.Hook, event{kind: eventHook, name: p.Name, uid: p.UID})
	}
}

// serveHook takes the hook's labels and finalizers off the pod, or puts them on.
func (n *nodes) serveHook(i int) {
	life := n.set.Spec.Lifecycle
	p := &n.pods[i]
	n.kubelets[i].hooked = false
	p.Labels = maps.Clone(p.Labels)
	switch p.Lifecycle { //nolint:exhaustive // no hook waits in the other states
	case rollout.PreparingDelete:
		release(p, life.PreDelete)
	case rollout.PreparingUpdate:
		release(p, life.InPlaceUpdate)
	case rollout.Updated:
		hold(p, life.InPlaceUpdate)
	case rollout.PreparingNormal:
		hold(p, life.PreNormal)
	}
}

func release(p *rollout.Pod, h plan.Hook) {
	for k := range h.Labels {
		delete(p.Labels, k)
	}
	p.Finalizers = nil
}

func hold(p *rollout.Pod, h plan.Hook) {
	maps.Copy(p.Labels, h.Labels)
	p.Finalizers = append(p.Finalizers, h.Finalizers...)
}
