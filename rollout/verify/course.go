// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

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
	sets     map[types.UID]string // of a Deployment: the revision of each of its ReplicaSets, which its pods belong to
	change   manifest.Change
	resizes  bool        // the cluster has pods/resize
	claims   string      // what a change of volumeClaimTemplates does; "": they are the same
	previous *corev1.Pod // as the pods that are to be replaced were made; nil where there is none
}

// settle works out which pods the release replaces, and by what. It is called when everything is read.
func (c *course) settle(revisions []kube.Revision, sets []kube.ReplicaSet) error {
	if err := c.readHistory(revisions, sets); err != nil {
		return err
	}
	for _, p := range c.pods {
		if p.DeletionTimestamp == nil && c.owns(p) {
			c.own = append(c.own, p)
		}
	}
	for _, p := range c.own {
		if kube.HashOf(c.revision(p)) != kube.HashOf(c.history.Update) {
			c.old = append(c.old, p)
		}
	}
	if c.options.Manifest != nil && c.live != nil {
		c.claims = plan.ClaimsSummary(c.live.ClaimTemplates(), c.coming.ClaimTemplates())
	}
	return c.compare()
}

// readHistory finds the revisions: of a Deployment its ReplicaSets, of all others what is written down of them.
func (c *course) readHistory(revisions []kube.Revision, sets []kube.ReplicaSet) (err error) {
	mine := func(m metav1.ObjectMeta) bool { return c.coming.UID != "" && kube.ControlledBy(m, c.coming.UID) }
	if c.at.Kind.BySurge {
		sets = slices.DeleteFunc(sets, func(s kube.ReplicaSet) bool { return !mine(s.ObjectMeta) })
		c.history, c.sets, err = kube.NewSetHistory(c.coming, sets, nil)
		return err
	}
	revisions = slices.DeleteFunc(revisions, func(r kube.Revision) bool { return !mine(r.ObjectMeta) })
	c.history, err = kube.NewHistory(c.coming, revisions)
	return err
}

// owns tells whether a pod is the target's: its own, or that of one of its ReplicaSets.
func (c *course) owns(p corev1.Pod) bool {
	if c.at.Kind.BySurge {
		return c.revision(p) != ""
	}
	return c.coming.UID != "" && kube.ControlledBy(p.ObjectMeta, c.coming.UID)
}

// revision is the one that a pod is of, "" where that is not known.
func (c *course) revision(p corev1.Pod) string {
	if !c.at.Kind.BySurge {
		return p.Labels[kube.LabelRevision]
	}
	if owner := metav1.GetControllerOfNoCopy(&p); owner != nil {
		return c.sets[owner.UID]
	}
	return ""
}

// compare holds the coming template against the one that most old pods have.
func (c *course) compare() error {
	if len(c.old) == 0 {
		return nil
	}
	count := map[string]int{}
	for _, p := range c.old {
		name, _ := c.history.NameOf(c.revision(p))
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
