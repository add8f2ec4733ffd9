// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/plan/filltest"
	"github.com/slipway-dev/slipway/rollout/report"
)

var update = flag.Bool("update", false, "rewrite the golden files of the present version")

// stored is a file of testdata.
func stored(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "stored", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// filled is a plan, a look and a decision in which everything is set.
func filled(t *testing.T) (look report.Look) {
	t.Helper()
	filltest.Fill(t, &look.Plan)
	filltest.Fill(t, &look.Observed)
	filltest.Fill(t, &look.Decision)
	return look
}

// TestStoredLines pins the names in an audit log, and that everything a decision is made of is in it and is read again. The
// second look lacks the pods of the first.
func TestStoredLines(t *testing.T) {
	first, second := filled(t), filled(t)
	second.Observed.Pods = []rollout.Pod{}
	var measured plan.Measurement
	filltest.Fill(t, &measured)
	var log bytes.Buffer
	audit := report.NewAudit(&log, first.Plan)
	audit.Record(first.Observed, first.Decision)
	audit.Record(second.Observed, second.Decision)
	audit.Measure(measured)
	if audit.Err() != nil {
		t.Fatal(audit.Err())
	}
	for i, line := range bytes.Split(bytes.TrimSpace(log.Bytes()), []byte{'\n'}) {
		name := []string{"first", "second", "measurement"}[i]
		filltest.Golden(t, filepath.Join("testdata", "stored", name+".v1.json"), line, *update)
	}
	for version, log := range map[string][]byte{"v0": stored(t, "filled.v0.jsonl"), "v1": log.Bytes()} {
		looks, err := report.Looks(bytes.NewReader(log))
		if err != nil {
			t.Fatalf("%s: %v", version, err)
		}
		want := []report.Look{first, second}
		if version == "v0" {
			for i := range want {
				want[i].Observed.Stuck, want[i].Observed.NoRoom, want[i].Observed.Wrote, want[i].Observed.Sets = nil, "", nil, nil
				want[i].Observed.Refused = nil
				clearUnknownToV0(&want[i])
			}
		}
		var entry struct{ Measurement plan.Measurement }
		lines := bytes.Split(bytes.TrimSpace(log), []byte{'\n'})
		if err := json.Unmarshal(lines[2], &entry); err != nil || entry.Measurement != measured {
			t.Errorf("%s: the measurement is read as %+v, %v", version, entry.Measurement, err)
		}
		same := cmp.Comparer(func(a, b plan.Quantity) bool { return a == b })
		if diff := cmp.Diff(want, looks, same); diff != "" {
			t.Errorf("%s is read as something else (-want +got):\n%s", version, diff)
		}
	}
}

// clearUnknownToV0 clears what came later: guests, Deployments, claim templates, why pods are not ready and when that ends a
// batch, and what a finished batch is held against.
func clearUnknownToV0(look *report.Look) {
	look.Plan.FailFast, look.Plan.Unblock = plan.FailFast{}, false
	look.Observed.Workload.Spec.ClaimTemplates, look.Observed.Workload.Spec.Unknown = nil, nil
	clearProgress := func(p *rollout.Progress) {
		p.First, p.Newest, p.Healthy, p.Kept, p.Original = false, time.Time{}, 0, 0, nil
	}
	clearProgress(&look.Observed.Progress)
	look.Observed.Workload.Rolling, look.Observed.Workload.Spec.RoundsDown = nil, false
	look.Observed.Pods = slices.Clone(look.Observed.Pods)
	for i := range look.Observed.Pods {
		p := &look.Observed.Pods[i]
		p.Guest, p.Kept, p.Waiting = false, false, nil
	}
	look.Decision.Actions = slices.Clone(look.Decision.Actions)
	for i := range look.Decision.Actions {
		a := &look.Decision.Actions[i]
		a.Guest, a.Fields = false, nil
		progress := *a.Progress
		clearProgress(&progress)
		a.Progress = &progress
	}
}

// TestStatusNames pins the names of a status, which scripts read.
func TestStatusNames(t *testing.T) {
	var one report.StatusTarget
	filltest.Fill(t, &one)
	var out bytes.Buffer
	if err := (report.StatusTrain{Targets: []report.StatusTarget{one}}).JSON(&out); err != nil {
		t.Fatal(err)
	}
	filltest.Golden(t, filepath.Join("testdata", "status.json"), bytes.TrimSpace(out.Bytes()), *update)
}

// TestEveryVersionIsRead holds the logs of two releases, as each version wrote them, against each other. Decisions are made
// again alike; should one be put into other words some day, it is so for both.
func TestEveryVersionIsRead(t *testing.T) {
	for name, decisions := range map[string]int{"rollback": 16, "partition": 36} {
		t.Run(name, func(t *testing.T) {
			old, now := stored(t, name+".v0.jsonl"), stored(t, name+".v1.jsonl")
			if diff := cmp.Diff(text(page(t, now)), text(page(t, old))); diff != "" {
				t.Errorf("the page of version 0 is another one (-v1 +v0):\n%s", diff)
			}
			n, err := report.Replay(bytes.NewReader(now))
			if err == nil && n != decisions || err != nil && !errors.Is(err, report.ErrDiffers) {
				t.Errorf("%d decisions, %v; want %d", n, err, decisions)
			}
			if m, before := report.Replay(bytes.NewReader(old)); n != m || fmt.Sprint(err) != fmt.Sprint(before) {
				t.Errorf("of version 0 %d decisions and %v, of version 1 %d and %v", m, before, n, err)
			}
		})
	}
}

// An agent of the version before may be killed while it writes, and one of this version goes on in the same file.
func TestLogOfTwoVersionsIsOneLog(t *testing.T) {
	old := stored(t, "rollback.v0.jsonl")
	log := append(bytes.TrimRight(old[:len(old)/2], "\n"), stored(t, "rollback.v1.jsonl")...)
	holds(t, page(t, log), "breaks off: the agent was ended while it wrote it", "Rolled back")
}

func TestLogOfANewerSlipwayIsRefused(t *testing.T) {
	const newer = `{"plan":{"batches":{"first":1}},"version":2,"now":0,"progress":["demo"]}` + "\n"
	old := string(stored(t, "rollback.v0.jsonl"))
	lines := strings.Count(old, "\n")
	for name, c := range map[string]struct {
		log  string
		line int
	}{
		"from its beginning":             {newer, 1},
		"after an older one":             {old + newer, lines + 1},
		"behind half a line of an older": {strings.TrimSuffix(old, "}\n") + newer, lines},
	} {
		t.Run(name, func(t *testing.T) {
			want := fmt.Sprintf("audit log, line %d: written by a newer slipway: its version is 2, and this slipway reads up to version 1: run the newer slipway", c.line)
			all, err := report.ReadHistory(strings.NewReader(c.log))
			if !errors.Is(err, plan.ErrNewer) || err.Error() != want || all != nil {
				t.Errorf("%d histories, %v; want %s", len(all), err, want)
			}
		})
	}
	if _, err := report.Replay(strings.NewReader(newer)); !errors.Is(err, plan.ErrNewer) {
		t.Errorf("it is made again: %v", err)
	}
}

// A line of another kind in the same stream may have a version of its own.
func TestVersionOfAnotherKindOfLineIsNotTheLogs(t *testing.T) {
	log := append([]byte(`{"level":"INFO","version":7}`+"\n"), stored(t, "rollback.v1.jsonl")...)
	if n, err := report.Replay(bytes.NewReader(log)); n == 0 || errors.Is(err, plan.ErrNewer) {
		t.Errorf("%d decisions, %v", n, err)
	}
	page(t, log)
}

// What is seen beside the pods that are released makes decisions too.
func TestReplayKnowsWhatElseWasSeen(t *testing.T) {
	set := cart(3, "cart:v2")
	set.Generation = 1
	written := plan.Pods(1)
	pod := func(name, revision string) rollout.Pod {
		return rollout.Pod{Name: name, UID: name, Revision: revision, Phase: rollout.PodRunning}
	}
	for name, c := range map[string]struct {
		plan     plan.BatchPlan
		observed rollout.Observed
	}{
		"a pod that the controller waits for": {
			plan.BatchPlan{Mode: plan.Partition},
			rollout.Observed{Stuck: []rollout.Pod{pod("cart-2", "middle")}, Progress: rollout.Progress{Stepped: true, Step: 2}},
		},
		"the partition that this run has written": {plan.BatchPlan{Mode: plan.Partition}, rollout.Observed{Wrote: &written}},
		"no room":   {plan.BatchPlan{}, rollout.Observed{NoRoom: "ResourceQuota pods is full", Pods: []rollout.Pod{pod("cart-1", "old")}}},
		"a refusal": {plan.BatchPlan{}, rollout.Observed{Refused: &rollout.Refusal{Revision: "new", Object: "Pod cart-2", Message: "no"}}},
	} {
		t.Run(name, func(t *testing.T) {
			o := c.observed
			o.Workload, o.UpdateRevision, o.StableRevision = set, "new", "old"
			o.Workload.Spec.Partition = plan.Pods(2)
			o.Workload.Status = plan.WorkloadStatus{ObservedGeneration: 1, Replicas: 3, UpdateRevision: "new", CurrentRevision: "old"}
			o.Progress.Revision, o.Progress.Stable = "new", "old"
			d := rollout.Decide(c.plan, o)
			without := o
			without.Stuck, without.Wrote, without.NoRoom, without.Refused = nil, nil, "", nil
			if reflect.DeepEqual(d, rollout.Decide(c.plan, without)) {
				t.Fatalf("it makes no difference: %+v", d)
			}
			var log bytes.Buffer
			report.NewAudit(&log, c.plan).Record(o, d)
			if n, err := report.Replay(&log); n != 1 || err != nil {
				t.Errorf("%d decisions, %v", n, err)
			}
		})
	}
}
