// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
)

// ensureRevision writes the present template's revision where the server has not got it as the newest one. It is
// called before the first write that names it, so looking alone writes nothing.
func (w *writer) ensureRevision(ctx context.Context) error {
	h := &w.last.history
	current, _ := h.Find(h.Update)
	what := fmt.Sprintf("ControllerRevision %s/%s", w.target.Namespace, current.Name)
	if h.Missing {
		if w.admission.refuses(h.Update) {
			return nil // its release ends for it, and that has to be written down
		}
		err := w.client.Create(ctx, kube.ControllerRevisions(w.target.Namespace).Path, current, nil)
		if kube.NotAdmitted(err) { // for its labels, which are the pods'
			return w.refuse(rollout.Refusal{Revision: h.Update, Object: what, Message: kube.Words(err)}, err)
		}
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return kube.Conflict("creating "+what, err)
		}
		h.Missing = false
		if err != nil { // somebody else's: the next observation makes another name
			w.collisions = h.Collision + 1
			w.forgetHistory()
			return kube.Conflict("creating "+what, err)
		}
		return nil
	}
	newest := h.Revisions[len(h.Revisions)-1]
	if newest.Name == current.Name && !kube.Orphan(current.ObjectMeta) {
		return nil
	}
	metadata := map[string]any{"resourceVersion": current.ResourceVersion}
	if kube.Orphan(current.ObjectMeta) {
		metadata["ownerReferences"] = []metav1.OwnerReference{w.last.workload.Owner()}
	}
	w.forgetHistory()
	patch := map[string]any{"metadata": metadata, "revision": h.Next()}
	err := w.client.MergePatch(ctx, kube.ControllerRevisions(w.target.Namespace).Object(current.Name), patch, nil)
	return kube.Conflict("renumbering "+what, err)
}

// pruneRevisions deletes the oldest revisions that are not live, beyond the history limit. It is only tidying: what
// fails is left for the next release.
func (w *writer) pruneRevisions(ctx context.Context, live map[string]bool) error {
	var unused []kube.Revision
	for _, r := range w.last.history.Revisions {
		if !live[r.Name] && !kube.Orphan(r.ObjectMeta) {
			unused = append(unused, r)
		}
	}
	for len(unused) > w.last.workload.HistoryLimit() {
		r := unused[0]
		unused = unused[1:]
		err := w.client.Delete(ctx, kube.ControllerRevisions(w.target.Namespace).Object(r.Name),
			kube.Exactly(r.UID, r.ResourceVersion), nil)
		if err != nil && !kube.Conflicting(err) {
			return kube.Explain(fmt.Sprintf("deleting ControllerRevision %s/%s", r.Namespace, r.Name), err)
		}
	}
	return nil
}
