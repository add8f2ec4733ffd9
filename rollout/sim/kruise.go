// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Kruise plays the release with the counting algorithm of CloneSet's own controller instead of the agent, until nothing
// is left to do. It is written from the controller's formulas (scale first, update when there is nothing to scale),
// with the names of the formulas. It ends with an error where a release does not.
func Kruise(ctx context.Context, c *Cluster) error {
	for {
		for c.kruiseReconcile(c.set.Spec) {
		}
		err := c.Wait(ctx, 0)
		switch {
		case errors.Is(err, ErrStuck):
			return nil
		case err != nil:
			return err
		}
	}
}

// formula holds the controller's intermediate numbers.
type formula struct {
	bounds                      plan.Bounds
	old, new, oldMarked, marked int
	unavailable                 int // unmarked pods that are not available
	oldDiff, newDiff            int
	useSurge                    int
	create, createOld           int
	scaleDown, scaleDownOld     int
	deleteReady                 int // deleteReadyLimit
	update, updateUnavailable   int
}

// kruiseReconcile is one turn of the controller. It tells whether it wrote anything.
func (c *Cluster) kruiseReconcile(spec plan.WorkloadSpec) bool {
	bounds, err := spec.Bounds()
	if err != nil || spec.Paused {
		return false
	}
	f := c.difference(bounds)
	return c.kruiseFinish() || c.kruiseScale(f) || c.kruiseUpdate(f, spec)
}

// kruiseFinish ends in-place updates and removes pods that have ended.
func (c *Cluster) kruiseFinish() bool {
	wrote := false
	for i := range c.pods {
		p := &c.pods[i]
		switch {
		case p.Ended():
			c.delete(i)
			wrote = true
		case p.Active() && p.Revision == c.revision && p.Drained && !p.Pending:
			p.Drained = false
			c.settle(i)
			wrote = true
		}
	}
	return wrote
}

// difference is calculateDiffsWithExpectation without the gates that are off by default.
func (c *Cluster) difference(b plan.Bounds) formula {
	f := formula{bounds: b}
	for i := range c.pods {
		p := &c.pods[i]
		if !p.Active() {
			continue
		}
		old := p.Revision != c.revision
		if old {
			f.old++
		} else {
			f.new++
		}
		switch {
		case p.DeleteRequested:
			f.marked++
			if old {
				f.oldMarked++
			}
		case !p.Available(c.now, c.set.Spec.MinReady):
			f.unavailable++
		}
	}
	f.solve()
	return f
}

func (f *formula) solve() {
	b := f.bounds
	total := f.old + f.new
	f.oldDiff = max(f.old-b.Partition, 0)
	f.newDiff = min(f.new-(b.Replicas-b.Partition), 0)
	scaleSurge := min(max(f.unavailable+f.marked-b.MaxUnavailable, 0), f.marked)
	f.update = min(f.oldDiff, -f.newDiff)
	f.useSurge = min(b.MaxSurge, max(scaleSurge, f.update))
	useSurgeOld := min(scaleSurge, f.oldMarked, f.useSurge)
	expected, expectedOld := b.Replicas+f.useSurge, b.Partition+useSurgeOld
	f.create = max(expected-total, 0)
	f.createOld = min(max(expectedOld-f.old, 0), f.create)
	f.scaleDown = max(total-f.marked-expected, 0)
	f.scaleDownOld = min(max(f.old-f.oldMarked-expectedOld, 0), f.scaleDown)
	f.deleteReady = max(b.MaxUnavailable+(total-b.Replicas)-f.unavailable, 0)
	f.updateUnavailable = b.MaxUnavailable + total - b.Replicas
}

func (c *Cluster) kruiseScale(f formula) bool {
	if f.create > 0 {
		for i := range f.create {
			revision := c.revision
			if i < f.createOld {
				revision = c.stable
			}
			name := "k" + strconv.Itoa(c.born)
			// A fresh name cannot conflict.
			_ = c.create(rollout.Action{
				Kind: rollout.CreatePod, Revision: revision, Instance: name, Lifecycle: rollout.Normal,
				Pod: rollout.PodRef{Name: c.set.Name + "-" + name},
			})
		}
		return true
	}
	if f.marked > 0 {
		return c.kruiseDelete(c.candidates(func(p *rollout.Pod) bool { return p.DeleteRequested }), f.marked, f)
	}
	if f.scaleDown == 0 {
		return false
	}
	old := c.candidates(func(p *rollout.Pod) bool { return p.Revision != c.revision })
	fresh := c.candidates(func(p *rollout.Pod) bool { return p.Revision == c.revision })
	chosen := append(old[:min(f.scaleDownOld, len(old))], fresh[:min(f.scaleDown-f.scaleDownOld, len(fresh))]...)
	return c.kruiseDelete(chosen, len(chosen), f)
}

// kruiseDelete deletes up to n pods; ready ones only as far as deleteReadyLimit reaches.
func (c *Cluster) kruiseDelete(names []string, n int, f formula) bool {
	wrote := false
	for _, name := range names[:min(n, len(names))] {
		i := c.index[name]
		if c.pods[i].Available(c.now, c.set.Spec.MinReady) {
			if f.deleteReady <= 0 {
				continue
			}
			f.deleteReady--
		}
		c.delete(i)
		c.changed()
		wrote = true
	}
	return wrote
}

func (c *Cluster) kruiseUpdate(f formula, spec plan.WorkloadSpec) bool {
	wrote := false
	unavailable, unavailableNew := 0, 0
	for i := range c.pods {
		if p := &c.pods[i]; p.Active() && !p.Available(c.now, spec.MinReady) {
			unavailable++
			if p.Revision == c.revision {
				unavailableNew++
			}
		}
	}
	waiting := c.candidates(func(p *rollout.Pod) bool { return p.Revision != c.revision && !p.DeleteRequested })
	for picked, name := range waiting[:min(f.update, len(waiting))] {
		i := c.index[name]
		available := c.pods[i].Available(c.now, spec.MinReady)
		if unavailableNew+picked >= f.updateUnavailable || (available && unavailable >= f.updateUnavailable) {
			break
		}
		if available {
			unavailable++
		}
		c.kruiseReplace(i, spec)
		wrote = true
	}
	return wrote
}

// kruiseReplace updates a pod in place, or marks it so that the next turn deletes it.
func (c *Cluster) kruiseReplace(i int, spec plan.WorkloadSpec) {
	change := manifest.CompareTemplates(c.template(c.pods[i].Revision), c.template(c.revision))
	if spec.UpdateType == plan.ReCreate || !change.InPlace {
		c.pods[i].DeleteRequested = true
		c.changed()
		return
	}
	c.pods[i].Drained = change.Restarts
	c.settle(i)
	c.updateInPlace(i, rollout.Action{Revision: c.revision})
	c.changed()
}

// candidates are the names of the active pods wanted, in deletion order as far as it matters to the counts.
func (c *Cluster) candidates(wanted func(*rollout.Pod) bool) []string {
	var pods []*rollout.Pod
	for i := range c.pods {
		if p := &c.pods[i]; p.Active() && wanted(p) {
			pods = append(pods, p)
		}
	}
	slices.SortFunc(pods, func(a, b *rollout.Pod) int {
		return cmp.Or(rank(a, c)-rank(b, c), a.ReadySince.Compare(b.ReadySince)*-1, strings.Compare(a.Name, b.Name))
	})
	names := make([]string, len(pods))
	for i, p := range pods {
		names[i] = p.Name
	}
	return names
}

func rank(p *rollout.Pod, c *Cluster) int {
	switch {
	case !p.Ready:
		return 0
	case !p.Available(c.now, c.set.Spec.MinReady):
		return 1
	default:
		return 2
	}
}
