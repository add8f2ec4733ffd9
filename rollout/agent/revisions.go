// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// ensureRevision writes the present template's revision where the server has not got it as the newest one. It is
// called before the first write that names it, so looking alone writes nothing.
func (c *Cluster) ensureRevision(ctx context.Context) error {
	h := &c.history
	current, _ := h.Find(h.Update)
	what := fmt.Sprintf("ControllerRevision %s/%s", c.target.Namespace, current.Metadata.Name)
	if h.Missing {
		err := c.Client.Create(ctx, kube.ControllerRevisions(c.target.Namespace).Path, current, nil)
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return kube.Conflict("creating "+what, err)
		}
		h.Missing = false
		if err != nil {
			c.forgetHistory()
			return kube.Conflict("creating "+what, err)
		}
		return nil
	}
	newest := h.Revisions[len(h.Revisions)-1]
	if newest.Metadata.Name == current.Metadata.Name {
		return nil
	}
	patch := map[string]any{"metadata": map[string]any{"resourceVersion": current.Metadata.ResourceVersion}, "revision": h.Next()}
	if err := c.Client.MergePatch(ctx, kube.ControllerRevisions(c.target.Namespace).Object(current.Metadata.Name), patch, nil); err != nil {
		c.forgetHistory()
		return kube.Conflict("renumbering "+what, err)
	}
	c.forgetHistory()
	return nil
}

// pruneRevisions deletes the oldest revisions that no pod has, beyond the history limit. It is only tidying: what
// fails is left for the next release.
func (c *Cluster) pruneRevisions(ctx context.Context, o rollout.Observed) error {
	status, _ := c.nextStatus()
	live := map[string]bool{status.UpdateRevision: true, status.CurrentRevision: true}
	if c.last.decision.Reason != plan.Completed {
		live[o.Progress.Stable], live[o.Progress.Revision] = true, true
	}
	for i := range o.Pods {
		live[o.Pods[i].Revision] = true
	}
	var unused []kube.Revision
	for _, r := range c.history.Revisions {
		if !live[r.Metadata.Name] {
			unused = append(unused, r)
		}
	}
	for len(unused) > c.set.HistoryLimit() {
		r := unused[0]
		unused = unused[1:]
		err := c.Client.Delete(ctx, kube.ControllerRevisions(c.target.Namespace).Object(r.Metadata.Name),
			kube.Exactly(r.Metadata.UID, r.Metadata.ResourceVersion), nil)
		if err != nil && !kube.Conflicting(err) {
			return kube.Explain(fmt.Sprintf("deleting ControllerRevision %s/%s", r.Metadata.Namespace, r.Metadata.Name), err)
		}
	}
	return nil
}
