// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

// Conditions of a CloneSet's status, and the reasons of the first one, as Kruise has them. A release that stopped has
// the reason of its decision.
const (
	conditionProgressing  = "Progressing"
	conditionFailedUpdate = "FailedUpdate"
	conditionFailedScale  = "FailedScale"

	reasonUpdated   = "CloneSetUpdated"
	reasonPaused    = "CloneSetPaused"
	reasonPartition = "ProgressPartitionAvailable"
	reasonAvailable = "CloneSetAvailable"
)

// statusInterval is how often the status is written at most while a release runs.
const statusInterval = 250 * time.Millisecond

// reporter tells how a release stands: in the target's status and in Events.
type reporter struct {
	shared
	writer *writer // whose failures are told

	decision rollout.Decision // the last one
	written  time.Time        // when the status was written
	dirty    bool             // the status is out of date
	told     waiting.Told
}

// due is a context that ends when the status may be written again, if there is anything to write.
func (p *reporter) due(ctx context.Context, now time.Time) (context.Context, context.CancelFunc) {
	if !p.dirty {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, max(p.written.Add(statusInterval).Sub(now), time.Millisecond))
}

// syncStatus writes the CloneSet's status where it differs from what was observed. What fails for a moment is tried
// again later; a refusal is an error.
func (p *reporter) syncStatus(ctx context.Context, force bool) error {
	if p.controlled() || !p.lock.Holds() || p.last.observed.Workload.Name == "" || p.last.observed.Workload.Deleting {
		p.dirty = false
		return nil
	}
	status, changed := p.nextStatus()
	now := p.options.Now()
	p.dirty = changed
	if !changed || !force && now.Sub(p.written) < statusInterval && !now.Before(p.written) {
		return nil
	}
	p.written = now
	if p.lock.Sure(ctx) != nil {
		return nil //nolint:nilerr // the next write on a pod tells
	}
	var written kube.Workload
	err := p.client.MergePatch(ctx, p.target.Path("status"),
		map[string]any{"metadata": map[string]any{"uid": p.uid}, "status": status}, &written)
	if err == nil {
		p.dirty = false
		p.workloads.Put(written)
		p.sawOwn(written)
		return nil
	}
	if apierrors.IsNotFound(err) {
		p.dirty = false // the next observation shows that the CloneSet is gone
		return nil
	}
	if kube.Refused(err) {
		return kube.Explain(fmt.Sprintf("writing the status of CloneSet %s/%s", p.target.Namespace, p.target.Name), err)
	}
	return nil
}

// sawOwn takes an own status in: nobody needs to look again because of it. But the answer may be the first to show what
// somebody else has done to the CloneSet in the meantime, and its event is no news to the cache any more.
func (p *reporter) sawOwn(written kube.Workload) {
	p.last.seen.workloads++
	if p.last.seen.workloads != p.workloads.Version() || written.Generation != p.last.workload.Generation {
		p.last.seen.workloads = 0
	}
	p.last.workload.Status = written.Status
}

// nextStatus is the status that the last observation calls for, and whether it differs from the one that is written.
func (p *reporter) nextStatus() (kube.CloneSetStatus, bool) {
	o, old := p.last.observed, p.last.workload.Status
	counts := o.Counts()
	if len(o.Pods) == 0 {
		counts = rollout.Counts{Desired: o.Workload.Spec.Replicas} // Counts would repeat the status
	}
	next := kube.CloneSetStatus{
		ObservedGeneration: o.Workload.Generation, Replicas: counts.Total, ReadyReplicas: counts.Ready,
		AvailableReplicas: counts.Available, UpdatedReplicas: counts.Updated, UpdatedReadyReplicas: counts.UpdatedReady,
		UpdatedAvailableReplicas: counts.UpdatedAvailable, CurrentRevision: o.StableRevision, UpdateRevision: o.UpdateRevision,
		ExpectedUpdatedReplicas: o.Workload.Spec.Replicas - o.Workload.Spec.Partition.Partition(o.Workload.Spec.Replicas),
		CollisionCount:          p.last.history.Collision,
		LabelSelector:           kube.SelectorQuery(kube.Field(p.last.workload.Tree, "spec", "selector")),
	}
	if counts.Updated == counts.Total && counts.Total == counts.Desired {
		next.CurrentRevision = o.UpdateRevision
	}
	next.Conditions = p.conditions(old.Conditions)
	same := func(a, b kube.Condition) bool {
		return a.Type == b.Type && a.Status == b.Status && a.Reason == b.Reason && a.Message == b.Message
	}
	equal := slices.EqualFunc(next.Conditions, old.Conditions, same)
	a, b := next, old
	a.Conditions, b.Conditions = nil, nil
	return next, !equal || !sameCounts(a, b)
}

func sameCounts(a, b kube.CloneSetStatus) bool {
	return fmt.Sprintf("%+v", a) == fmt.Sprintf("%+v", b)
}

// conditions are the CloneSet's: those of others as they are, and this agent's anew.
func (p *reporter) conditions(old []kube.Condition) []kube.Condition {
	now := kube.Stamp(p.options.Now())
	own := []kube.Condition{progressing(p.last.observed, p.decision)}
	if f, scaling := p.failing(); f != nil {
		kind := conditionFailedUpdate
		if scaling {
			kind = conditionFailedScale
		}
		own = append(own, kube.Condition{Type: kind, Status: "True", Message: f.Error()})
	}
	var out []kube.Condition
	for _, o := range old {
		if o.Type != conditionProgressing && o.Type != conditionFailedUpdate && o.Type != conditionFailedScale {
			out = append(out, o)
		}
	}
	for _, n := range own {
		if n.Type == "" {
			continue
		}
		n.LastTransitionTime, n.LastUpdateTime = now, now
		for _, o := range old {
			if o.Type == n.Type && o.Status == n.Status && o.LastTransitionTime != nil {
				n.LastTransitionTime = o.LastTransitionTime
			}
		}
		out = append(out, n)
	}
	slices.SortStableFunc(out, func(a, b kube.Condition) int { return slices.Compare([]string{a.Type}, []string{b.Type}) })
	return out
}

// failing is what a person may have to mend: an error that ends the release, or a refusal as long as it is in the way.
// The second result tells whether it only concerns the number of pods.
func (p *reporter) failing() (failure error, scaling bool) {
	if severity(p.writer.failure) > severity(rollout.ErrNotNow) {
		return p.writer.failure, p.writer.scaling
	}
	if held := cmp.Or(p.admission.standing(), p.hindrances.standing()); held != nil {
		return held, held.scaling
	}
	return nil, false
}

// progressing is how the release stands, in one condition.
func progressing(o rollout.Observed, d rollout.Decision) kube.Condition {
	p := kube.Condition{Type: conditionProgressing, Status: "True", Reason: reasonUpdated, Message: d.Message}
	switch {
	case d.Verdict == "":
		return kube.Condition{}
	case d.Paused():
		p.Reason = reasonPaused
	case d.Verdict == rollout.Done && o.Workload.Spec.Partition.Partition(o.Workload.Spec.Replicas) > 0:
		p.Reason = reasonPartition
	case d.Verdict == rollout.Done:
		p.Reason = reasonAvailable
	case d.Verdict == rollout.Stopped:
		p.Status, p.Reason = "False", string(d.Reason)
	}
	return p
}

// record takes down what was decided, for the status, and tells it as an Event where it is news.
func (p *reporter) record(ctx context.Context, d rollout.Decision) {
	before := p.decision
	p.decision = d
	p.admission.decided(d)
	p.hindrances.set(nil) // the writes of this decision tell anew
	if !p.lock.Holds() {
		return
	}
	if d.Verdict == rollout.Wait && p.told.News(d.Batch, waiting.Groups(p.last.observed.Holding())) {
		p.event(ctx, "Warning", string(d.Reason), d.Message)
		return
	}
	if d.Reason == before.Reason && d.Batch == before.Batch && d.Verdict == before.Verdict {
		return
	}
	kind := "Normal"
	switch d.Reason {
	case plan.BatchStarted, plan.BatchReady, plan.Completed, plan.PausedBySpec, plan.HeldByPerson, plan.Resumed,
		plan.AwaitingApproval, plan.OutsideWindow:
	case plan.RollingBack, plan.RolledBack, plan.Invalid, plan.ChecksFailed, plan.DeadlineExceeded,
		plan.ThresholdExceeded, plan.PodRefused, plan.AbortedByPerson, plan.UndoneByPerson, plan.Superseded, plan.ForeignChange:
		kind = "Warning"
	default:
		return
	}
	p.event(ctx, kind, string(d.Reason), d.Message)
}

// event writes an Event about the CloneSet. A release does not end because nobody hears of it.
func (p *reporter) event(ctx context.Context, kind, reason, message string) {
	about := corev1.ObjectReference{
		APIVersion: p.last.workload.APIVersion, Kind: p.last.workload.Kind, Name: p.target.Name, Namespace: p.target.Namespace,
		UID: p.uid, ResourceVersion: p.last.workload.ResourceVersion,
	}
	body := kube.NewEvent(about, kind, reason, message, p.options.Identity, p.options.Now())
	if err := p.client.Create(ctx, kube.Events(p.target.Namespace).Path, body, nil); err != nil && kube.Refused(err) &&
		p.options.Warn != nil {
		p.options.Warn(kube.Explain("writing an Event about "+p.target.String(), err))
	}
}

// lastStatus writes the status that stays. An agent that could not write it has not done its work.
func (p *reporter) lastStatus(ctx context.Context) error {
	for {
		err := p.syncStatus(ctx, true)
		if err != nil || !p.dirty {
			return err
		}
		kube.Pause(ctx, finishTime/50)
		if ctx.Err() != nil {
			return fmt.Errorf("the API server does not take the last status within %v: %w", finishTime, ctx.Err())
		}
	}
}

// liveRevisions are those that the target, its release or a pod still needs.
func (p *reporter) liveRevisions() map[string]bool {
	o := p.last.observed
	status, _ := p.nextStatus()
	live := map[string]bool{status.UpdateRevision: true, status.CurrentRevision: true}
	if p.decision.Reason != plan.Completed {
		live[o.Progress.Stable], live[o.Progress.Revision] = true, true
	}
	for i := range o.Pods {
		live[o.Pods[i].Revision] = true
	}
	return live
}
