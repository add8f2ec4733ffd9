// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// subject is what was released, and by which plan.
type subject struct {
	plan      plan.BatchPlan
	set       plan.Workload
	from, to  string // revisions
	revisions map[string]map[string]any
}

// learn takes what an observation knows of the target and its revisions. Of the two that the release leads from and to the
// first ones count: a template that is restored later is no other release.
func (s *subject) learn(o rollout.Observed) {
	s.set = o.Workload
	for _, r := range o.Revisions {
		s.revisions[r.Name] = r.Template
	}
	if s.to == "" {
		s.to = cmp.Or(o.Progress.Revision, o.UpdateRevision)
	}
	if s.from == "" {
		s.from = cmp.Or(o.Progress.Stable, o.StableRevision)
	}
}

// target is what was released: CloneSet shop/cart.
func (s *subject) target() string {
	kind, name := cmp.Or(s.plan.Target.Kind, s.set.KindName()), s.set.Name
	if s.set.Namespace != "" {
		name = s.set.Namespace + "/" + name
	}
	return kind + " " + name
}

// change says what differs between the revisions: images with their values, then the other fields by name.
func (s *subject) change() []string {
	before, after := s.revisions[s.from], s.set.Spec.Template
	if t := s.revisions[s.to]; t != nil {
		after = t
	}
	if before == nil || after == nil || s.from == s.to {
		return nil
	}
	var lines []string
	c := manifest.CompareTemplates(before, after)
	old, now := images(before), images(after)
	for _, name := range c.Images {
		lines = append(lines, fmt.Sprintf("image of %s: %s → %s", name, old[name], now[name]))
	}
	if other := append(c.Metadata, c.Blockers...); len(other) > 0 {
		lines = append(lines, "also "+strings.Join(other, ", "))
	}
	return lines
}

// images are the images of a template's containers by container.
func images(template map[string]any) map[string]string {
	spec, _ := template["spec"].(map[string]any)
	containers, _ := spec["containers"].([]any)
	all := map[string]string{}
	for _, c := range containers {
		fields, _ := c.(map[string]any)
		name, _ := fields["name"].(string)
		all[name], _ = fields["image"].(string)
	}
	return all
}
