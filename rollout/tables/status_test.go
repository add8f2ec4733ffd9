// SPDX-License-Identifier: Apache-2.0

package tables_test

import (
	"bytes"
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/plan/filltest"
	"github.com/slipway-dev/slipway/rollout/tables"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// holding is a look at a release, without the pods that are ready, and how it stands.
func holding(pods ...rollout.Pod) (rollout.Observed, rollout.Decision) {
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	for i := range pods {
		pods[i].Waiting.Since = now.Add(-3 * time.Minute)
	}
	o := rollout.Observed{Now: now, Stuck: pods}
	d := rollout.Decision{
		Verdict: rollout.Wait, Reason: plan.PodsNotReady, Message: "batch 1 of 1: 0 of 2 updated pods ready",
		Batches: 1,
	}
	return o, d
}

func failing(name string, w waiting.Why) rollout.Pod { return rollout.Pod{Name: name, Waiting: &w} }

func TestStatusListsPodsThatAreNotReady(t *testing.T) {
	o, d := holding(
		failing("web-1", waiting.Why{
			State: "CrashLoopBackOff", Reason: "CrashLoopBackOff", Message: "back-off 40s", Restarts: 3,
			ExitCode: new(137), Exit: "OOMKilled",
		}),
		failing("web-2", waiting.Why{State: "Pending", Reason: "Unschedulable", Message: "0/3 nodes are \x1b[31mavailable"}),
	)
	var out strings.Builder
	if err := tables.NewStatus(plan.BatchPlan{}, o, d).Table(&out); err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(out.String(), "\n\n")
	want := `POD    STATUS            RESTARTS  SINCE  WHY
web-1  CrashLoopBackOff  3         3m     back-off 40s, exit code 137 (OOMKilled), 3 restarts
web-2  Pending           0         3m     Unschedulable: 0/3 nodes are \x1b[31mavailable
`
	if diff := cmp.Diff(want, table); diff != "" {
		t.Error(diff)
	}
}

// TestStatusOfBatchesOnTheWayBack tells what goes back from what has gone.
func TestStatusOfBatchesOnTheWayBack(t *testing.T) {
	p := plan.BatchPlan{Batches: []plan.Batch{{Replicas: plan.Pods(1)}, {Replicas: plan.Percent(100)}}}
	for reason, c := range map[string]struct {
		progress rollout.Progress
		want     []string
	}{
		"on its way":   {rollout.Progress{Back: true, Batch: 1}, []string{"rolling back", "rolling back"}},
		"half the way": {rollout.Progress{Back: true}, []string{"rolling back", "rolled back"}},
		"there": {
			rollout.Progress{Back: true, Batch: 1, Outcome: plan.RolledBack},
			[]string{"rolled back", "rolled back"},
		},
		"no further than so": {
			rollout.Progress{Back: true, Outcome: plan.DeadlineExceeded},
			[]string{"ended on the way back", "rolled back"},
		},
	} {
		o, d := holding()
		o.Workload.Generation, o.Workload.Spec.Replicas, o.Workload.Spec.MaxUnavailable = 1, 2, plan.Pods(1)
		o.Progress = c.progress
		o.Progress.Revision = "new"
		var got []string
		for _, step := range tables.NewStatus(p, o, d).Steps {
			got = append(got, step.State)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", reason, diff)
		}
	}
}

// TestStatusSaysOfWhenItsNumbersAre where no agent keeps them fresh.
func TestStatusSaysOfWhenItsNumbersAre(t *testing.T) {
	o, d := holding()
	s := tables.NewStatus(plan.BatchPlan{}, o, d)
	s.Counts, s.AsOf = &rollout.Counts{Desired: 2, Updated: 1, UpdatedAvailable: 1, Available: 2, Total: 2}, o.Now.Add(-time.Hour)
	var out strings.Builder
	if err := s.Table(&out); err != nil {
		t.Fatal(err)
	}
	if want := "2 available, 2 in all, as of 2026-01-05T08:00:00Z\n"; !strings.Contains(out.String(), want) {
		t.Errorf("want %q:\n%s", want, &out)
	}
}

// TestStatusNamesNodes where a batch selects them: how many pods are on them only who reads nodes knows.
func TestStatusNamesNodes(t *testing.T) {
	o, d := holding()
	o.Progress.Revision, o.Workload.Generation, o.Workload.Spec.Replicas, o.Workload.Spec.MaxUnavailable = "new", 2, 10,
		plan.Pods(1)
	p := plan.BatchPlan{Batches: []plan.Batch{
		{Nodes: &plan.Selector{Labels: map[string]string{"pool": "canary"}}, Pause: plan.Pause{UntilApproved: true}},
		{Replicas: plan.Percent(20)},
		{Replicas: plan.Percent(100)},
	}}
	s := tables.NewStatus(p, o, d)
	var out strings.Builder
	if err := s.Table(&out); err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(out.String(), "\n\n")
	want := `BATCH   UPDATED                   THEN                           STATE
1 of 3  all on nodes pool=canary  wait for approval, next batch  updating since 0001-01-01T00:00:00Z
2 of 3  2                         next batch                     
3 of 3  10                        done                           
`
	if diff := cmp.Diff(want, table); diff != "" {
		t.Error(diff)
	}
}

func TestStatusHasATableThatEnds(t *testing.T) {
	var pods []rollout.Pod
	for i := range 30 {
		pods = append(pods, failing(fmt.Sprintf("web-%02d", i), waiting.Why{State: "ErrImagePull", Reason: "ErrImagePull"}))
	}
	o, d := holding(pods...)
	var out strings.Builder
	if err := tables.NewStatus(plan.BatchPlan{}, o, d).Table(&out); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); strings.Count(s, "ErrImagePull") != 20 || !strings.HasSuffix(s, "\nand 10 more\n") {
		t.Error(s)
	}
}

// TestStatusNames pins the names of a status, which scripts read.
func TestStatusNames(t *testing.T) {
	var one tables.StatusTarget
	filltest.Fill(t, &one)
	var out bytes.Buffer
	if err := (tables.StatusTargets{Targets: []tables.StatusTarget{one}}).JSON(&out); err != nil {
		t.Fatal(err)
	}
	filltest.Golden(t, filepath.Join("testdata", "status.json"), bytes.TrimSpace(out.Bytes()), *update)
}
