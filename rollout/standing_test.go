// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// TestStanding says from outside what the agent says, as far as it can be told.
func TestStanding(t *testing.T) {
	p, o := readyBatch(t, plan.Pause{Duration: time.Minute, UntilApproved: true, Window: &plan.Window{From: 9 * 60, To: 17 * 60}})
	o.Pods = nil
	o.Workload.Generation = 3
	o.Workload.Status = plan.WorkloadStatus{
		ObservedGeneration: 3, Replicas: 2, UpdatedReplicas: 1, UpdatedReadyReplicas: 1,
		UpdatedAvailableReplicas: 1,
	}
	with := func(change func(*rollout.Observed)) rollout.Observed {
		changed := o
		change(&changed)
		return changed
	}
	outcome := func(reason plan.Reason) func(*rollout.Observed) {
		return func(o *rollout.Observed) { o.Progress.Outcome, o.Progress.Message = reason, "in words" }
	}
	for name, c := range map[string]struct {
		change func(*rollout.Observed)
		reason plan.Reason
		ended  bool
		says   string
	}{
		"pausing": {func(*rollout.Observed) {}, plan.Soaking, false, "pausing until 2026-01-05T05:00:59Z"},
		"waiting": {
			func(o *rollout.Observed) { o.Now = o.Now.Add(time.Minute) }, plan.AwaitingApproval, false,
			"1 of 1 updated pods ready; waiting for approval",
		},
		"outside the window": {
			func(o *rollout.Observed) { o.Now, o.Progress.Approved = o.Now.Add(time.Minute), 1 },
			plan.OutsideWindow, false, "Mon 5 Jan 2026 09:00 UTC",
		},
		"between batches": {
			func(o *rollout.Observed) { o.Now, o.Progress.Approved = o.Now.Add(5*time.Hour), 1 }, plan.BatchReady,
			false, "batch 1 of 2",
		},
		"updating": {
			func(o *rollout.Observed) { o.Progress.Ready = time.Time{} }, plan.PodsNotReady, false,
			"batch 1 of 2: 1 of 1 updated pods ready",
		},
		"held":    {func(o *rollout.Observed) { o.Progress.Pause = true }, plan.HeldByPerson, false, "held by a person"},
		"paused":  {func(o *rollout.Observed) { o.Workload.Spec.Paused = true }, plan.PausedBySpec, false, "spec"},
		"aborted": {func(o *rollout.Observed) { o.Progress.Abort = true }, plan.AbortedByPerson, false, "not acted on yet"},
		"undone":  {func(o *rollout.Observed) { o.Progress.Undo = true }, plan.UndoneByPerson, false, "not acted on yet"},
		"rolling back": {
			func(o *rollout.Observed) { o.Progress.Back, o.Progress.Message = true, "it was late" }, plan.RollingBack,
			false, "to old because it was late",
		},
		"done":        {outcome(plan.Completed), plan.Completed, true, "in words"},
		"failed":      {outcome(plan.ChecksFailed), plan.ChecksFailed, true, "in words"},
		"rolled back": {outcome(plan.RolledBack), plan.RolledBack, true, "in words"},
		"done, and no status names the revision": {func(o *rollout.Observed) {
			outcome(plan.Completed)(o)
			o.UpdateRevision, o.Workload.Status.UpdatedReplicas = "", 2
		}, plan.Completed, true, "in words"},
		"done, and no status names the template that is newer": {func(o *rollout.Observed) {
			outcome(plan.Completed)(o)
			o.UpdateRevision, o.Workload.Status.UpdatedReplicas = "", 0
		}, plan.NotStarted, false, "to release the present template, " +
			"which 0 of 2 pods have; the last release, of revision new, ended"},
		"rolled back, and no status names the template that is newer": {func(o *rollout.Observed) {
			outcome(plan.RolledBack)(o)
			o.UpdateRevision = ""
		}, plan.NotStarted, false, "which 1 of 2 pods have"},
		"stopped, and no status names the revision": {func(o *rollout.Observed) {
			outcome(plan.ChecksFailed)(o)
			o.UpdateRevision = ""
		}, plan.ChecksFailed, true, "in words"},
		"deleted": {
			func(o *rollout.Observed) { o.Workload.Deleting = true }, plan.Superseded, true,
			"the CloneSet is being deleted",
		},
		"another kind, deleted": {func(o *rollout.Observed) {
			o.Workload.APIVersion, o.Workload.Kind, o.Workload.Deleting = "apps/v1", "Deployment", true
		}, plan.Superseded, true, "the Deployment is being deleted"},
		"cannot be bounded": {
			func(o *rollout.Observed) { o.Workload.Spec.MaxUnavailable = plan.Pods(0) }, plan.Invalid, true,
			"maxUnavailable",
		},
		// kubevela#7170: what is left of the release before says nothing about the one to come.
		"done, but the template changed since": {func(o *rollout.Observed) {
			outcome(plan.Completed)(o)
			o.UpdateRevision = "newer"
		}, plan.NotStarted, false, "no agent has begun to release revision newer; the last release, of revision new, ended with " +
			"Completed"},
		"done, but the spec changed since": {func(o *rollout.Observed) {
			outcome(plan.Completed)(o)
			o.Workload.Generation++
		}, plan.NotStarted, false, "nobody has acted on generation 4 yet"},
		"done, and the fields were given back": {func(o *rollout.Observed) {
			outcome(plan.Completed)(o)
			o.Workload.Generation, o.Progress.Left = 4, 4
		}, plan.Completed, true, "in words"},
		"done, and the spec changed after that": {func(o *rollout.Observed) {
			outcome(plan.Completed)(o)
			o.Workload.Generation, o.Progress.Left = 5, 4
		}, plan.NotStarted, false, "nobody has acted on generation 5 yet"},
		"begun, and the status is of the release before": {func(o *rollout.Observed) {
			o.UpdateRevision, o.Progress.Ready = "old", time.Time{}
		}, plan.PodsNotReady, false, "batch 1 of 2: its pods are not counted yet"},
		"not recorded, and not updated": {
			func(o *rollout.Observed) { o.Progress = rollout.Progress{} }, plan.NotStarted, false,
			"no release is recorded; the status has 1 of 2 pods updated",
		},
		"not recorded, and not seen": {func(o *rollout.Observed) {
			o.Progress = rollout.Progress{}
			o.Workload.Generation++
		}, plan.NotStarted, false, "the status is of generation 3, not 4"},
		"not recorded, and down to its partition": {func(o *rollout.Observed) {
			o.Progress = rollout.Progress{}
			o.Workload.Spec.Partition = plan.Pods(1)
		}, plan.Completed, true, "1 of 1 pods updated"},
		"not recorded, and at rest with a new template": {func(o *rollout.Observed) {
			o.Progress = rollout.Progress{}
			o.Workload.Spec.Partition = plan.Percent(100)
		}, plan.NotStarted, false, "1 of 2 pods updated"},
		"not recorded, and at rest with one revision": {func(o *rollout.Observed) {
			o.Progress = rollout.Progress{}
			o.Workload.Spec.Partition = plan.Percent(100)
			o.Workload.Status.UpdatedReplicas, o.Workload.Status.UpdatedAvailableReplicas = 2, 2
		}, plan.Completed, true, "2 of 2 pods updated"},
	} {
		t.Run(name, func(t *testing.T) {
			if d := rollout.Standing(p, with(c.change)); d.Reason != c.reason || d.Ended() != c.ended ||
				!strings.Contains(d.Message, c.says) || len(d.Actions) > 0 {
				t.Errorf("%s %s: %s", d.Verdict, d.Reason, d.Message)
			}
		})
	}
}
