// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// counted is what a decision counts on: the pods that it leaves alone and has as ready, the target as it was, and that nobody
// has asked anything since. Its writes may take long, one after the other or behind a slow webhook. Once one of these pods is
// lost or unready the rest of the list would be more than the budget allows; once somebody holds the release, or changes the
// target, it is not wanted any more. Then it is given up, and the next observation decides.
type counted struct {
	pods      *kube.Cache[kube.Pod]
	decided   []rollout.Pod   // what the decision was made on, by name
	touched   map[string]bool // UIDs of the pods that its writes are about
	overtaken func() bool     // the target or the record is not as it was

	mu   sync.Mutex // guards what follows: writes run side by side
	seen uint64     // version of the cache that was looked at last
	gone error      // why the list is given up
}

// countOn is what the last observation had, but for the pods that an action is about. Where a controller replaces the pods, and
// does not only make them, it counts them itself.
func (w *writer) countOn(actions []rollout.Action) *counted {
	c := &counted{pods: w.pods, touched: map[string]bool{}, seen: w.last.seen.pods, overtaken: func() bool { return false }}
	notOnPods := func(a rollout.Action) bool { return a.Pod.Name == "" } // such a write changes, and is fenced by, these two
	if !slices.ContainsFunc(actions, notOnPods) {
		c.overtaken = w.overtaken()
	}
	if w.options.Mode == plan.Partition {
		return c
	}
	c.decided = w.last.observed.Pods
	for _, a := range actions {
		c.touched[a.Pod.UID] = true
	}
	return c
}

// overtaken tells whether the target has another specification than the last observation had, or the record is another one, as
// far as the caches show it.
func (w *writer) overtaken() func() bool {
	set, record := w.last.workload, w.last.record
	return func() bool {
		now, _ := w.workloads.Get(w.target.Name)
		stored, _ := w.records.Get(w.recordName)
		return now.UID != set.UID || now.Generation != set.Generation || stored.UID != record.UID ||
			stored.ResourceVersion != record.ResourceVersion
	}
}

// lost says what is not as the decision took it, as far as the caches show it. It is asked before each write, and looks only at
// what has changed since the observation.
func (c *counted) lost() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.gone != nil:
		return c.gone
	case c.overtaken():
		c.gone = fmt.Errorf("the target was changed, or something asked of its release: %w", rollout.ErrConflict)
		return c.gone
	case len(c.decided) == 0:
		return nil
	}
	names, now, known := c.pods.Since(c.seen)
	if c.seen = now; !known {
		for i := range c.decided {
			c.compare(&c.decided[i])
		}
	}
	for _, name := range names {
		byName := func(p rollout.Pod, name string) int { return strings.Compare(p.Name, name) }
		if i, ok := slices.BinarySearchFunc(c.decided, name, byName); ok {
			c.compare(&c.decided[i])
		}
	}
	return c.gone
}

// compare gives the list up where a pod that counts is not ready any more.
func (c *counted) compare(p *rollout.Pod) {
	if c.gone != nil || !p.Ready || !p.Active() || c.touched[p.UID] {
		return
	}
	if there, ok := c.pods.Get(p.Name); !ok || string(there.UID) != p.UID || !there.Serving() {
		c.gone = fmt.Errorf("pod %s, which the decision counted on, is lost or not ready: %w", p.Name, rollout.ErrConflict)
	}
}

// over tells whether the list was given up.
func (c *counted) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gone != nil
}
