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

// filled is a plan, an observation and a decision in which everything is set.
func filled(t *testing.T) (look report.Observation) {
	t.Helper()
	filltest.Fill(t, &look.Plan)
	filltest.Fill(t, &look.Observed)
	filltest.Fill(t, &look.Decision)
	return look
}

// TestStoredLines pins the names in an audit log, and that everything a decision is made of is in it and is read again. In the
// second observation the pod is another one in everything, and the writes are on it and on a new one; the last observation
// lacks it.
func TestStoredLines(t *testing.T) {
	first, last := filled(t), filled(t)
	last.Observed.Pods = []rollout.Pod{}
	second := changed(first)
	var measured plan.Measurement
	filltest.Fill(t, &measured)
	var log bytes.Buffer
	audit := report.NewAudit(&log, first.Plan)
	for _, look := range []report.Observation{first, second, last} {
		audit.Record(look.Observed, look.Decision)
	}
	audit.Measure(measured)
	if audit.Err() != nil {
		t.Fatal(audit.Err())
	}
	for i, line := range bytes.Split(bytes.TrimSpace(log.Bytes()), []byte{'\n'}) {
		name := []string{"first", "second", "last", "measurement"}[i]
		filltest.Golden(t, filepath.Join("testdata", "stored", name+".v2.json"), line, *update)
	}
	for version, c := range map[string]struct {
		log  []byte
		want []report.Observation
	}{
		"v0": {stored(t, "filled.v0.jsonl"), []report.Observation{unknownToV0(first), unknownToV0(last)}},
		"v1": {stored(t, "filled.v1.jsonl"), []report.Observation{unknownToV1(first), unknownToV1(last)}},
		"v2": {log.Bytes(), []report.Observation{first, second, last}},
	} {
		looks, err := report.Observations(bytes.NewReader(c.log))
		if err != nil {
			t.Fatalf("%s: %v", version, err)
		}
		var entry struct{ Measurement plan.Measurement }
		lines := bytes.Split(bytes.TrimSpace(c.log), []byte{'\n'})
		if err := json.Unmarshal(lines[len(lines)-1], &entry); err != nil || entry.Measurement != measured {
			t.Errorf("%s: the measurement is read as %+v, %v", version, entry.Measurement, err)
		}
		if diff := cmp.Diff(c.want, looks, sameQuantities); diff != "" {
			t.Errorf("%s is read as something else (-want +got):\n%s", version, diff)
		}
	}
}

var sameQuantities = cmp.Comparer(func(a, b plan.Quantity) bool { return a == b })

// changed is an observation in which a pod has become another one in everything but its name, and writes that go to it and to
// new pods.
func changed(first report.Observation) report.Observation {
	pod := rollout.Pod{Name: first.Observed.Pods[0].Name, UID: "another", ResourceVersion: "2", Instance: "x7k2p", Node: "node-b"}
	first.Observed.Pods = []rollout.Pod{pod}
	first.Decision.Actions = []rollout.Action{
		{
			Kind: rollout.DeletePod, Pod: rollout.PodRef{Name: pod.Name, UID: pod.UID, ResourceVersion: pod.ResourceVersion},
			Reason: "old",
		},
	}
	for _, instance := range []string{"c7k2p", "b7k2p"} {
		first.Decision.Actions = append(first.Decision.Actions, rollout.Action{
			Kind: rollout.CreatePod, Revision: "new", Instance: instance,
			Pod: rollout.PodRef{Name: first.Observed.Workload.Name + "-" + instance},
		})
	}
	return first
}

// unknownToV1 is an observation without what came later: delete mode, Git commits, what a batch of a StatefulSet keeps while
// it waits, which generation a release leaves, and the digest of the template that a Deployment goes back to.
func unknownToV1(look report.Observation) report.Observation {
	look.Plan.MaxUnavailable = plan.Quantity{}
	look.Plan.Batches, look.Observed.Nodes = slices.Clone(look.Plan.Batches), nil
	for i := range look.Plan.Batches {
		look.Plan.Batches[i].Nodes = nil
	}
	spec := &look.Observed.Workload.Spec
	spec.OnDelete, spec.Ordered, spec.FirstOrdinal, look.Observed.Workload.Status.Astray = false, false, 0, 0
	look.Observed.Workload.Commit, look.Observed.Resizes = "", false
	if rolling := look.Observed.Workload.Rolling; rolling != nil {
		look.Observed.Workload.Rolling = new(*rolling)
		look.Observed.Workload.Rolling.Original = withoutDigest(rolling.Original)
	}
	look = withProgress(look, func(p *rollout.Progress) { p.Kept, p.Left, p.Original = 0, 0, withoutDigest(p.Original) })
	for i := range look.Decision.Actions {
		if fields := look.Decision.Actions[i].Fields; fields != nil {
			look.Decision.Actions[i].Fields = new(*fields)
			look.Decision.Actions[i].Fields.Original = withoutDigest(fields.Original)
		}
	}
	return look
}

func withoutDigest(o *plan.Original) *plan.Original {
	if o == nil {
		return nil
	}
	without := *o
	without.Template = ""
	return &without
}

// unknownToV0 is an observation without what came later: guests, Deployments, claim templates, why pods are not ready and when
// that ends a batch, and what a finished batch is held against.
func unknownToV0(look report.Observation) report.Observation {
	look = unknownToV1(look)
	look.Observed.Stuck, look.Observed.NoRoom, look.Observed.Wrote, look.Observed.Sets = nil, "", nil, nil
	look.Observed.Refused = nil
	look.Plan.FailFast, look.Plan.Unblock = plan.FailFast{}, false
	look.Observed.Workload.Spec.ClaimTemplates, look.Observed.Workload.Spec.Unknown = nil, nil
	look.Observed.Workload.Rolling, look.Observed.Workload.Spec.RoundsDown = nil, false
	look.Observed.Pods = slices.Clone(look.Observed.Pods)
	for i := range look.Observed.Pods {
		p := &look.Observed.Pods[i]
		p.Guest, p.Kept, p.Waiting = false, false, nil
	}
	look = withProgress(look, func(p *rollout.Progress) { p.First, p.Newest, p.Healthy, p.Original = false, time.Time{}, 0, nil })
	for i := range look.Decision.Actions {
		look.Decision.Actions[i].Guest, look.Decision.Actions[i].Fields = false, nil
	}
	return look
}

// withProgress is an observation whose progress is changed, wherever it has any.
func withProgress(look report.Observation, change func(*rollout.Progress)) report.Observation {
	change(&look.Observed.Progress)
	look.Decision.Actions = slices.Clone(look.Decision.Actions)
	for i := range look.Decision.Actions {
		progress := *look.Decision.Actions[i].Progress
		change(&progress)
		look.Decision.Actions[i].Progress = &progress
	}
	return look
}

// TestEveryVersionIsRead holds the logs of two releases, as each version wrote them, against each other. Decisions are made
// again alike; should one be put into other words some day, it is so for all.
func TestEveryVersionIsRead(t *testing.T) {
	for name, decisions := range map[string]int{"rollback": 16, "partition": 36} {
		t.Run(name, func(t *testing.T) {
			now := stored(t, name+".v2.jsonl")
			n, err := report.Replay(bytes.NewReader(now))
			if err == nil && n != decisions || err != nil && !errors.Is(err, report.ErrDiffers) {
				t.Errorf("%d decisions, %v; want %d", n, err, decisions)
			}
			for _, version := range []string{"v0", "v1"} {
				old := stored(t, name+"."+version+".jsonl")
				if diff := cmp.Diff(text(page(t, now)), text(page(t, old))); diff != "" {
					t.Errorf("the page of %s is another one (-v2 +%s):\n%s", version, version, diff)
				}
				if m, before := report.Replay(bytes.NewReader(old)); n != m || fmt.Sprint(err) != fmt.Sprint(before) {
					t.Errorf("of %s %d decisions and %v, of v2 %d and %v", version, m, before, n, err)
				}
			}
		})
	}
}

// An agent of a version before may be killed while it writes, and one of this version goes on in the same file.
func TestLogOfTwoVersionsIsOneLog(t *testing.T) {
	for _, version := range []string{"v0", "v1"} {
		t.Run(version, func(t *testing.T) {
			old := stored(t, "rollback."+version+".jsonl")
			log := append(bytes.TrimRight(old[:len(old)/2], "\n"), stored(t, "rollback.v2.jsonl")...)
			holds(t, page(t, log), "is cut short: the agent was stopped while it wrote it", "Rolled back")
		})
	}
}

func TestLogOfANewerSlipwayIsRefused(t *testing.T) {
	const newer = `{"plan":{"batches":{"first":1}},"version":3,"now":0,"progress":["demo"]}` + "\n"
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
			want := fmt.Sprintf("audit log, line %d: written by a newer slipway: its version is 3, and this slipway reads up to "+
				"version 2: run the newer slipway", c.line)
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
	log := append([]byte(`{"level":"INFO","version":7}`+"\n"), stored(t, "rollback.v2.jsonl")...)
	if n, err := report.Replay(bytes.NewReader(log)); n == 0 || errors.Is(err, plan.ErrNewer) {
		t.Errorf("%d decisions, %v", n, err)
	}
	page(t, log)
}

// cpu is a pod template with so much of it.
func cpu(amount string) map[string]any {
	return map[string]any{"spec": map[string]any{"containers": []any{map[string]any{
		"name": "app", "image": "cart", "resources": map[string]any{"requests": map[string]any{"cpu": amount}},
	}}}}
}

// What is seen beside the pods that are released makes decisions too.
func TestReplayKnowsWhatElseWasSeen(t *testing.T) {
	set := cart(3, "cart:v2")
	set.Generation, set.Spec.UpdateType = 1, plan.InPlaceIfPossible
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
		"no room": {plan.BatchPlan{}, rollout.Observed{
			NoRoom: "ResourceQuota pods is full",
			Pods:   []rollout.Pod{pod("cart-1", "old")},
		}},
		"that the cluster resizes pods": {plan.BatchPlan{}, rollout.Observed{
			Resizes: true, Pods: []rollout.Pod{pod("cart-1", "old"), pod("cart-2", "old"), pod("cart-3", "old")},
			Revisions: []rollout.Revision{{Name: "old", Template: cpu("1")}, {Name: "new", Template: cpu("2")}},
		}},
		"a refusal": {plan.BatchPlan{}, rollout.Observed{Refused: &rollout.Refusal{
			Revision: "new", Object: "Pod cart-2",
			Message: "no",
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			o := c.observed
			o.Workload, o.UpdateRevision, o.StableRevision = set, "new", "old"
			o.Workload.Spec.Partition = plan.Pods(2)
			o.Workload.Status = plan.WorkloadStatus{ObservedGeneration: 1, Replicas: 3, UpdateRevision: "new", CurrentRevision: "old"}
			o.Progress.Revision, o.Progress.Stable = "new", "old"
			d := rollout.Decide(c.plan, o)
			without := o
			without.Stuck, without.Wrote, without.NoRoom, without.Refused, without.Resizes = nil, nil, "", nil, false
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
