// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/surge"
	"github.com/slipway-dev/slipway/rollout/trust"
)

// observeDeployment fills in what an observation of a Deployment needs beyond the object: its ReplicaSets, which are its
// revisions, its pods, and what its fields were before the release.
func (r *reader) observeDeployment(o *rollout.Observed) error {
	mine := r.setsOf(r.uid)
	stored, _ := r.records.Get(r.recordName)
	kept, err := trust.Kept(stored, r.last.workload)
	if err != nil {
		return err
	}
	history, names, err := kube.NewSetHistory(r.last.workload, mine, kept)
	if err != nil {
		return err
	}
	r.last.history = history
	o.UpdateRevision, o.Revisions = history.Update, history.Decided
	r.last.sets = names
	o.Sets = observedSets(mine, names)
	r.buffer = r.podsOf(names, r.buffer[:0])
	r.date(r.buffer, o.Now)
	o.Pods = r.buffer
	if o.Progress, err = r.record.readProgress(o); err != nil {
		return err
	}
	o.Workload = o.Workload.WithOriginal(o.Progress.Original)
	o.StableRevision = stableSet(o)
	o.Refused = refusedSet(mine, names, o.Progress.Released())
	for _, s := range mine {
		o.NoRoom = cmp.Or(o.NoRoom, s.NoRoom())
	}
	return nil
}

// refusedSet is the refusal of pods that the release brings. Their controller is who creates them, and tells in the status.
func refusedSet(sets []kube.ReplicaSet, names map[types.UID]string, released string) *rollout.Refusal {
	for _, s := range sets {
		if said := s.Refusal(); said != "" && released != "" && names[s.UID] == released {
			return &rollout.Refusal{
				Revision: released, Object: fmt.Sprintf("pods of ReplicaSet %s/%s", s.Namespace, s.Name),
				Message: said,
			}
		}
	}
	return nil
}

// setsOf are the ReplicaSets of a Deployment, by name.
func (c *caches) setsOf(uid types.UID) []kube.ReplicaSet {
	var mine []kube.ReplicaSet
	c.sets.Each(func(s kube.ReplicaSet) {
		if kube.ControlledBy(s.ObjectMeta, uid) {
			mine = append(mine, s)
		}
	})
	slices.SortFunc(mine, func(a, b kube.ReplicaSet) int { return strings.Compare(a.Name, b.Name) })
	return mine
}

func observedSets(sets []kube.ReplicaSet, names map[types.UID]string) []rollout.ReplicaSet {
	var out []rollout.ReplicaSet
	for _, s := range sets {
		out = append(out, s.Observed(names[s.UID]))
	}
	return out
}

// podsOf are the pods of ReplicaSets, whose revisions are given by UID, by name. They are added to a list.
func (c *caches) podsOf(names map[types.UID]string, pods []rollout.Pod) []rollout.Pod {
	unnamed := func(string) (string, bool) { return "", false }
	c.pods.Each(func(p kube.Pod) {
		for _, owner := range p.OwnerReferences {
			if name, ok := names[owner.UID]; ok && kube.ControlledBy(p.ObjectMeta, owner.UID) {
				seen := p.Observed(unnamed)
				seen.Revision = name
				pods = append(pods, seen)
			}
		}
	})
	slices.SortFunc(pods, func(a, b rollout.Pod) int { return strings.Compare(a.Name, b.Name) })
	return pods
}

// stableSet is what a release that begins goes back to when it fails: what the release before went back to and has left
// unfinished, or else the older revision that most pods have.
func stableSet(o *rollout.Observed) string {
	switch original := o.Workload.Rolling.Original; {
	case o.Progress.Stable != "":
		return o.Progress.Stable
	case original != nil && original.Stable != "":
		return original.Stable
	}
	stable, most := o.UpdateRevision, 0
	for _, s := range o.Sets {
		if s.Revision != o.UpdateRevision && s.Replicas > most {
			stable, most = s.Revision, s.Replicas
		}
	}
	return stable
}

// setFields writes fields of a Deployment, and a pod template where there is one. Before the controller may move pods, what
// was decided on is read anew: ReplicaSets and pods come by watches of their own, which may lag behind the Deployment's.
func (w *writer) setFields(ctx context.Context, a rollout.Action, template map[string]any) error {
	if a.Fields.Opens() {
		if err := w.confirm(ctx); err != nil {
			return err
		}
	}
	patch := w.last.workload.FieldsPatch(w.proven(*a.Fields), template)
	return w.writeTarget(func(out any) error { return w.client.JSONPatch(ctx, w.target.Path(), patch, out) })
}

// proven is what the annotation is to say, with the digest of the template that the record keeps.
func (w *writer) proven(f surge.Fields) surge.Fields {
	if f.Original == nil {
		return f
	}
	original := *f.Original
	if stable, ok := w.last.history.Find(original.Stable); ok {
		original.Template = trust.Digest(stable)
	}
	f.Original = &original
	return f
}

// giveUpFields leaves the fields to whoever owned them before the release.
func (w *writer) giveUpFields(ctx context.Context, a rollout.Action) error {
	var present kube.Workload
	if err := w.client.Get(ctx, w.target.Path(), &present); err != nil {
		return kube.Conflict("reading "+w.target.String(), err)
	}
	patch := w.last.workload.GiveUpPatch(a.Fields.Generation, present.ManagedFields)
	return w.writeTarget(func(out any) error { return w.client.JSONPatch(ctx, w.target.Path(), patch, out) })
}

// confirm lists ReplicaSets and pods, and fails where they are not as they were observed.
func (w *writer) confirm(ctx context.Context) error {
	err := w.sets.List(ctx) // once: by the time that a silent server answers the decision may be old, and the agent told to end
	if err == nil {
		err = w.pods.List(ctx)
	}
	if err != nil {
		return kube.Conflict("listing what "+w.target.String()+" has", err)
	}
	o := &w.last.observed
	alike := func(a, b rollout.Pod) bool {
		return a.UID == b.UID && a.Active() == b.Active() && a.Ready == b.Ready
	}
	if !slices.Equal(o.Sets, observedSets(w.setsOf(w.uid), w.last.sets)) ||
		!slices.EqualFunc(o.Pods, w.podsOf(w.last.sets, nil), alike) {
		return fmt.Errorf("%s: its ReplicaSets or pods: %w", w.target, rollout.ErrConflict)
	}
	return nil
}

// keepStable keeps the revision that a release of a Deployment goes back to: once no pod has it, its controller may delete
// the ReplicaSet.
func (w *writer) keepStable(data map[string]string, p rollout.Progress) error {
	r, ok := w.last.history.Find(p.Stable)
	if w.sets == nil || !ok {
		return nil
	}
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding revision %s: %w", p.Stable, err)
	}
	data[kube.KeyStable] = string(text)
	return nil
}
