// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"container/heap"
	"context"
	"maps"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

type eventKind int

const (
	eventReady     eventKind = iota // the containers of a pod are ready
	eventGone                       // a deleted pod has terminated
	eventHook                       // whoever serves a lifecycle hook has done its part
	eventReconcile                  // the controller looks at the CloneSet
	eventAvailable                  // a ready pod has been so for minReadySeconds
	eventChecked                    // a check has been measured
	eventCrash                      // some pod's containers crash
	eventEvict                      // some pod fails for good
	eventApprove                    // a person approves the waiting batch
)

type event struct {
	at   time.Time
	seq  int // events of one instant happen in the order in which they were scheduled
	kind eventKind
	name string
	uid  string
}

// queue is a heap of events by time.
type queue struct {
	events []event
	seq    int
}

func (q *queue) Len() int { return len(q.events) }
func (q *queue) Less(i, j int) bool {
	a, b := &q.events[i], &q.events[j]
	return a.at.Before(b.at) || (a.at.Equal(b.at) && a.seq < b.seq)
}
func (q *queue) Swap(i, j int) { q.events[i], q.events[j] = q.events[j], q.events[i] }
func (q *queue) Push(x any)    { q.events = append(q.events, x.(event)) }
func (q *queue) Pop() any {
	last := q.events[len(q.events)-1]
	q.events = q.events[:len(q.events)-1]
	return last
}

func (c *Cluster) schedule(after time.Duration, e event) {
	e.at = c.now.Add(after)
	e.seq = c.events.seq
	c.events.seq++
	heap.Push(&c.events, e)
}

// readiness draws the whole seconds that a container takes to become ready.
func (c *Cluster) readiness() time.Duration {
	r := c.options.Ready
	if r.Most <= r.Least {
		return r.Least
	}
	steps := int64((r.Most - r.Least) / time.Second)
	return r.Least + time.Duration(c.random.Int64N(steps+1))*time.Second
}

// Wait lets virtual time pass until the next thing happens, or by d at most where d is not 0.
func (c *Cluster) Wait(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.lagging {
		return nil // what the stale look did not show arrives now
	}
	until := c.now.Add(d)
	if len(c.events.events) == 0 || (d > 0 && c.events.events[0].at.After(until)) {
		if d == 0 {
			return ErrStuck
		}
		c.now = until
		return nil
	}
	c.now = c.events.events[0].at
	for len(c.events.events) > 0 && !c.events.events[0].at.After(c.now) {
		c.happen(heap.Pop(&c.events).(event))
	}
	return nil
}

func (c *Cluster) happen(e event) {
	switch e.kind { //nolint:exhaustive // the others are events of one pod
	case eventReconcile:
		c.reconcile()
		return
	case eventChecked:
		c.measured(e.name, e.uid)
		return
	case eventApprove:
		c.progress.Approved = c.progress.Batch + 1
		return
	case eventCrash:
		c.CrashPod(c.victim())
		return
	case eventEvict:
		c.EvictPod(c.victim())
		return
	}
	i, ok := c.index[e.name]
	if !ok || c.pods[i].UID != e.uid {
		return
	}
	c.pods[i].ResourceVersion = c.bump()
	switch e.kind { //nolint:exhaustive // the others are dealt with above, and being available changes nothing
	case eventReady:
		c.becomeReady(i)
	case eventGone:
		c.forget(i)
	case eventHook:
		c.serveHook(i)
	}
	c.poke()
	c.changed()
}

func (c *Cluster) becomeReady(i int) {
	if !c.pods[i].Active() {
		return
	}
	c.kubelets[i].running = true
	c.pods[i].Pending = false
	c.settle(i)
	c.callHook(i)
	if wait := c.set.Spec.MinReady; wait > 0 {
		c.schedule(wait, event{kind: eventAvailable, name: c.pods[i].Name, uid: c.pods[i].UID})
	}
}

// forget removes a pod; the last one takes its place.
func (c *Cluster) forget(i int) {
	last := len(c.pods) - 1
	delete(c.index, c.pods[i].Name)
	if i != last {
		c.pods[i], c.kubelets[i] = c.pods[last], c.kubelets[last]
		c.index[c.pods[i].Name] = i
	}
	c.pods, c.kubelets = c.pods[:last], c.kubelets[:last]
}

// victim is the name of a random ready pod, or "" where none is found.
func (c *Cluster) victim() string {
	for range 8 {
		if i := c.random.IntN(max(len(c.pods), 1)); i < len(c.pods) && c.pods[i].Active() && c.pods[i].Ready {
			return c.pods[i].Name
		}
	}
	return ""
}

// trouble schedules n events at random moments of the horizon.
func (c *Cluster) trouble(n int, kind eventKind) {
	horizon := max(int64(c.options.Horizon/time.Second), 1)
	for range n {
		c.schedule(time.Duration(c.random.Int64N(horizon))*time.Second, event{kind: kind})
	}
}

// CrashPod lets the containers of a pod crash; they recover as if started again. A name that does not exist does
// nothing.
func (c *Cluster) CrashPod(name string) {
	i, ok := c.index[name]
	if !ok {
		return
	}
	p := &c.pods[i]
	p.Restarts++
	p.ResourceVersion = c.bump()
	c.kubelets[i].running = false
	c.settle(i)
	c.start(i)
	c.poke()
	c.changed()
}

// EvictPod lets a pod fail for good. A name that does not exist does nothing.
func (c *Cluster) EvictPod(name string) {
	i, ok := c.index[name]
	if !ok {
		return
	}
	c.pods[i].Phase = rollout.PodFailed
	c.pods[i].ResourceVersion = c.bump()
	c.settle(i)
	c.poke()
	c.changed()
}

// callHook lets whoever serves the lifecycle hooks notice a pod.
func (c *Cluster) callHook(i int) {
	life := c.set.Spec.Lifecycle
	p := &c.pods[i]
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
	if due && !c.kubelets[i].hooked {
		c.kubelets[i].hooked = true
		c.schedule(c.options.Hook, event{kind: eventHook, name: p.Name, uid: p.UID})
	}
}

// serveHook takes the hook's labels and finalizers off the pod, or puts them on.
func (c *Cluster) serveHook(i int) {
	life := c.set.Spec.Lifecycle
	p := &c.pods[i]
	c.kubelets[i].hooked = false
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
