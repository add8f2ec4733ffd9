// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// course is what the release does to the pods that are there.
type course struct {
	release
	podsKnown bool
	pods      []corev1.Pod // those that the selector selects, ended ones left out
	own       []corev1.Pod // those of them that are the CloneSet's and not on their way out
	old       []corev1.Pod // those of them that are not updated

	history  kube.History
	change   manifest.Change
	resizes  bool        // the cluster has pods/resize
	claims   string      // what a change of volumeClaimTemplates does; "": they are the same
	previous *corev1.Pod // as the pods that are to be replaced were made; nil where there is none
}

// settle works out which pods the release replaces, and by what. It is called when everything is read.
func (c *course) settle(revisions []kube.Revision) error {
	uid := c.coming.UID
	for _, p := range c.pods {
		if p.DeletionTimestamp == nil && uid != "" && kube.ControlledBy(p.ObjectMeta, uid) {
			c.own = append(c.own, p)
		}
	}
	revisions = slices.DeleteFunc(revisions, func(r kube.Revision) bool { return uid == "" || !kube.ControlledBy(r.ObjectMeta, uid) })
	var err error
	if c.history, err = kube.NewHistory(c.coming, revisions); err != nil {
		return err
	}
	for _, p := range c.own {
		if kube.HashOf(p.Labels[kube.LabelRevision]) != kube.HashOf(c.history.Update) {
			c.old = append(c.old, p)
		}
	}
	if c.options.Manifest != nil && c.live != nil {
		c.claims = plan.ClaimsSummary(c.live.ClaimTemplates(), c.coming.ClaimTemplates())
	}
	return c.compare()
}

// compare holds the coming template against the one that most old pods have.
func (c *course) compare() error {
	if len(c.old) == 0 {
		return nil
	}
	count := map[string]int{}
	for _, p := range c.old {
		name, _ := c.history.NameOf(p.Labels[kube.LabelRevision])
		count[name]++
	}
	names := slices.SortedFunc(func(yield func(string) bool) {
		for name := range count {
			if !yield(name) {
				return
			}
		}
	}, func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	r, ok := c.history.Find(names[0])
	if !ok {
		return nil // pods of a revision that is gone are replaced, whatever the change
	}
	before, err := r.Template()
	if err != nil {
		return err
	}
	if c.claims == "" && c.direct() {
		c.claims = plan.ClaimsSummary(r.Claims, c.coming.ClaimTemplates())
	}
	c.change = manifest.CompareTemplates(kube.Defaulted(before), kube.Defaulted(c.coming.Template()))
	switch {
	case !c.direct():
		c.change = c.change.WithoutResize(plan.KruiseResize)
	case !c.resizes:
		c.change = c.change.WithoutResize(plan.NoResize)
	}
	c.previous, err = podFrom(before)
	return err
}

// inPlace tells whether the old pods stay and only change.
func (c *course) inPlace() bool { return c.change.InPlace && c.set.Spec.UpdateType != plan.ReCreate }

// toReplace is how many pods the release still has to update, down to the last batch.
func (c *course) toReplace() int {
	last := c.targets[len(c.targets)-1]
	updated := len(c.own) - len(c.old)
	return min(max(last-updated, 0), max(len(c.old), c.bounds.Replicas-updated))
}

// surge is how many pods the release adds at its height.
func (c *course) surge() int { return min(c.bounds.MaxSurge, c.toReplace()) }
