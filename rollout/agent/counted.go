// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// counted are the pods that a decision leaves alone and counts as ready. Its writes may take long, one after the other or
// behind a slow webhook. Once one of these pods is lost or unready the rest of the list would be more than the budget allows,
// so it is given up, and the next look decides.
type counted struct {
	pods *kube.Cache[kube.Pod]
	uids map[string]string // of these pods, by name

	mu   sync.Mutex // guards what follows: writes run side by side
	seen uint64     // version of the cache that was looked at last; 0: none
	gone error      // why the list is given up
}

// countOn are the pods that the last observation had as ready and that no action is about. Where a controller replaces the
// pods, and does not only make them, it counts them itself.
func (w *writer) countOn(actions []rollout.Action) *counted {
	c := &counted{pods: w.pods, uids: map[string]string{}}
	if w.options.Mode == plan.Partition {
		return c
	}
	touched := map[string]bool{}
	for _, a := range actions {
		touched[a.Pod.UID] = true
	}
	for i := range w.last.observed.Pods {
		if p := &w.last.observed.Pods[i]; p.Ready && p.Active() && !touched[p.UID] {
			c.uids[p.Name] = p.UID
		}
	}
	return c
}

// lost says which of the pods is not what the decision took it for, as far as the cache shows it. It is asked before each
// write, and looks only at what has changed since.
func (c *counted) lost() error {
	if len(c.uids) == 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	names, now, known := c.pods.Since(c.seen)
	if c.gone != nil {
		return c.gone
	}
	if c.seen = now; !known {
		names = slices.Collect(maps.Keys(c.uids))
	}
	for _, name := range names {
		if uid, counts := c.uids[name]; counts && !c.serves(name, uid) {
			c.gone = fmt.Errorf("pod %s, which the decision counted on, is lost or not ready: %w", name, rollout.ErrConflict)
			break
		}
	}
	return c.gone
}

func (c *counted) serves(name, uid string) bool {
	there, ok := c.pods.Get(name)
	return ok && string(there.UID) == uid && there.Serving()
}

// over tells whether the list was given up.
func (c *counted) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gone != nil
}
