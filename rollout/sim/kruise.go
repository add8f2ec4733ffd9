// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"errors"
	"strconv"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Kruise plays the release with the counting algorithm of CloneSet's own controller instead of the agent, until nothing
// is left to do. It is written from the controller's formulas (scale first, update when there is nothing to scale),
// with the names of the formulas. It ends with an error where a release does not.
func Kruise(ctx context.Context, c *Cluster) error {
	for {
		for (kruise{c}).reconcile(c.set.Spec) {
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

// kruise is the controller at work on a cluster.
type kruise struct{ *Cluster }

// reconcile is one turn of the controller. It tells whether it wrote anything.
func (k kruise) reconcile(spec plan.WorkloadSpec) bool {
	bounds, err := spec.Bounds()
	if err != nil || spec.Paused {
		return false
	}
	f := k.difference(bounds)
	return k.finish() || k.scale(f) || k.update(f, spec)
}

// finish ends in-place updates and removes pods that have ended.
func (k kruise) finish() bool {
	wrote := false
	for i := range k.pods {
		p := &k.pods[i]
		switch {
		case p.Ended():
			k.delete(i)
			wrote = true
		case p.Active() && p.Revision == k.revision && p.Drained && !p.Pending:
			p.Drained = false
			k.settle(i)
			wrote = true
		}
	}
	return wrote
}

// difference is calculateDiffsWithExpectation without the gates that are off by default.
func (k kruise) difference(b plan.Bounds) formula {
	f := formula{bounds: b}
	for i := range k.pods {
		p := &k.pods[i]
		if !p.Active() {
			continue
		}
		old := p.Revision != k.revision
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
		case !p.Available(k.now, k.set.Spec.MinReady):
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

func (k kruise) scale(f formula) bool {
	if f.create > 0 {
		for i := range f.create {
			revision := k.revision
			if i < f.createOld {
				revision = k.stable
			}
			name := "k" + strconv.Itoa(k.born)
			// A fresh name cannot conflict.
			_ = k.create(rollout.Action{
				Kind: rollout.CreatePod, Revision: revision, Instance: name, Lifecycle: rollout.Normal,
				Pod: rollout.PodRef{Name: k.set.Name + "-" + name},
			})
		}
		return true
	}
	if f.marked > 0 {
		return k.deletePods(k.candidates(func(p *rollout.Pod) bool { return p.DeleteRequested }), f.marked, f)
	}
	if f.scaleDown == 0 {
		return false
	}
	old := k.candidates(func(p *rollout.Pod) bool { return p.Revision != k.revision })
	updated := k.candidates(func(p *rollout.Pod) bool { return p.Revision == k.revision })
	chosen := append(old[:min(f.scaleDownOld, len(old))], updated[:min(f.scaleDown-f.scaleDownOld, len(updated))]...)
	return k.deletePods(chosen, len(chosen), f)
}

// deletePods deletes up to n pods; ready ones only as far as deleteReadyLimit reaches.
func (k kruise) deletePods(names []string, n int, f formula) bool {
	wrote := false
	for _, name := range names[:min(n, len(names))] {
		i, _ := k.find(name)
		if k.pods[i].Available(k.now, k.set.Spec.MinReady) {
			if f.deleteReady <= 0 {
				continue
			}
			f.deleteReady--
		}
		k.delete(i)
		k.changed()
		wrote = true
	}
	return wrote
}

func (k kruise) update(f formula, spec plan.WorkloadSpec) bool {
	wrote := false
	unavailable, unavailableNew := 0, 0
	for i := range k.pods {
		if p := &k.pods[i]; p.Active() && !p.Available(k.now, spec.MinReady) {
			unavailable++
			if p.Revision == k.revision {
				unavailableNew++
			}
		}
	}
	waiting := k.candidates(func(p *rollout.Pod) bool { return p.Revision != k.revision && !p.DeleteRequested })
	for picked, name := range waiting[:min(f.update, len(waiting))] {
		i, _ := k.find(name)
		available := k.pods[i].Available(k.now, spec.MinReady)
		if unavailableNew+picked >= f.updateUnavailable || (available && unavailable >= f.updateUnavailable) {
			break
		}
		if available {
			unavailable++
		}
		k.replace(i, spec)
		wrote = true
	}
	return wrote
}

// replace updates a pod in place, or marks it so that the next observation deletes it.
func (k kruise) replace(i int, spec plan.WorkloadSpec) {
	change := manifest.CompareTemplates(k.template(k.pods[i].Revision), k.template(k.revision))
	if spec.UpdateType == plan.ReCreate || !change.InPlace {
		k.pods[i].DeleteRequested = true
		k.changed()
		return
	}
	k.pods[i].Drained = change.Restarts
	k.settle(i)
	k.updateInPlace(i, rollout.Action{Revision: k.revision})
	k.changed()
}
