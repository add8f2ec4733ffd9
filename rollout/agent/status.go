// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
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

// statusWriter remembers when the status was written and whether it is out of date.
type statusWriter struct {
	last  time.Time
	dirty bool
}

// due is a context that ends when the status may be written again, if there is anything to write.
func (w *statusWriter) due(ctx context.Context, now time.Time) (context.Context, context.CancelFunc) {
	if !w.dirty {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, max(w.last.Add(statusInterval).Sub(now), time.Millisecond))
}

// syncStatus writes the CloneSet's status where it differs from what was observed. What fails for a moment is tried
// again later; a refusal is an error.
func (c *Cluster) syncStatus(ctx context.Context, force bool) error {
	if c.options.Mode == plan.Partition || !c.lock.Holds() || c.last.observed.Workload.Name == "" || c.last.observed.Workload.Deleting {
		c.reporter.dirty = false
		return nil
	}
	status, changed := c.nextStatus()
	now := c.options.Now()
	c.reporter.dirty = changed
	if !changed || !force && now.Sub(c.reporter.last) < statusInterval && !now.Before(c.reporter.last) {
		return nil
	}
	c.reporter.last = now
	var written kube.Workload
	err := c.Client.MergePatch(ctx, c.target.Path("status"), map[string]any{"metadata": map[string]any{"uid": c.uid}, "status": status}, &written)
	if err == nil {
		c.reporter.dirty = false
		c.sets.Put(written)
		c.sawOwn(written)
		return nil
	}
	if apierrors.IsNotFound(err) {
		c.reporter.dirty = false // the next look shows that the CloneSet is gone
		return nil
	}
	if kube.Refused(err) {
		return kube.Explain(fmt.Sprintf("writing the status of CloneSet %s/%s", c.target.Namespace, c.target.Name), err)
	}
	return nil
}

// sawOwn takes an own status in: nobody needs to look again because of it. But the answer may be the first to show what
// somebody else has done to the CloneSet in the meantime, and its event is no news to the mirror any more.
func (c *Cluster) sawOwn(written kube.Workload) {
	c.seen.sets++
	if c.seen.sets != c.sets.Version() || written.Metadata.Generation != c.set.Metadata.Generation {
		c.seen.sets = 0
	}
	c.set.Status = written.Status
}

// nextStatus is the status that the last look calls for, and whether it differs from the one that is written.
func (c *Cluster) nextStatus() (kube.CloneSetStatus, bool) {
	o, old := c.last.observed, c.set.Status
	counts := o.Counts()
	if len(o.Pods) == 0 {
		counts = rollout.Counts{Desired: o.Workload.Spec.Replicas} // Counts would repeat the status
	}
	next := kube.CloneSetStatus{
		ObservedGeneration: o.Workload.Generation, Replicas: counts.Total, ReadyReplicas: counts.Ready,
		AvailableReplicas: counts.Available, UpdatedReplicas: counts.Updated, UpdatedReadyReplicas: counts.UpdatedReady,
		UpdatedAvailableReplicas: counts.UpdatedAvailable, CurrentRevision: o.StableRevision, UpdateRevision: o.UpdateRevision,
		ExpectedUpdatedReplicas: o.Workload.Spec.Replicas - o.Workload.Spec.Partition.Partition(o.Workload.Spec.Replicas),
		CollisionCount:          c.history.Collision, LabelSelector: kube.SelectorQuery(kube.Field(c.set.Tree, "spec", "selector")),
	}
	if counts.Updated == counts.Total && counts.Total == counts.Desired {
		next.CurrentRevision = o.UpdateRevision
	}
	next.Conditions = c.conditions(old.Conditions)
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
func (c *Cluster) conditions(old []kube.Condition) []kube.Condition {
	now := kube.Stamp(c.options.Now())
	own := []kube.Condition{progressing(c.last.observed, c.last.decision)}
	if f, scaling := c.failing(); f != nil {
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

// failing is what a person may have to mend: an error that ends the release, or a full quota as long as it is in the way.
// The second result tells whether it only concerns the number of pods.
func (c *Cluster) failing() (failure error, scaling bool) {
	if gravity(c.last.failure) > gravity(rollout.ErrNotNow) {
		return c.last.failure, c.last.scaling
	}
	if full := c.quota.standing(); full != nil {
		return full, full.scaling
	}
	return nil, false
}

// progressing is how the release stands, in one condition.
func progressing(o rollout.Observed, d rollout.Decision) kube.Condition {
	p := kube.Condition{Type: conditionProgressing, Status: "True", Reason: reasonUpdated, Message: d.Message}
	switch {
	case d.Verdict == "":
		return kube.Condition{}
	case d.Reason == plan.PausedBySpec || d.Reason == plan.HeldByPerson:
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

// note takes down what was decided, for the status, and tells it as an Event where it is news.
func (c *Cluster) note(ctx context.Context, d rollout.Decision) {
	before := c.last.decision
	c.last.decision = d
	c.quota.decided(d)
	if d.Reason == before.Reason && d.Batch == before.Batch && d.Verdict == before.Verdict || !c.lock.Holds() {
		return
	}
	kind := "Normal"
	switch d.Reason {
	case plan.BatchStarted, plan.BatchReady, plan.Completed, plan.PausedBySpec, plan.HeldByPerson, plan.Resumed,
		plan.AwaitingApproval, plan.OutsideWindow:
	case plan.RollingBack, plan.RolledBack, plan.Invalid, plan.ChecksFailed, plan.DeadlineExceeded,
		plan.ThresholdExceeded, plan.AbortedByPerson, plan.UndoneByPerson, plan.Superseded, plan.ForeignChange:
		kind = "Warning"
	default:
		return
	}
	c.tell(ctx, kind, string(d.Reason), d.Message)
}

// tell writes an Event about the CloneSet. A release does not end because nobody hears of it.
func (c *Cluster) tell(ctx context.Context, kind, reason, message string) {
	about := kube.EventObject{
		APIVersion: c.set.APIVersion, Kind: c.set.Kind, Name: c.target.Name, Namespace: c.target.Namespace,
		UID: c.uid, ResourceVersion: c.set.Metadata.ResourceVersion,
	}
	body := kube.NewEvent(about, kind, reason, message, c.options.Identity, c.options.Now())
	if err := c.Client.Create(ctx, kube.Events(c.target.Namespace).Path, body, nil); err != nil && kube.Refused(err) && c.options.Warn != nil {
		c.options.Warn(kube.Explain("writing an Event about "+c.target.String(), err))
	}
}
