// SPDX-License-Identifier: Apache-2.0

package trust_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/ondelete"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/trust"
)

var (
	began = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	same  = cmp.Comparer(func(a, b plan.Quantity) bool { return a == b })
)

// waiting is a release of five pods whose first batch waits for its approval.
func waiting() (plan.BatchPlan, rollout.Progress) {
	pause := plan.Pause{UntilApproved: true}
	return plan.BatchPlan{Batches: []plan.Batch{
			{Replicas: plan.Pods(1), Pause: pause},
			{Replicas: plan.Pods(3), Pause: pause},
			{Replicas: plan.Percent(100)},
		}},
		rollout.Progress{Revision: "new", Stable: "old", Started: began, Ready: began.Add(time.Minute)}
}

// TestAsked believes a request that stands where slipway writes it, in the name of the person that it says.
func TestAsked(t *testing.T) {
	approve := rollout.Request{Kind: rollout.Approve, By: "alice", At: began.Add(2 * time.Minute)}
	later := rollout.Request{Kind: rollout.Approve, By: "bob", Batch: 1, At: began.Add(3 * time.Minute)}
	const alice, bob = "slipway/alice", "slipway/bob"
	for _, c := range []struct {
		name    string
		entries []entry
		passed  int // batches that may pass
		warning string
	}{
		{"alice's", []entry{{approve, alice, began.Add(2 * time.Minute), ""}}, 1, ""},
		{"of two people, whatever their order in the map", []entry{
			{later, bob, began.Add(3 * time.Minute), ""},
			{approve, alice, began.Add(2 * time.Minute), ""},
		}, 2, ""},
		{
			"an edit",
			[]entry{{approve, "kubectl-edit", began.Add(time.Hour), ""}},
			0,
			`it says that alice asked to approve batch 1, and the field manager "kubectl-edit", last at 2026-01-05T10:00:00Z, has ` +
				`written it`,
		},
		{"somebody else's name", []entry{{approve, bob, began.Add(2 * time.Minute), ""}}, 0, "it says that alice asked"},
		{"nobody's", []entry{{approve, "", time.Time{}, ""}}, 0, "nobody known has written it"},
		{"of a time to come", []entry{{later, bob, began, ""}}, 0, "it says that it was asked at 2026-01-05T09:03:00Z"},
		{"under another key", []entry{{approve, alice, began.Add(time.Hour), "request-1"}}, 0, "its key is not that of"},
		{
			"one of two",
			[]entry{{approve, alice, began.Add(2 * time.Minute), ""}, {later, "kubectl-edit", began.Add(time.Hour), ""}},
			1,
			"it says that bob asked",
		},
		{"a batch that there is not", []entry{{
			rollout.Request{Kind: rollout.Approve, By: "alice", Batch: 9, At: began},
			alice, began,
			"",
		}}, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, progress := waiting()
			got, warnings := trust.Asked(recordOf(t, c.entries), p, progress)
			passed := 0
			for batch := range p.Batches {
				if _, ok := got.Approval(batch); ok {
					passed++
				}
			}
			if passed != c.passed || got.Approved > c.passed {
				t.Errorf("%d batches may pass, want %d: %+v", passed, c.passed, got)
			}
			if said := strings.Join(warnings, "\n"); !strings.Contains(said, c.warning) || (said != "") != (c.warning != "") {
				t.Errorf("warnings %q, want %q", said, c.warning)
			}
			again, _ := trust.Asked(recordOf(t, c.entries), p, got)
			if diff := cmp.Diff(got, again, same); diff != "" {
				t.Errorf("asked once more it is another progress:\n%s", diff)
			}
		})
	}
}

type entry struct {
	request rollout.Request
	manager string
	at      time.Time
	key     string // "": the right one
}

func recordOf(t *testing.T, entries []entry) kube.Record {
	t.Helper()
	var record kube.Record
	record.Namespace, record.Name, record.Data = "shop", "slipway-demo", map[string]string{}
	for _, e := range entries {
		text, err := json.Marshal(e.request)
		if err != nil {
			t.Fatal(err)
		}
		key := e.key
		if key == "" {
			key = kube.RequestKey(e.request)
		}
		record.Data[key] = string(text)
		if e.manager != "" {
			record.ManagedFields = append(record.ManagedFields, metav1.ManagedFieldsEntry{
				Manager: e.manager, Time: &metav1.Time{Time: e.at}, FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:` + key + `":{}}}`),
			})
		}
	}
	return record
}

// TestEdited keeps what the agent has written itself, whatever somebody else makes of it.
func TestEdited(t *testing.T) {
	_, own := waiting()
	hold, abort := rollout.Request{Kind: rollout.Pause, By: "alice"}, rollout.Request{Kind: rollout.Abort, By: "bob"}
	for _, c := range []struct {
		name   string
		edit   func(*rollout.Progress)
		expect func(*rollout.Progress) // nil: nothing changes
	}{
		{"batch", func(p *rollout.Progress) { p.Batch = 2 }, nil},
		{"completed", func(p *rollout.Progress) { p.Outcome = plan.Completed }, nil},
		{"stopped", func(p *rollout.Progress) { p.Outcome = plan.ChecksFailed }, nil},
		{"finished", func(p *rollout.Progress) { p.Finished = true }, nil},
		{"stable", func(p *rollout.Progress) { p.Stable = "bad" }, nil},
		{"revision", func(p *rollout.Progress) { p.Revision = "bad" }, nil},
		{"times", func(p *rollout.Progress) { p.Started, p.Ready = time.Time{}, time.Time{} }, nil},
		{"first", func(p *rollout.Progress) { p.First = true }, nil},
		{"back", func(p *rollout.Progress) { p.Back, p.Restored = true, true }, nil},
		{"partition", func(p *rollout.Progress) { p.Stepped, p.Step, p.Kept, p.Resting = true, 1, 5, plan.Pods(0) }, nil},
		{"approved", func(p *rollout.Progress) { p.Approved = 3 }, nil},
		{"an approval", func(p *rollout.Progress) {
			p.Requests = []rollout.Request{{Kind: rollout.Approve, All: true, By: "alice"}}
		}, nil},
		{"a promotion", func(p *rollout.Progress) {
			p.Requests = []rollout.Request{{Kind: rollout.Promote, All: true, By: "alice"}}
		}, nil},
		{"nothing is left", func(p *rollout.Progress) { *p = rollout.Progress{} }, nil},
		{
			"held", func(p *rollout.Progress) { p.Pause, p.Requests = true, []rollout.Request{hold} },
			func(p *rollout.Progress) { p.Pause, p.Requests = true, []rollout.Request{hold} },
		},
		{
			"aborted", func(p *rollout.Progress) { p.Abort, p.Requests = true, []rollout.Request{abort} },
			func(p *rollout.Progress) { p.Abort, p.Requests = true, []rollout.Request{abort} },
		},
		{"undone", func(p *rollout.Progress) { p.Undo = true }, func(p *rollout.Progress) { p.Undo = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			found, want := own, own
			c.edit(&found)
			if c.expect != nil {
				c.expect(&want)
			}
			if diff := cmp.Diff(want, trust.Edited(own, found), same); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	held := own
	held.Pause = true
	if !trust.Edited(held, own).Pause {
		t.Error("an edit resumes what is held")
	}
}

// TestAfresh goes through the batches again, and remembers where a partition rests.
func TestAfresh(t *testing.T) {
	_, found := waiting()
	found.Batch, found.Approved, found.First = 2, 3, true
	found.Stepped, found.Step, found.Resting, found.Abort = true, 2, plan.Percent(100), true
	found.Requests = []rollout.Request{{Kind: rollout.Approve, All: true, By: "alice"}}
	want := rollout.Progress{Stable: "old", Stepped: true, Step: 2, Resting: plan.Percent(100), Abort: true}
	if diff := cmp.Diff(want, trust.Afresh(found), same); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	found.Outcome = plan.Completed
	if diff := cmp.Diff(want, trust.Afresh(found), same); diff != "" {
		t.Errorf("completed (-want +got):\n%s", diff)
	}
	found.Outcome = plan.ChecksFailed
	if diff := cmp.Diff(found, trust.Afresh(found), same); diff != "" {
		t.Errorf("stopped (-want +got):\n%s", diff)
	}
}

// TestChecked holds what a record claims against the pods, in both modes.
func TestChecked(t *testing.T) {
	for _, c := range []struct {
		name    string
		claim   func(*rollout.Progress)
		old     int // pods
		stable  string
		batch   int // that it goes on in; -1: it begins again
		warning string
	}{
		{"what the pods show", func(p *rollout.Progress) { p.Batch = 1 }, 4, "old", 1, ""},
		{"fewer old pods than that", func(*rollout.Progress) {}, 0, "old", 0, ""},
		{
			"a batch beyond", func(p *rollout.Progress) { p.Batch = 2 }, 4, "old", 1,
			"it says that batch 2 has passed, which leaves 2 older pods, and there are 4",
		},
		{"two batches beyond", func(p *rollout.Progress) { p.Batch = 2 }, 5, "old", 0, "it says that batch 2 has passed"},
		{"more batches than there are", func(p *rollout.Progress) { p.Batch = 9 }, 5, "old", 0, "it says that batch 2 has passed"},
		{
			"completed", func(p *rollout.Progress) { p.Finished = true }, 4, "old", -1,
			"it says that every pod is updated, and 4 are not",
		},
		{"truly completed", func(p *rollout.Progress) { p.Batch, p.Finished = 2, true }, 0, "old", 2, ""},
		{
			"another revision to go back to", func(p *rollout.Progress) { p.Stable = "bad" }, 4, "old", 0,
			"it says that the release goes back to bad, and the current revision is old",
		},
		{"the same on its way back", func(p *rollout.Progress) { p.Stable, p.Back = "bad", true }, 4, "old", 0, "goes back to bad"},
		{"where nobody knows the current one", func(p *rollout.Progress) { p.Stable = "older" }, 4, "", 0, ""},
		{"where the current one is the new one", func(p *rollout.Progress) { p.Stable = "older" }, 4, "new", 0, ""},
	} {
		for _, mode := range []plan.Mode{plan.Direct, plan.Partition} {
			t.Run(c.name+" "+string(mode), func(t *testing.T) {
				p, found := waiting()
				p.Mode = mode
				c.claim(&found)
				got, warnings := trust.Checked(p, found, observed(c.old), c.stable)
				if said := strings.Join(warnings, "\n"); !strings.Contains(said, c.warning) || (said != "") != (c.warning != "") {
					t.Errorf("warnings %q, want %q", said, c.warning)
				}
				if begins := got.Revision == ""; begins != (c.batch < 0) || !begins && got.Batch != c.batch {
					t.Errorf("it goes on with %+v, want batch %d", got, c.batch)
				}
				if strings.Contains(c.warning, "goes back") && got.Stable != c.stable {
					t.Errorf("it goes back to %s", got.Stable)
				}
			})
		}
	}
}

// TestCheckedByNodes counts for a batch the pods on its nodes, and none on a node that is closed, wherever nodes are read or
// only the status says how many pods are there in vain.
func TestCheckedByNodes(t *testing.T) {
	canary := &plan.Selector{Labels: map[string]string{"pool": "canary"}}
	for _, c := range []struct {
		name    string
		claim   func(*rollout.Progress)
		old     int  // pods of five, the last ones
		closed  int  // nodes of them, the last ones
		nodes   bool // they are read
		warning string
	}{
		{"the canaries are done", func(p *rollout.Progress) { p.Batch = 1 }, 3, 0, true, ""},
		{
			"one of them is not", func(p *rollout.Progress) { p.Batch = 1 }, 4, 0, true,
			"it says that batch 1 has passed, which leaves 3 older pods, and there are 4",
		},
		{"a node is closed", func(p *rollout.Progress) { p.Batch = 1 }, 3, 1, true, ""},
		{"completed but for a closed node", func(p *rollout.Progress) { p.Batch, p.Finished = 1, true }, 1, 1, true, ""},
		{
			"completed, and it is not", func(p *rollout.Progress) { p.Batch, p.Finished = 1, true }, 2, 1, true,
			"it says that every pod is updated, and 1 are not",
		},
		{"completed by the status", func(p *rollout.Progress) { p.Batch, p.Finished = 1, true }, 1, 1, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := plan.BatchPlan{Mode: plan.Delete, Batches: []plan.Batch{{Nodes: canary}, {Replicas: plan.Percent(100)}}}
			if !c.nodes {
				p.Batches[0] = plan.Batch{Replicas: plan.Pods(2)}
			}
			found := rollout.Progress{Revision: "new", Stable: "old", Started: began, Ready: began.Add(time.Minute)}
			c.claim(&found)
			o := observed(0)
			o.Workload.Spec.Replicas -= c.closed
			for i := range o.Pods {
				o.Pods[i].Node = string(rune('a' + i))
				if i >= 5-c.old {
					o.Pods[i].Revision = "old"
				}
				node := ondelete.Node{Name: o.Pods[i].Node, Closed: i >= 5-c.closed}
				if i < 2 {
					node.Labels = canary.Labels
				}
				if c.nodes {
					o.Nodes = append(o.Nodes, node)
				} else {
					o.Workload.Status.Astray = c.closed
				}
			}
			_, warnings := trust.Checked(p, found, o, "")
			if diff := cmp.Diff(c.warning, strings.Join(warnings, "\n")); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCheckedInOtherWorlds holds a claim against ReplicaSets, and against pods where batches are nodes.
func TestCheckedInOtherWorlds(t *testing.T) {
	canary := &plan.Selector{Labels: map[string]string{"canary": "true"}}
	onNodes := plan.BatchPlan{Mode: plan.Delete, Batches: []plan.Batch{{Nodes: canary}, {Replicas: plan.Percent(100)}}}
	ofSets, _ := waiting()
	ofSets.Mode = plan.Partition
	for _, c := range []struct {
		name    string
		plan    plan.BatchPlan
		look    *rollout.Observed
		claim   func(*rollout.Progress)
		batch   int // that it goes on in; -1: it begins again
		warning string
	}{
		{"ReplicaSets show it", ofSets, sets(4, 1, ""), func(p *rollout.Progress) { p.Batch = 1 }, 1, ""},
		{"a step is under way", ofSets, sets(4, 3, ""), func(p *rollout.Progress) { p.Batch = 1 }, 1, ""},
		{
			"a batch beyond the ReplicaSets", ofSets, sets(4, 1, ""), func(p *rollout.Progress) { p.Batch = 2 }, 1,
			"it says that batch 2 has passed, which leaves 2 older pods, and there are 4",
		},
		{
			"ReplicaSets that are not done", ofSets, sets(4, 1, ""), func(p *rollout.Progress) { p.Finished = true }, -1,
			"it says that every pod is updated, and 4 are not",
		},
		{"done", ofSets, sets(0, 5, ""), func(p *rollout.Progress) { p.Batch, p.Finished = 2, true }, 2, ""},
		{
			"a first one, with older pods", ofSets, sets(4, 1, ""), func(p *rollout.Progress) { p.Batch, p.First = 2, true }, -1,
			"it says that there was nothing to protect, and 4 pods are older",
		},
		{"back to what it ran", ofSets, sets(4, 1, "new"), func(p *rollout.Progress) { p.Batch, p.First = 2, true }, 2, ""},
		{"nodes show it", onNodes, nodes("old", "new"), func(p *rollout.Progress) { p.Batch = 1 }, 1, ""},
		{
			"a batch of nodes beyond", onNodes, nodes("old", "old"), func(p *rollout.Progress) { p.Batch = 1 }, 0,
			"it says that batch 1 has passed, which leaves 1 older pods, and there are 2",
		},
		{"pods of nodes, done", onNodes, nodes("new", "new"), func(p *rollout.Progress) { p.Outcome = plan.Completed }, 0, ""},
		{
			"pods of nodes that are not done", onNodes, nodes("old", "new"), func(p *rollout.Progress) { p.Outcome = plan.Completed }, -1,
			"it says that every pod is updated, and 1 are not",
		},
		{
			"a first one on nodes", onNodes, nodes("old", "new"), func(p *rollout.Progress) { p.Batch, p.First = 1, true }, -1,
			"it says that there was nothing to protect",
		},
		{"no pod served", ofSets, observed(4), func(p *rollout.Progress) { p.Batch, p.First = 2, true }, 2, ""},
		{
			"pods served", ofSets, serving(4), func(p *rollout.Progress) { p.Batch, p.First = 2, true }, -1,
			"it says that there was nothing to protect",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, found := waiting()
			c.claim(&found)
			got, warnings := trust.Checked(c.plan, found, c.look, "")
			if said := strings.Join(warnings, "\n"); !strings.Contains(said, c.warning) || (said != "") != (c.warning != "") {
				t.Errorf("warnings %q, want %q", said, c.warning)
			}
			if begins := got.Revision == ""; begins != (c.batch < 0) || !begins && got.Batch != c.batch {
				t.Errorf("it goes on with %+v, want batch %d", got, c.batch)
			}
			if c.batch < 0 && (got.First || got.Finished || got.Outcome != "") {
				t.Errorf("it begins again with %+v", got)
			}
		})
	}
}

// sets is a look at a Deployment of five pods; stable is what its annotation says that it ran before.
func sets(older, updated int, stable string) *rollout.Observed {
	o := &rollout.Observed{Now: began.Add(time.Hour), UpdateRevision: "new", Sets: []rollout.ReplicaSet{
		{Revision: "older", Replicas: min(older, 1)},
		{Revision: "old", Replicas: max(older-1, 0)},
		{Revision: "new", Replicas: updated},
	}}
	o.Workload.Spec = plan.WorkloadSpec{Replicas: 5, MaxSurge: plan.Pods(2)}
	o.Workload.Rolling = &plan.Rolling{MinReady: plan.SentinelReady, Original: &plan.Original{Stable: stable, Revision: "new"}}
	return o
}

// nodes is a look at a DaemonSet on a canary, on another node, and on one that is closed.
func nodes(other, canary string) *rollout.Observed {
	o := &rollout.Observed{Now: began.Add(time.Hour), UpdateRevision: "new", Nodes: []ondelete.Node{
		{Name: "a"}, {Name: "b", Labels: map[string]string{"canary": "true"}}, {Name: "c", Closed: true},
	}}
	o.Workload.Spec = plan.WorkloadSpec{Replicas: 2, MaxUnavailable: plan.Pods(1), OnDelete: true}
	for node, revision := range map[string]string{"a": other, "b": canary, "c": "old"} {
		o.Pods = append(o.Pods, rollout.Pod{Revision: revision, Phase: rollout.PodRunning, Node: node})
	}
	return o
}

// serving is a look at five pods, some of which are old, all of which are ready.
func serving(old int) *rollout.Observed {
	o := observed(old)
	o.Workload.Status.ReadyReplicas = 5
	return o
}

// observed is a look at five pods, some of which are old, as both modes see them.
func observed(old int) *rollout.Observed {
	o := &rollout.Observed{Now: began.Add(time.Hour), UpdateRevision: "new"}
	o.Workload.Spec = plan.WorkloadSpec{Replicas: 5, MaxUnavailable: plan.Pods(1)}
	o.Workload.Status = plan.WorkloadStatus{Replicas: 5, UpdatedReplicas: 5 - old}
	for i := range 5 {
		revision := "new"
		if i < old {
			revision = "old"
		}
		o.Pods = append(o.Pods, rollout.Pod{Revision: revision, Phase: rollout.PodRunning})
	}
	return o
}
