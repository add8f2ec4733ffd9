// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// inPlace is a CloneSet of four pods that are updated in place, with one surge pod.
func inPlace() plan.WorkloadSpec {
	return plan.WorkloadSpec{Replicas: 4, MaxSurge: plan.Pods(1), MaxUnavailable: plan.Pods(0), UpdateType: plan.InPlaceIfPossible}
}

func TestGuests(t *testing.T) {
	approval := plan.Batch{Replicas: plan.Pods(1), Pause: plan.Pause{UntilApproved: true}}
	resting := plan.BatchPlan{Batches: []plan.Batch{approval, {Replicas: plan.Percent(100)}}}
	going := plan.BatchPlan{Batches: []plan.Batch{{Replicas: plan.Pods(1)}, {Replicas: plan.Percent(100)}}}
	for _, c := range []struct {
		name   string
		plan   plan.BatchPlan
		pods   []kind
		change func(*Observed)
		want   string
	}{
		{name: "one is invited", pods: times(4, oldUp), want: "create guest"},
		{name: "it serves, and an old pod is updated", pods: append(times(4, oldUp), guestUp), want: "DrainPod oldUp0"},
		{name: "it stays while a pod is updated", pods: append(times(3, newUp), newPending, guestUp), want: ""},
		{name: "it leaves, and no old pod does", pods: append(times(4, newUp), guestUp), want: "DeletePod guestUp4"},
		{
			name: "it leaves before a rest", plan: resting, pods: []kind{newUp, oldUp, oldUp, oldUp, guestUp},
			want: "DeletePod guestUp4",
		},
		{name: "it stays for a batch that follows at once", plan: going, pods: []kind{newUp, oldUp, oldUp, oldUp, guestUp}, want: ""},
		{
			name: "it is made again", plan: resting, pods: []kind{newUp, oldUp, oldUp, oldUp}, want: "create guest",
			change: func(o *Observed) { o.Progress.Batch = 1 },
		},
		{name: "it takes the place of a lost pod", pods: append(times(3, oldUp), guestUp), want: "KeepGuest guestUp3"},
		{
			name: "it takes the place of a pod that has to be made anew", pods: []kind{newUp, newUp, oldUp, guestUp},
			want: "KeepGuest guestUp3",
		},
		{
			name: "scaled in, it goes first", pods: append(times(4, oldUp), guestUp), want: "DeletePod guestUp4, DrainPod oldUp0",
			change: func(o *Observed) { o.Workload.Spec.Replicas = 3 },
		},
		{
			name: "aborted, it leaves", pods: []kind{newUp, oldUp, oldUp, oldUp, guestUp}, want: "DeletePod guestUp4",
			change: func(o *Observed) { o.Progress.Abort = true },
		},
		{
			name: "aborted, it waits for the pod that is being updated", pods: []kind{newDown, oldUp, oldUp, oldUp, guestUp}, want: "",
			change: func(o *Observed) { o.Progress.Abort = true },
		},
		{
			name: "of a release that was superseded, it still serves", pods: []kind{oldUp, oldUp, oldUp, oldUp, guestOldUp},
			want: "DrainPod oldUp0",
		},
		{
			name: "of another revision and down, it leaves", pods: []kind{oldUp, oldUp, oldUp, oldUp, guestOldDown},
			want: "DeletePod guestOldDown4",
		},
		{
			name: "where pods are recreated, one that is left stays", pods: append(times(4, oldUp), guestUp),
			want:   "KeepGuest guestUp4, DeletePod oldUp0",
			change: func(o *Observed) { o.Workload.Spec.UpdateType = plan.ReCreate },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := look(inPlace(), c.pods...)
			if c.change != nil {
				c.change(&o)
			}
			expect(t, Decide(c.plan, o), c.want)
		})
	}
}

func TestADecisionDoesNotDependOnTheOrderOfPods(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for range 5_000 {
		o := randomLook(r)
		want := Decide(plan.BatchPlan{}, o)
		o.Pods = slices.Clone(o.Pods)
		r.Shuffle(len(o.Pods), func(i, j int) { o.Pods[i], o.Pods[j] = o.Pods[j], o.Pods[i] })
		quantities := cmp.Comparer(func(a, b plan.Quantity) bool { return a == b })
		if diff := cmp.Diff(want, Decide(plan.BatchPlan{}, o), quantities); diff != "" {
			t.Fatalf("%+v\n%s", o.Pods, diff)
		}
	}
}

func TestPodsThatCameLaterDoNotHoldAFinishedBatch(t *testing.T) {
	p := plan.BatchPlan{Batches: []plan.Batch{{Replicas: plan.Percent(100), Pause: plan.Pause{Duration: time.Hour}}}}
	ready := func(pods ...kind) Observed {
		o := look(plan.WorkloadSpec{Replicas: 3, MaxUnavailable: plan.Pods(1)}, pods...)
		o.Progress.Ready, o.Progress.Newest = o.Now.Add(-time.Minute), testEpoch()
		return o
	}
	for _, c := range []struct {
		name string
		look Observed
		want plan.Reason
	}{
		{"a pod is lost, and made again", ready(newUp, newUp), plan.PodsUpdating},
		{"the pod in its place starts", ready(newUp, newUp, newDown), plan.Soaking},
		{"a pod of its own is down", ready(newUp, newUp, newDown), plan.PodsNotReady},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.want == plan.Soaking {
				c.look.Pods[2].Created = testEpoch().Add(time.Second)
			}
			if d := Decide(p, c.look); d.Reason != c.want || d.Reason == plan.Soaking && d.After != 59*time.Minute {
				t.Errorf("%s: %s, after %v", d.Reason, d.Message, d.After)
			}
		})
	}
}

func TestAFirstInstallRestsNowhere(t *testing.T) {
	p := plan.BatchPlan{Batches: []plan.Batch{
		{Replicas: plan.Pods(1), Pause: plan.Pause{UntilApproved: true}}, {Replicas: plan.Percent(100), Checks: []string{"errors"}},
	}, Checks: []plan.Check{{Name: "errors"}}}
	o := look(plan.WorkloadSpec{Replicas: 2, MaxUnavailable: plan.Pods(1)})
	o.StableRevision, o.Progress = "new", Progress{}
	d := Decide(p, o)
	if first := d.Actions[0].Progress; !first.First || first.Batch != 1 {
		t.Fatalf("begins with %+v", first)
	}
	o.Progress = *d.Actions[0].Progress
	expect(t, Decide(p, o), "create new, create new")
	o.Pods = []Pod{newUp.pod("a"), newUp.pod("b")}
	o.Progress = *Decide(p, o).Actions[0].Progress
	if d := Decide(p, o); d.Reason != plan.Completed || !strings.Contains(d.Message, "nothing ran before") {
		t.Errorf("%s: %s", d.Reason, d.Message)
	}
}

func TestADeadlineIsCalledADeadline(t *testing.T) {
	o := look(plan.WorkloadSpec{Replicas: 4, MaxUnavailable: plan.Pods(1)}, newUp, newUp, newDown, newDown)
	o.Now = o.Now.Add(time.Hour)
	p := plan.BatchPlan{ProgressDeadline: time.Minute}
	if d := Decide(p, o); d.Reason != plan.DeadlineExceeded {
		t.Errorf("without a threshold: %s", d.Reason)
	}
	p.FailureThreshold = plan.Pods(1)
	if d := Decide(p, o); d.Reason != plan.DeadlineExceeded {
		t.Errorf("with a threshold: %s", d.Reason)
	}
}
