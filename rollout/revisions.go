// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// revisions compares what older pods run with the revision that is released.
type revisions struct {
	observed *Observed
	released string
	changes  map[string]manifest.Change // by revision; filled on first use, for thousands of pods have a handful of revisions
}

// change is what the released revision changes about another one. One whose template is not known cannot be changed in place.
func (r *revisions) change(revision string) manifest.Change {
	if c, ok := r.changes[revision]; ok {
		return c
	}
	before, after := r.observed.template(revision), r.observed.template(r.released)
	c := manifest.Change{Blockers: []string{"the template of revision " + revision + " (it is not known)"}}
	if before != nil && after != nil {
		c = manifest.CompareTemplates(before, after)
		if !r.observed.Resizes {
			c = c.WithoutResize(plan.NoResize)
		}
	}
	if r.changes == nil {
		r.changes = map[string]manifest.Change{}
	}
	r.changes[revision] = c
	return c
}

// inPlace tells whether the pod can become one of the released revision without being recreated.
func (r *revisions) inPlace(p *Pod) bool {
	t := r.observed.Workload.Spec.UpdateType
	return (t == plan.InPlaceIfPossible || t == plan.InPlaceOnly) && r.change(p.Revision).InPlace
}
