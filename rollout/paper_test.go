// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// The tests of this file each bear the number of a report about another release controller, and show that the same
// situation goes well here. kruise is openkruise/kruise, rollouts openkruise/rollouts, argo argoproj/argo-rollouts,
// flagger fluxcd/flagger.

// look is a running release of the given pods, seen 30 seconds after its batch began.
func look(spec plan.WorkloadSpec, pods ...kind) Observed {
	o := Observed{
		Now: testEpoch().Add(30 * time.Second), UpdateRevision: "new", StableRevision: "old", Revisions: testTemplates(),
		Workload: plan.Workload{Name: "demo", UID: "u", Spec: spec},
		Progress: Progress{Revision: "new", Stable: "old", Started: testEpoch()},
	}
	for i, k := range pods {
		o.Pods = append(o.Pods, k.pod(fmt.Sprintf("%s%d", k, i)))
	}
	return o
}

func times(n int, k kind) []kind { return slices.Repeat([]kind{k}, n) }

// writes are the actions in words, without the record of progress.
func writes(d Decision) string {
	var words []string
	for _, a := range d.Actions {
		switch a.Kind {
		case RecordProgress:
		case CreatePod:
			words = append(words, "create "+choose(a.Guest, "guest", a.Revision))
		case SetLifecycle:
			words = append(words, fmt.Sprintf("set %s %s", a.Pod.Name, a.Lifecycle))
		default:
			words = append(words, fmt.Sprintf("%s %s", a.Kind, a.Pod.Name))
		}
	}
	return strings.Join(words, ", ")
}

func expect(t *testing.T, d Decision, want string) {
	t.Helper()
	if got := writes(d); got != want {
		t.Errorf("%s %s\n got: %s\nwant: %s", d.Reason, d.Message, got, want)
	}
}

func TestKruise260RaisingThePartitionTouchesNoUpdatedPod(t *testing.T) {
	spec := plan.WorkloadSpec{Replicas: 4, Partition: plan.Pods(4), MaxUnavailable: plan.Pods(1)}
	d := Decide(plan.BatchPlan{}, look(spec, append(times(2, oldUp), times(2, newUp)...)...))
	expect(t, d, "")
	if d.Verdict != Go && d.Verdict != Done {
		t.Errorf("verdict %s", d.Verdict)
	}
}

func TestKruise285SurgeIsNoLargerThanWhatIsLeftToUpdate(t *testing.T) {
	spec := plan.WorkloadSpec{Replicas: 5, Partition: plan.Pods(3), MaxSurge: plan.Pods(4), MaxUnavailable: plan.Pods(0)}
	expect(t, Decide(plan.BatchPlan{}, look(spec, times(5, oldUp)...)), "create new, create new")
}

func TestKruise316RoundingDoesNotKillTheOnlyPod(t *testing.T) {
	spec := plan.WorkloadSpec{Replicas: 1, MaxSurge: plan.Percent(50), MaxUnavailable: plan.Percent(10)}
	expect(t, Decide(plan.BatchPlan{}, look(spec, oldUp)), "create new")
	expect(t, Decide(plan.BatchPlan{}, look(spec, oldUp, newDown)), "")
	expect(t, Decide(plan.BatchPlan{}, look(spec, oldUp, newUp)), "DeletePod oldUp0")
}

func TestKruise376RollbackRemovesThePendingPodAndNotTheGoodOne(t *testing.T) {
	// Back at the template of the good pod: the pending one is the old one now.
	spec := plan.WorkloadSpec{Replicas: 1, MaxSurge: plan.Percent(50), MaxUnavailable: plan.Percent(10)}
	expect(t, Decide(plan.BatchPlan{}, look(spec, newUp, oldDown)), "DeletePod oldDown1")
}

func TestKruise899NotReadyPodsAreNotReplacedAllAtOnce(t *testing.T) {
	spec := plan.WorkloadSpec{Replicas: 10, MaxUnavailable: plan.Pods(2)}
	d := Decide(plan.BatchPlan{}, look(spec, times(10, oldDown)...))
	if n := len(d.Actions); n != 2 {
		t.Errorf("%d of 10 broken pods are replaced at once, want 2: %s", n, writes(d))
	}
	// The two that replace them are not ready: the rest waits, however broken it is.
	expect(t, Decide(plan.BatchPlan{}, look(spec, append(times(8, oldDown), newDown, newDown)...)),
		"DeletePod oldDown0, DeletePod oldDown1")
	expect(t, Decide(plan.BatchPlan{}, look(spec, append(times(6, oldDown), newDown, newDown)...)), "")
}

func TestKruise1545LostPodsAndScalingKeepThePartition(t *testing.T) {
	// Two old pods were deleted and the set was scaled up: what is missing is old, not new.
	spec := plan.WorkloadSpec{Replicas: 8, Partition: plan.Pods(6), MaxUnavailable: plan.Pods(1)}
	d := Decide(plan.BatchPlan{}, look(spec, append(times(3, oldUp), newUp, newUp)...))
	expect(t, d, "create old, create old, create old")
}

func TestKruise1478LongMinReadySecondsDoesNotBlockScalingIn(t *testing.T) {
	spec := plan.WorkloadSpec{Replicas: 2, MaxUnavailable: plan.Pods(0), MaxSurge: plan.Pods(1), MinReady: 24 * time.Hour}
	o := look(spec, times(5, newUp)...)
	o.Pods[0].ReadySince, o.Pods[1].ReadySince = o.Now.Add(-48*time.Hour), o.Now.Add(-48*time.Hour)
	expect(t, Decide(plan.BatchPlan{}, o), "DeletePod newUp2, DeletePod newUp3, DeletePod newUp4")
}

func TestKruise1666ChangedSurgeCountsAtTheNextLook(t *testing.T) {
	spec := plan.WorkloadSpec{Replicas: 4, MaxSurge: plan.Pods(1), MaxUnavailable: plan.Pods(0)}
	pods := append(times(4, oldUp), newDown)
	expect(t, Decide(plan.BatchPlan{}, look(spec, pods...)), "")
	spec.MaxSurge = plan.Pods(3)
	expect(t, Decide(plan.BatchPlan{}, look(spec, pods...)), "create new, create new")
}

func TestKruise1153PausedWritesNoPod(t *testing.T) {
	spec := plan.WorkloadSpec{Replicas: 4, MaxSurge: plan.Pods(2), MaxUnavailable: plan.Pods(1), Paused: true}
	d := Decide(plan.BatchPlan{}, look(spec, oldUp, oldUp, oldDown, ended, newUpDrained))
	expect(t, d, "")
	if d.Reason != plan.PausedBySpec {
		t.Errorf("reason %s", d.Reason)
	}
}

func TestKruise463RollbackDuringTheGracePeriodReadmitsThePod(t *testing.T) {
	spec := plan.WorkloadSpec{
		Replicas: 2, MaxUnavailable: plan.Pods(1), UpdateType: plan.InPlaceIfPossible,
		GracePeriod: time.Minute,
	}
	o := look(spec, oldUp, oldUpDrained)
	o.Pods[1].DrainedAt = o.Now.Add(-10 * time.Second)
	d := Decide(plan.BatchPlan{}, o)
	expect(t, d, "")
	if d.After != 50*time.Second {
		t.Errorf("looks again after %v, want the 50s that are left of the grace period", d.After)
	}
	o.UpdateRevision, o.Progress.Revision = "old", "old"
	expect(t, Decide(plan.BatchPlan{}, o), "ReadmitPod oldUpDrained1")
}

func TestKruise1156PreparingUpdateEndsWhenTheUpdateIsOff(t *testing.T) {
	spec := plan.WorkloadSpec{Replicas: 1, MaxUnavailable: plan.Pods(1), UpdateType: plan.InPlaceIfPossible}
	spec.Lifecycle.InPlaceUpdate = plan.Hook{Labels: map[string]string{"hook": "on"}}
	o := look(spec, oldUp)
	o.Pods[0].Lifecycle = PreparingUpdate
	o.UpdateRevision, o.Progress.Revision = "old", "old"
	expect(t, Decide(plan.BatchPlan{}, o), "set oldUp0 Normal")
	o.Workload.Spec.Partition = plan.Pods(1)
	o.UpdateRevision, o.Progress.Revision = "new", "new"
	expect(t, Decide(plan.BatchPlan{}, o), "set oldUp0 Normal")
}

func TestKruise676BadImageThenFixGoesOnInPlace(t *testing.T) {
	// The pod hangs half way into a bad revision; the fixed one must not wait for it.
	spec := plan.WorkloadSpec{Replicas: 3, MaxUnavailable: plan.Pods(1), UpdateType: plan.InPlaceIfPossible}
	o := look(spec, oldUp, oldUp, newPending)
	o.Pods[2].Revision = "bad"
	o.Revisions = append(o.Revisions, Revision{Name: "bad", Template: testTemplates()[0].Template})
	expect(t, Decide(plan.BatchPlan{}, o), "UpdatePodInPlace newPending2")
}

func TestKruise1113NameOfATerminatingPodIsNotUsedAgain(t *testing.T) {
	spec := plan.WorkloadSpec{Replicas: 2, MaxUnavailable: plan.Pods(1)}
	o := look(spec, newUp)
	first := Decide(plan.BatchPlan{}, o).Actions[0]
	stuck := newDown.pod(first.Pod.Name)
	stuck.Instance, stuck.Terminating = first.Instance, true
	o.Pods = append(o.Pods, stuck)
	second := Decide(plan.BatchPlan{}, o).Actions[0]
	if second.Kind != CreatePod || second.Pod.Name == first.Pod.Name {
		t.Errorf("decided %s while a pod of that name terminates", second)
	}
	o.Pods = o.Pods[:1]
	if again := Decide(plan.BatchPlan{}, o).Actions[0]; again.Pod.Name != first.Pod.Name {
		t.Errorf("the same observation gives %s and then %s", first, again)
	}
}

func TestKruise925EvictedPodsAreReplacedAndRemoved(t *testing.T) {
	spec := plan.WorkloadSpec{Replicas: 2, MaxUnavailable: plan.Pods(1)}
	expect(t, Decide(plan.BatchPlan{}, look(spec, newUp, ended)), "DeletePod ended1, create new")
}

func TestKruise2175PodsAskedToBeDeletedSpendTheBudget(t *testing.T) {
	spec := plan.WorkloadSpec{Replicas: 4, MaxUnavailable: plan.Pods(1)}
	// One is asked to be deleted and still serves, one is down: no further one may go.
	expect(t, Decide(plan.BatchPlan{}, look(spec, oldUpMarked, oldDown, oldUp, oldUp)), "DeletePod oldDown1")
	expect(t, Decide(plan.BatchPlan{}, look(spec, oldUpMarked, newDown, oldUp, oldUp)), "")
}

func TestRollouts174ABatchThatNeverGetsReadyEnds(t *testing.T) {
	o := look(plan.WorkloadSpec{Replicas: 2, MaxUnavailable: plan.Pods(1)}, oldUp, newDown)
	d := Decide(plan.BatchPlan{}, o)
	if d.Verdict != Wait || d.After <= 0 {
		t.Fatalf("%s, looks again after %v; want a wait that ends", d.Verdict, d.After)
	}
	o.Now = o.Now.Add(d.After)
	if d = Decide(plan.BatchPlan{}, o); d.Verdict != Stopped || d.Reason.ExitCode() != 11 {
		t.Errorf("at the deadline: %s %s", d.Verdict, d.Reason)
	}
}

func TestRollouts203ShrunkReplicasDoNotStrandTheBatch(t *testing.T) {
	p := plan.BatchPlan{Batches: []plan.Batch{{Replicas: plan.Pods(6)}, {Replicas: plan.Percent(100)}}}
	d := Decide(p, look(plan.WorkloadSpec{Replicas: 3, MaxUnavailable: plan.Pods(1)}, newUp, newUp, oldUp))
	expect(t, d, "DeletePod oldUp2")
}

func TestRollouts330ABypassedWebhookIsNoticed(t *testing.T) {
	o := look(plan.WorkloadSpec{Replicas: 4, MaxUnavailable: plan.Pods(1)})
	o.Progress = Progress{}
	o.Workload.Status = plan.WorkloadStatus{Replicas: 4, ReadyReplicas: 4}
	d := Decide(plan.BatchPlan{Mode: plan.Partition, Batches: []plan.Batch{
		{Replicas: plan.Pods(1)},
		{Replicas: plan.Percent(100)},
	}}, o)
	if d.Verdict != Stopped || d.Reason != plan.Invalid {
		t.Errorf("%s %s %s", d.Verdict, d.Reason, d.Message)
	}
}

// inPartition is an observation in partition mode at four pods of which so many are updated and healthy.
func inPartition(partition, updated, healthy int) Observed {
	o := look(plan.WorkloadSpec{Replicas: 4, Partition: plan.Pods(partition), MaxUnavailable: plan.Pods(1)})
	o.Progress.Stepped, o.Progress.Step, o.Progress.Resting = true, partition, plan.Percent(100)
	o.Workload.Status = plan.WorkloadStatus{
		Replicas: 4, ReadyReplicas: 4 - updated + healthy, AvailableReplicas: 4 - updated + healthy,
		UpdatedReplicas: updated, UpdatedReadyReplicas: healthy, UpdatedAvailableReplicas: healthy,
		CurrentRevision: "old", UpdateRevision: "new",
	}
	return o
}

func TestRollouts174InPartitionModeToo(t *testing.T) {
	o := inPartition(3, 1, 0)
	plan := plan.BatchPlan{Mode: plan.Partition, Batches: []plan.Batch{{Replicas: plan.Pods(1)}, {Replicas: plan.Percent(100)}}}
	d := Decide(plan, o)
	if d.Verdict != Wait || d.After <= 0 {
		t.Fatalf("%s, looks again after %v; want a wait that ends", d.Verdict, d.After)
	}
	o.Now = o.Now.Add(d.After)
	if d = Decide(plan, o); d.Verdict != Stopped || d.Reason.ExitCode() != 11 {
		t.Errorf("at the deadline: %s %s", d.Verdict, d.Reason)
	}
}

func TestRollouts203InPartitionModeToo(t *testing.T) {
	// The batch asks for six pods, and the set was scaled to four: it is ready with four.
	p := plan.BatchPlan{Mode: plan.Partition, Batches: []plan.Batch{{Replicas: plan.Pods(6)}, {Replicas: plan.Percent(100)}}}
	if d := Decide(p, inPartition(0, 4, 4)); d.Reason != plan.BatchReady {
		t.Errorf("%s: %s", d.Reason, d.Message)
	}
}

func TestRollouts197APartitionThatWasLoweredIsPutBackAlsoAfterAKill(t *testing.T) {
	p := plan.BatchPlan{Mode: plan.Partition}
	o := inPartition(0, 4, 4)
	o.Workload.Status.CurrentRevision = "new"
	o.Progress.Ready = o.Now
	noted := Decide(p, o)
	if noted.Verdict != Go || len(noted.Actions) != 1 || noted.Actions[0].Kind != RecordProgress ||
		!noted.Actions[0].Progress.Finished {
		t.Fatalf("before it puts the partition back: %s %v", noted.Verdict, noted.Actions)
	}
	o.Progress = *noted.Actions[0].Progress
	expect(t, Decide(p, o), "SetPartition ")
	o.Workload.Spec.Partition = plan.Percent(100)
	if d := Decide(p, o); d.Verdict != Done || len(d.Actions) != 1 || d.Actions[0].Progress.Outcome != plan.Completed {
		t.Errorf("after that: %s %v", d.Verdict, d.Actions)
	}
}

func TestTheNextReleaseBeginsWhereAStoppedOneLeftThePartition(t *testing.T) {
	p := plan.BatchPlan{Mode: plan.Partition, Batches: []plan.Batch{{Replicas: plan.Pods(1)}, {Replicas: plan.Percent(100)}}}
	o := inPartition(2, 0, 0)
	o.Progress = Progress{Stepped: true, Step: 2, Resting: plan.Percent(100), Stable: "old"}
	d := Decide(p, o)
	if d.Reason != plan.BatchStarted || d.Actions[0].Progress.Resting != plan.Percent(100) || d.Actions[0].Progress.Stepped {
		t.Errorf("%s: %s %v", d.Reason, d.Message, d.Actions)
	}
	o.Progress.Step = 3 // somebody else has moved it since
	if d := Decide(p, o); d.Reason != plan.Invalid {
		t.Errorf("%s: %s", d.Reason, d.Message)
	}
}

func TestAPartitionIsWrittenOnceMoreAtMost(t *testing.T) {
	p := plan.BatchPlan{Mode: plan.Partition, Batches: []plan.Batch{{Replicas: plan.Pods(1)}, {Replicas: plan.Percent(100)}}}
	o := inPartition(4, 0, 0)
	o.Progress.Stepped = false
	expect(t, Decide(p, o), "SetPartition ")
	wrote := plan.Pods(3)
	o.Wrote = &wrote // and somebody has raised it again, before it could be noted
	if d := Decide(p, o); d.Reason != plan.ForeignChange {
		t.Errorf("%s: %s", d.Reason, d.Message)
	}
}

func TestATemplateThatComesBackDuringARollbackIsForeign(t *testing.T) {
	p := plan.BatchPlan{Mode: plan.Partition, OnFailure: plan.Rollback}
	o := inPartition(3, 1, 1)
	o.Progress.Back, o.Progress.Restored, o.Progress.Message = true, true, "it failed"
	if d := Decide(p, o); d.Reason != plan.ForeignChange || d.Reason.ExitCode() != 13 {
		t.Errorf("%s: %s", d.Reason, d.Message)
	}
}

// A rollback that is late leaves the partition where the controller can still finish it, and says how to close it again before
// the next template would reach every pod at once.
func TestALateRollbackSaysHowToArmAgain(t *testing.T) {
	p := plan.BatchPlan{Mode: plan.Partition, OnFailure: plan.Rollback, ProgressDeadline: time.Minute}
	o := inPartition(0, 2, 2)
	o.Workload.Namespace, o.Workload.Name = "shop", "cart"
	o.Workload.Status.UpdateRevision, o.UpdateRevision = "old", "old"
	o.Progress.Back, o.Progress.Restored, o.Progress.Message = true, true, "a check failed"
	o.Progress.Started = o.Now.Add(-time.Hour)
	const words = "slipway rollout arm cloneset/cart -n shop"
	d := Decide(p, o)
	if d.Reason != plan.DeadlineExceeded || !strings.Contains(d.Message, words) ||
		!strings.Contains(d.Message, "the partition is left at 0") {
		t.Errorf("%s: %s", d.Reason, d.Message)
	}
	o.Workload.Spec.Partition = plan.Percent(100) // nothing to close
	if d := Decide(p, o); strings.Contains(d.Message, words) {
		t.Errorf("%s: %s", d.Reason, d.Message)
	}
}

func TestLostProgressHalfWayGoesOn(t *testing.T) {
	p := plan.BatchPlan{Mode: plan.Partition, Batches: []plan.Batch{
		{Replicas: plan.Pods(1)},
		{Replicas: plan.Pods(2)},
		{Replicas: plan.Percent(100)},
	}}
	o := look(plan.WorkloadSpec{Replicas: 4, Partition: plan.Pods(2), MaxUnavailable: plan.Pods(1)})
	o.Progress = Progress{}
	o.Workload.Status = plan.WorkloadStatus{
		Replicas: 4, ReadyReplicas: 4, UpdatedReplicas: 2, UpdatedReadyReplicas: 2,
		UpdatedAvailableReplicas: 2,
	}
	if d := Decide(p, o); d.Reason != plan.BatchStarted {
		t.Errorf("%s %s", d.Reason, d.Message)
	}
}

func TestKubevela7170AnApprovalIsForOneBatchOnly(t *testing.T) {
	pause := plan.Pause{UntilApproved: true}
	p := plan.BatchPlan{Batches: []plan.Batch{
		{Replicas: plan.Pods(1), Pause: pause},
		{Replicas: plan.Pods(2), Pause: pause},
		{Replicas: plan.Pods(3)},
	}}
	o := look(plan.WorkloadSpec{Replicas: 3, MaxUnavailable: plan.Pods(1)}, newUp, newUp, oldUp)
	o.Progress.Batch, o.Progress.Approved, o.Progress.Ready = 1, 1, testEpoch()
	if d := Decide(p, o); d.Reason != plan.AwaitingApproval {
		t.Errorf("%s: the approval of the first batch counts for the second", d.Reason)
	}
	o.Progress.Approved = o.Progress.Batch + 1
	if d := Decide(p, o); d.Reason != plan.BatchStarted || d.Batch != 2 {
		t.Errorf("%s in batch %d after the approval", d.Reason, d.Batch+1)
	}
}

func TestArgo1774ABadStablePodDoesNotBlockTheRelease(t *testing.T) {
	spec := plan.WorkloadSpec{Replicas: 4, Partition: plan.Pods(2), MaxUnavailable: plan.Pods(1)}
	d := Decide(plan.BatchPlan{}, look(spec, oldDown, oldUp, newUp, newUp))
	if d.Verdict != Go || d.Reason != plan.BatchReady {
		t.Errorf("%s %s", d.Reason, d.Message)
	}
}

func TestArgo1415ScalingDoesNotTouchTheStablePodsOfTheBatch(t *testing.T) {
	spec := plan.WorkloadSpec{Replicas: 6, Partition: plan.Pods(3), MaxUnavailable: plan.Pods(1)}
	expect(t, Decide(plan.BatchPlan{}, look(spec, append(times(3, oldUp), newUp)...)), "create new, create new")
}

func TestArgo2119AbortKeepsTheBudget(t *testing.T) {
	o := look(plan.WorkloadSpec{Replicas: 6, MaxUnavailable: plan.Pods(1)}, append(times(2, oldUp), times(4, newUp)...)...)
	o.Progress.Back, o.Progress.Failure = true, plan.AbortedByPerson
	expect(t, Decide(plan.BatchPlan{OnFailure: plan.Rollback}, o), "DeletePod newUp2")
}

func TestArgo4365NodeChurnDuringThePauseOnlyBeginsItAgain(t *testing.T) {
	p := plan.BatchPlan{Batches: []plan.Batch{{Replicas: plan.Percent(100), Pause: plan.Pause{Duration: time.Hour}}}}
	o := look(plan.WorkloadSpec{Replicas: 2, MaxUnavailable: plan.Pods(1)}, newUp, newDown)
	o.Progress.Ready = o.Now.Add(-time.Second)
	d := Decide(p, o)
	if d.Verdict != Go || d.Actions[0].Progress == nil || !d.Actions[0].Progress.Ready.IsZero() {
		t.Errorf("%s %s %v", d.Verdict, d.Reason, d.Actions)
	}
}

func TestFlagger1247TheDeadlineFiresAlsoWhilePodsComeAndGo(t *testing.T) {
	// Ready for a while, then not: what it took before still counts.
	p := plan.BatchPlan{ProgressDeadline: time.Minute, Batches: []plan.Batch{
		{Replicas: plan.Percent(100), Pause: plan.Pause{Duration: time.Hour}},
	}}
	o := look(plan.WorkloadSpec{Replicas: 2, MaxUnavailable: plan.Pods(1)}, newUp, newDown)
	o.Progress.Ready = testEpoch().Add(50 * time.Second)
	o.Now = testEpoch().Add(20 * time.Minute)
	o.Progress = *Decide(p, o).Actions[0].Progress
	o.Now = o.Now.Add(9 * time.Second)
	if d := Decide(p, o); d.Verdict != Wait {
		t.Fatalf("%s after 59 seconds of not being ready", d.Verdict)
	}
	o.Now = o.Now.Add(time.Second)
	if d := Decide(p, o); d.Verdict != Stopped {
		t.Errorf("%s after a minute of not being ready", d.Verdict)
	}
}

func TestFlagger634ScalingDoesNotBeginTheBatchesAgain(t *testing.T) {
	p := plan.BatchPlan{Batches: []plan.Batch{{Replicas: plan.Percent(50)}, {Replicas: plan.Percent(100)}}}
	o := look(plan.WorkloadSpec{Replicas: 6, MaxUnavailable: plan.Pods(1)}, append(times(2, oldUp), times(2, newUp)...)...)
	o.Progress.Batch = 1
	if d := Decide(p, o); d.Batch != 1 {
		t.Errorf("back in batch %d", d.Batch+1)
	}
}
