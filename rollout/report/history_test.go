// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/report"
	"github.com/slipway-dev/slipway/rollout/sim"
)

// shifted is a log whose times are later.
func shifted(t *testing.T, log []byte, from int, by time.Duration) [][]byte {
	t.Helper()
	lines := bytes.SplitAfter(log, []byte{'\n'})
	lines = lines[:len(lines)-1]
	for i := from; i < len(lines); i++ {
		at := bytes.Index(lines[i], []byte(`"now":"`)) + len(`"now":"`)
		end := at + bytes.IndexByte(lines[i][at:], '"')
		now, err := time.Parse(time.RFC3339Nano, string(lines[i][at:end]))
		if err != nil {
			t.Fatal(err)
		}
		lines[i] = bytes.Replace(lines[i], lines[i][at:end], []byte(now.Add(by).Format(time.RFC3339Nano)), 1)
	}
	return lines
}

// restarted is a log of one release by two agents: the second begins a minute after the first has stopped in the middle,
// with a plan and a full observation.
func restarted(t *testing.T) []byte {
	t.Helper()
	var log bytes.Buffer
	plan := plan.BatchPlan{Batches: []plan.Batch{{Replicas: plan.Percent(100)}}}
	cluster := sim.New(cart(5, "cart:v2"), template("cart:v1"),
		sim.Options{Ready: sim.Ready{Least: 5 * time.Second, Most: 5 * time.Second}, Terminating: time.Second})
	audit, looks := report.NewAudit(&log, plan), 0
	late := time.Duration(0)
	if _, err := sim.Play(t.Context(), plan, cluster, func(o rollout.Observed, d rollout.Decision) {
		if looks++; looks == 7 {
			audit, late = report.NewAudit(&log, plan), time.Minute
		}
		o.Now = o.Now.Add(late)
		audit.Record(o, d)
	}); err != nil {
		t.Fatal(err)
	}
	return log.Bytes()
}

func TestRestartIsTheSameReleaseWithAGap(t *testing.T) {
	all, err := report.ReadHistory(bytes.NewReader(restarted(t)))
	if err != nil || len(all) != 1 {
		t.Fatalf("%d releases, %v", len(all), err)
	}
	holds(t, render(t, all[0]), "✓ Done", "Another agent goes on", "1m5s earlier without an end", "no agent",
		"No agent looked for 1m5s", "of 2 agents, one after the other")
}

func TestLogOfAKilledAgentIsShownAsFarAsItGoes(t *testing.T) {
	log := small(t)
	whole := bytes.SplitAfter(log, []byte{'\n'})
	for name, test := range map[string]struct {
		log  []byte
		want []string
	}{
		"half a line": {
			log[:len(log)-len(whole[len(whole)-2])/2-1],
			[]string{"Not finished", "Exit code – none in the log", "The last line is cut short"},
		},
		"half the log": {bytes.Join(whole[:len(whole)/2], nil), []string{"Not finished", "The log ends before the release does"}},
		"a line of it": {whole[0], []string{"Not finished", "5 pods as a table"}},
		"a broken line": {
			bytes.Join([][]byte{whole[0], []byte("{\"now\":\"20\n"), bytes.Join(whole[1:], nil)}, nil),
			[]string{"✓ Done", "Line 2 cannot be read and is left out"},
		},
		"an unknown entry": {
			bytes.Join([][]byte{whole[0], []byte("{\"weather\":{\"wind\":7}}\n"), bytes.Join(whole[1:], nil)}, nil),
			[]string{"✓ Done"},
		},
		"a run behind half a line": {
			bytes.Join([][]byte{whole[0], whole[1][:len(whole[1])/2], bytes.Join(whole, nil)}, nil),
			[]string{"✓ Done", "Line 2 is cut short: the agent was stopped while it wrote it", "of 2 agents"},
		},
		"the beginning missing": {
			append(bytes.Join(whole[2:4], nil), log...), []string{"✓ Done", "Line 1 is left out: the beginning of the log is missing"},
		},
	} {
		t.Run(name, func(t *testing.T) { holds(t, page(t, test.log), test.want...) })
	}
}

func TestWhatIsNoAuditLogIsRefused(t *testing.T) {
	log := small(t)
	for name, test := range map[string]struct{ log, want string }{
		"nothing":      {"", "the log is empty"},
		"blank":        {"\n\n", "the log is empty"},
		"text":         {"hello\nworld\n", "this is no audit log: no line of it holds a decision"},
		"other JSON":   {"{\"level\":\"info\"}\n", "the log is empty"},
		"no beginning": {string(log[bytes.IndexByte(log, '\n')+1:]), "the log does not begin with a plan"},
	} {
		if _, err := report.ReadHistory(strings.NewReader(test.log)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}

func TestLogOfSeveralReleasesHoldsThemApart(t *testing.T) {
	first := small(t)
	second := bytes.Join(shifted(t, small(t), 0, time.Hour), nil)
	all, err := report.ReadHistory(bytes.NewReader(append(first, second...)))
	if err != nil || len(all) != 2 {
		t.Fatalf("%d releases, %v", len(all), err)
	}
	holds(t, render(t, all[0]), "2026-01-01 00:00:00 to 00:01:44 UTC")
	holds(t, render(t, all[1]), "2026-01-01 01:00:00 to 01:01:44 UTC")
}

// A night of waiting would leave nothing to see of the minutes of work.
func TestLongPauseIsCutShortOnTheAxis(t *testing.T) {
	log := small(t)
	lines, approved := bytes.SplitAfter(log, []byte{'\n'}), 0
	for i, line := range lines {
		if approved == 0 && bytes.Contains(line, []byte(`"approved":1`)) {
			approved = i
		}
	}
	holds(t, page(t, bytes.Join(shifted(t, log, approved, 9*time.Hour), nil)),
		"Nothing changed for 9h0m30s: the axis is cut short there", "waits for approval", "Duration 9h1m44s")
}

func TestRollbackIsTold(t *testing.T) {
	plan := plan.BatchPlan{
		OnFailure: plan.RollbackInBatches, ProgressDeadline: time.Minute,
		Batches: []plan.Batch{{Replicas: plan.Pods(1)}, {Replicas: plan.Percent(100)}},
	}
	log := release(t, plan, cart(5, "cart:v2"), sim.Options{
		Broken: true, Ready: sim.Ready{Least: time.Second, Most: time.Second},
		Terminating: time.Second,
	})
	holds(t, page(t, log), "↩ Rolled back", "Exit code 12 RolledBack", "Revert it there", "Turns back", "1 back")
}

func TestPartitionModeHasNoLanes(t *testing.T) {
	h := report.NewHistory(plan.BatchPlan{Mode: plan.Partition})
	set := cart(5, "cart:v2")
	set.Status = plan.WorkloadStatus{Replicas: 5, ReadyReplicas: 5, AvailableReplicas: 5, UpdatedReplicas: 2}
	h.Record(rollout.Observed{Now: time.Unix(1e9, 0), Workload: set, UpdateRevision: "b", StableRevision: "a"},
		rollout.Decision{Verdict: rollout.Go, Reason: plan.PodsUpdating, Actions: []rollout.Action{{Kind: rollout.SetPartition}}})
	holds(t, render(t, h), "The log has no single pods", "1 of the partition", "Least available 5")
}

// What people ask for is told with who they are; what is measured is told one by one.
func TestPeopleAndMeasurementsAreTold(t *testing.T) {
	var log bytes.Buffer
	p := plan.BatchPlan{Batches: []plan.Batch{{Replicas: plan.Pods(1), Pause: plan.Pause{UntilApproved: true}}}}
	audit := report.NewAudit(&log, p)
	o := rollout.Observed{
		Now: time.Unix(1e9, 0).UTC(), Workload: cart(1, "cart:v2"), UpdateRevision: "b", StableRevision: "a",
		Pods: []rollout.Pod{},
	}
	audit.Record(o, rollout.Decision{Verdict: rollout.Go, Reason: plan.BatchStarted})
	audit.Measure(plan.Measurement{
		Check: "errors", Time: o.Now, Verdict: plan.CheckFailed, Value: "0.04",
		Message: "0.04, at most 0.01",
	})
	audit.Measure(plan.Measurement{
		Check: "errors", Time: o.Now.Add(time.Second), Verdict: plan.CheckInconclusive,
		Message: "connection refused", DryRun: true,
	})
	o.Now = o.Now.Add(time.Minute)
	o.Progress.Revision = "b"
	o.Progress.Requests = []rollout.Request{{Kind: rollout.Approve, By: "alice", At: o.Now, Why: "looks good"}}
	audit.Record(o, rollout.Decision{Verdict: rollout.Done, Reason: plan.Completed})
	holds(t, page(t, log.Bytes()), "A person asks to approve batch 1 – alice: looks good", "✕ Failed 0.04, at most 0.01",
		"? Inconclusive connection refused (dry run: it decides nothing)")
}
