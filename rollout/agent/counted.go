// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"sync"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
)

// counted are the pods that a decision leaves alone and counts as ready. Its writes may take long, one after the other or
// behind a slow webhook. Once one of these pods is lost or unready the rest of the list would be more than the budget allows,
// so it is given up, and the next look decides.
type counted struct {
	pods *kube.Cache[kube.Pod]
	all  []rollout.PodRef

	mu   sync.Mutex // guards what follows: writes run side by side
	seen uint64     // version of the cache that was looked at last; 0: none
	gone error      // why the list is given up
}

// countOn are the pods that the last observation had as ready and that no action is about. Where a controller replaces the
// pods, it counts them itself.
func (w *writer) countOn(actions []rollout.Action) *counted {
	c := &counted{pods: w.pods}
	if w.stepsPartition() {
		return c
	}
	touched := map[string]bool{}
	for _, a := range actions {
		touched[a.Pod.UID] = true
	}
	for i := range w.last.observed.Pods {
		if p := &w.last.observed.Pods[i]; p.Ready && p.Active() && !touched[p.UID] {
			c.all = append(c.all, rollout.PodRef{Name: p.Name, UID: p.UID})
		}
	}
	return c
}

// lost says which of the pods is not what the decision took it for, as far as the cache shows it.
func (c *counted) lost() error {
	if len(c.all) == 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.pods.Version()
	if c.gone != nil || now == c.seen {
		return c.gone
	}
	c.seen = now
	for _, p := range c.all {
		if there, ok := c.pods.Get(p.Name); !ok || there.Metadata.UID != p.UID || !there.Serving() {
			c.gone = fmt.Errorf("pod %s, which the decision counted on, is lost or not ready: %w", p.Name, rollout.ErrConflict)
			break
		}
	}
	return c.gone
}

// over tells whether the list was given up.
func (c *counted) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gone != nil
}
