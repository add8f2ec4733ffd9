// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout/ondelete"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

// troubled is an observation in which the pods that are not ready have a reason for it, which was seen so long ago.
func troubled(o Observed, reason string, ago time.Duration) Observed {
	why := &waiting.Why{State: reason, Reason: reason, Message: "words", Since: o.Now.Add(-time.Hour), Seen: o.Now.Add(-ago)}
	if ago < 0 {
		why.Seen = time.Time{}
	}
	for i := range o.Pods {
		if !o.Pods[i].Ready {
			o.Pods[i].Waiting = why
		}
	}
	for i := range o.Stuck {
		o.Stuck[i].Waiting = why
	}
	return o
}

func TestFailFast(t *testing.T) {
	const pull = "ImagePullBackOff"
	fast := plan.FailFast{Reasons: []string{pull, "CrashLoopBackOff"}, After: 30 * time.Second}
	direct := func() Observed {
		return look(plan.WorkloadSpec{Replicas: 4, MaxUnavailable: plan.Pods(2)}, newUp, newDown, newDown, oldUp)
	}
	stepped := func() Observed {
		o := look(plan.WorkloadSpec{Replicas: 4, Partition: plan.Pods(2), MaxUnavailable: plan.Pods(2)})
		o.Pods, o.Stuck = nil, []Pod{newDown.pod("a"), newDown.pod("b")}
		o.Workload.Status = plan.WorkloadStatus{Replicas: 4, UpdatedReplicas: 2, ReadyReplicas: 2, AvailableReplicas: 2}
		o.Progress.Stepped, o.Progress.Step = true, 2
		return o
	}
	// deleted is a DaemonSet of which the only canary is deleted, and not made anew yet.
	deleted := func() Observed {
		o := look(plan.WorkloadSpec{Replicas: 2, MaxUnavailable: plan.Pods(1), OnDelete: true}, oldUp)
		o.Workload.APIVersion, o.Workload.Kind, o.Pods[0].Node = "apps/v1", "DaemonSet", "b"
		o.Nodes = []ondelete.Node{{Name: "a", Labels: map[string]string{"pool": "canary"}}, {Name: "b"}}
		return o
	}
	canary := []plan.Batch{{Nodes: &plan.Selector{Labels: map[string]string{"pool": "canary"}}}, {Replicas: plan.Percent(100)}}
	for _, c := range []struct {
		name   string
		look   func() Observed
		plan   plan.BatchPlan
		reason string
		ago    time.Duration
		change func(*Observed)
		want   plan.Reason
		after  time.Duration
	}{
		{name: "not asked for", reason: pull, ago: time.Hour, want: plan.PodsNotReady},
		{name: "long enough", plan: plan.BatchPlan{FailFast: fast}, reason: pull, ago: 30 * time.Second, want: plan.ThresholdExceeded},
		{
			name: "an init container", plan: plan.BatchPlan{FailFast: fast}, reason: "Init:CrashLoopBackOff", ago: time.Minute,
			want: plan.ThresholdExceeded,
		},
		{
			name: "not yet: it looks again in time", plan: plan.BatchPlan{FailFast: fast}, reason: pull, ago: 20 * time.Second,
			want: plan.PodsNotReady, after: 10 * time.Second,
		},
		{
			name: "another reason", plan: plan.BatchPlan{FailFast: fast}, reason: "Unschedulable", ago: time.Hour,
			want: plan.PodsNotReady,
		},
		{
			name: "the cluster's clock does not count", plan: plan.BatchPlan{FailFast: fast}, reason: pull, ago: -1,
			want: plan.PodsNotReady,
		},
		{
			name: "tolerated", plan: plan.BatchPlan{FailFast: fast, FailureThreshold: plan.Pods(2)}, reason: pull, ago: time.Hour,
			want: plan.PodsNotReady,
		},
		{
			name: "more than is tolerated", plan: plan.BatchPlan{FailFast: fast, FailureThreshold: plan.Pods(1)}, reason: pull,
			ago: time.Hour, want: plan.ThresholdExceeded,
		},
		{
			name: "tolerated, but there is no healthy pod", plan: plan.BatchPlan{
				FailFast: fast, FailureThreshold: plan.Pods(1),
				Batches: []plan.Batch{{Replicas: plan.Pods(1)}, {Replicas: plan.Percent(100)}},
			},
			look: func() Observed {
				return look(plan.WorkloadSpec{Replicas: 4, MaxUnavailable: plan.Pods(1)}, newDown, oldUp, oldUp, oldUp)
			},
			reason: pull, ago: time.Hour, want: plan.ThresholdExceeded,
		},
		{
			name: "rolled back", plan: plan.BatchPlan{FailFast: fast, OnFailure: plan.Rollback}, reason: pull, ago: time.Hour,
			want: plan.RollingBack,
		},
		{
			name: "pods of the old revision", plan: plan.BatchPlan{FailFast: fast}, reason: pull, ago: time.Hour,
			look: func() Observed {
				return look(plan.WorkloadSpec{Replicas: 3, MaxUnavailable: plan.Pods(1)}, newUp, oldDown, oldUp)
			}, want: plan.PodsUpdating,
		},
		{
			name: "partition mode", plan: plan.BatchPlan{
				Mode: plan.Partition, FailFast: fast,
				Batches: []plan.Batch{{Replicas: plan.Pods(2)}, {Replicas: plan.Percent(100)}},
			},
			look: stepped, reason: pull, ago: time.Hour, want: plan.ThresholdExceeded,
		},
		{
			name: "no pod of the batch is there", plan: plan.BatchPlan{Mode: plan.Delete, FailFast: fast, Batches: canary},
			look: deleted, want: plan.PodsNotReady,
		},
		{
			name: "no pod is wanted, and its controller has not seen that", plan: plan.BatchPlan{Mode: plan.Partition, FailFast: fast},
			look: func() Observed {
				o := look(plan.WorkloadSpec{})
				o.Workload.Generation = 2
				return o
			}, want: plan.ControllerBehind,
		},
		{
			name: "on the way back", plan: plan.BatchPlan{FailFast: fast}, reason: pull, ago: time.Hour,
			change: func(o *Observed) { o.Progress.Back = true }, want: plan.RollingBack,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.look == nil {
				c.look = direct
			}
			o := c.look()
			if c.change != nil {
				c.change(&o)
			}
			o = troubled(o, c.reason, c.ago)
			d := Decide(c.plan, o)
			if d.Reason != c.want || c.after != 0 && d.After != c.after {
				t.Errorf("%s, again after %v: %s", d.Reason, d.After, d.Message)
			}
			if c.want == plan.ThresholdExceeded && !strings.Contains(d.Message, c.reason+": words") {
				t.Errorf("it does not say why: %s", d.Message)
			}
		})
	}
}

// TestADeadlineSaysWhy names the pods that hold the batch, and since when.
func TestADeadlineSaysWhy(t *testing.T) {
	o := troubled(look(plan.WorkloadSpec{Replicas: 3, MaxUnavailable: plan.Pods(2)}, newUp, newDown, newDown), "CrashLoopBackOff",
		0)
	p := plan.BatchPlan{ProgressDeadline: time.Hour}
	if d := Decide(p, o); !strings.HasSuffix(d.Message, "1 of 3 updated pods ready; 2 pods CrashLoopBackOff: words (newDown1, "+
		"newDown2)") {
		t.Errorf("it waits: %s", d.Message)
	}
	p.ProgressDeadline = time.Second
	d := Decide(p, o)
	if d.Reason != plan.DeadlineExceeded || !strings.HasSuffix(d.Message,
		"2 pods CrashLoopBackOff: words (newDown1, newDown2, since 60m)") {
		t.Errorf("it fails with %s: %s", d.Reason, d.Message)
	}
}
