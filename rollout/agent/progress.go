// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/trust"
)

// recordReader takes from the progress record what is to be believed of it.
type recordReader struct {
	shared
	warned map[string]bool // what is not believed, as it was said
}

// readProgress reads the progress record. That of another release is none of this one.
func (r *recordReader) readProgress(o *rollout.Observed) (rollout.Progress, error) {
	var p rollout.Progress
	stored, ok := r.records.Get(r.recordName)
	r.last.record = stored
	if r.isAnothers(stored) {
		r.last.release = cmp.Or(r.last.release, r.options.Release, r.releaseName(o, p, ""))
		return p, nil
	}
	if ok {
		var err error
		if p, err = stored.Progress(); err != nil {
			return p, err
		}
	}
	if r.last.release == "" {
		r.last.release = cmp.Or(r.options.Release, r.releaseName(o, p, stored.Data[kube.KeyRelease]))
		if ok && r.options.Restart && stored.Data[kube.KeyRelease] == r.last.release {
			r.last.release += "-after-" + stored.ResourceVersion
		}
	}
	partition := r.controlled()
	switch {
	case ok && stored.Data[kube.KeyRelease] != r.last.release && partition:
		p, warnings := trust.Inherited(p, o)
		r.warnOfRecord(stored, warnings)
		return p, nil
	case stored.Data[kube.KeyRelease] != r.last.release:
		return rollout.Progress{}, nil
	}
	p = r.believed(stored, p, o)
	if p.Outcome == plan.Completed && !partition {
		// Whether it is still complete is seen from the pods. What people have let pass stays so.
		return rollout.Progress{Approved: p.Approved, Requests: p.Requests}, nil
	}
	return p, nil
}

// isAnothers tells whether a record is of a target that was deleted, and made again with the same name. What that one's release
// had come to, and what people let pass there, says nothing about this one.
func (s *session) isAnothers(record kube.Record) bool {
	return len(record.OwnerReferences) > 0 &&
		!slices.ContainsFunc(record.OwnerReferences, func(o metav1.OwnerReference) bool { return o.UID == s.uid })
}

// ownRecord is what an agent remembers of its own writes of a record.
type ownRecord struct {
	progress rollout.Progress
	texts    [2]string // of the last write that was confirmed, and of the last that was tried
	release  string
}

// wrote tells whether the agent has left the progress of a record so.
func (w *ownRecord) wrote(record kube.Record) bool {
	text := record.Data[kube.KeyProgress]
	return w.texts[0] == text || w.texts[1] == text
}

// believed is what the agent takes from a record of its release: see package trust.
func (r *recordReader) believed(stored kube.Record, p rollout.Progress, o *rollout.Observed) rollout.Progress {
	own, mine := &r.last.own, stored.Data[kube.KeyHolder] == r.options.Identity
	var warnings []string
	switch by := stored.WriterOf(kube.KeyProgress); {
	case stored.Name == "" || p.Revision == "":
		p = r.held(stored, p, o)
	case mine && own.release == r.last.release && own.wrote(stored):
		own.progress, own.texts[0] = p, stored.Data[kube.KeyProgress] // the answer to its write may have been lost
	case mine && own.release == r.last.release:
		warnings = append(warnings, fmt.Sprintf("%s has written the progress of a release that is at work", by))
		p = trust.Edited(own.progress, p)
	case by.Manager != kube.FieldManager:
		warnings = append(warnings, fmt.Sprintf("its progress was written by %s and by no agent: the release goes through its "+
			"batches again", by))
		p = r.held(stored, trust.Afresh(p), o)
	default:
		p, warnings = trust.Checked(r.plan, r.held(stored, p, o), o, r.currentRevision(o))
	}
	r.warnOfRecord(stored, warnings)
	p, warnings = trust.Asked(stored, r.plan, p)
	for _, d := range warnings {
		r.warnOnce(d)
	}
	return p
}

// held is a progress with what the target itself, or its pods, say of where its release came from.
func (r *recordReader) held(stored kube.Record, p rollout.Progress, o *rollout.Observed) rollout.Progress {
	p, warnings := trust.Origin(p, o)
	r.warnOfRecord(stored, warnings)
	return p
}

func (r *recordReader) warnOfRecord(stored kube.Record, warnings []string) {
	for _, d := range warnings {
		r.warnOnce(fmt.Sprintf("ConfigMap %s/%s: %s; that is not believed", stored.Namespace, stored.Name, d))
	}
}

// currentRevision is what the target's status calls so; "": it does not, or nobody knows that revision. With OnDelete its
// controller leaves it as it was once.
func (r *recordReader) currentRevision(o *rollout.Observed) string {
	current := o.Workload.Status.CurrentRevision
	switch {
	case o.Workload.Spec.OnDelete:
		return ""
	case !r.controlled():
		current = r.last.workload.Status.CurrentRevision
	}
	name, _ := r.last.history.NameOf(current)
	return name
}

// warnOnce says once what is not believed.
func (r *recordReader) warnOnce(what string) {
	if r.warned == nil {
		r.warned = map[string]bool{}
	}
	if !r.warned[what] {
		r.warned[what] = true
		r.warn(errors.New(what))
	}
}

// releaseName tells one release from the next where nobody named it: by what is released and how far. In partition mode
// the release itself changes the partition, and on its way back what is released, so one that has not ended keeps its
// name.
func (r *recordReader) releaseName(o *rollout.Observed, p rollout.Progress, stored string) string {
	h := fnv.New64a()
	if !r.controlled() {
		h.Write(fmt.Appendf(nil, "%s %s %s %s", r.uid, o.UpdateRevision, o.Workload.Spec.Partition, r.options.Mode))
		return strconv.FormatUint(h.Sum64(), 36)
	}
	returns := p.Back && o.UpdateRevision == p.Stable
	if p.Revision != "" && p.Outcome == "" && (returns || p.Finished) {
		return stored
	}
	h.Write(fmt.Appendf(nil, "%s %s %s", r.uid, o.UpdateRevision, r.options.Mode))
	return strconv.FormatUint(h.Sum64(), 36)
}

// record stores progress. It is fenced by what the decision was made on, not by what the cache has by now: a person's
// request that came in between is not overwritten, the run observes again.
func (w *writer) record(ctx context.Context, p rollout.Progress) error {
	data, err := p.Store()
	if err != nil {
		return fmt.Errorf("encoding progress: %w", err)
	}
	plan, err := w.plan.Store()
	if err != nil {
		return fmt.Errorf("encoding the plan: %w", err)
	}
	stored := w.last.record
	epoch, _ := strconv.Atoi(stored.Data[kube.KeyEpoch])
	if stored.Data[kube.KeyHolder] != w.options.Identity {
		epoch++
	}
	var next kube.Record
	next.TypeMeta, next.ObjectMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, stored.ObjectMeta
	next.Data = map[string]string{
		kube.KeyProgress: string(data), kube.KeyRelease: w.last.release, kube.KeyHolder: w.options.Identity,
		kube.KeyEpoch: strconv.Itoa(epoch),
		kube.KeyPlan:  string(plan),
	}
	next.Data[kube.KeyEntries] = "1"
	for _, e := range stored.Entries() {
		if stored.Data[kube.KeyRelease] == w.last.release && slices.ContainsFunc(p.Requests, e.Request.Equal) {
			next.Data[e.Key] = stored.Data[e.Key] // whose it is the server still knows
		}
	}
	if err := w.keepStable(next.Data, p); err != nil {
		return err
	}
	own := &w.last.own
	own.texts[1] = string(data)
	what := fmt.Sprintf("recording progress in ConfigMap %s/%s", w.options.Namespace, w.recordName)
	at := kube.ConfigMaps(w.options.Namespace)
	if stored.Name == "" || w.isAnothers(stored) {
		owner := w.last.workload.Owner()
		next.OwnerReferences = []metav1.OwnerReference{
			{APIVersion: owner.APIVersion, Kind: owner.Kind, Name: owner.Name, UID: owner.UID},
		}
	}
	if stored.Name != "" {
		err = w.client.Update(ctx, at.Object(stored.Name), next, &next)
	} else {
		next.Name = w.recordName
		err = w.client.Create(ctx, at.Path, next, &next)
	}
	if err != nil {
		w.records.Invalidate()
		return kube.Conflict(what, err)
	}
	w.records.Put(next)
	w.last.record = next
	*own = ownRecord{progress: p, texts: [2]string{string(data)}, release: w.last.release}
	return nil
}
