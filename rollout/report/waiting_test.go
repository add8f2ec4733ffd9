// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/report"
	"github.com/slipway-dev/slipway/rollout/sim"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

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

// TestRowsTellOfTroubleOnce has a pod go to and fro between two reasons: each gets one row.
func TestRowsTellOfTroubleOnce(t *testing.T) {
	var rows []string
	recorder := report.Recorder{Emit: func(r report.Row) error {
		reason := "-"
		if len(r.Waiting) > 0 {
			reason = r.Waiting[0].Reason
		}
		rows = append(rows, reason)
		return nil
	}}
	for _, reason := range []string{
		"ContainerCreating", "ContainersNotReady", "ErrImagePull", "ImagePullBackOff", "ErrImagePull",
		"ImagePullBackOff",
	} {
		recorder.Record(holding(failing("web-1", waiting.Why{State: reason, Reason: reason})))
	}
	if diff := cmp.Diff([]string{"ContainerCreating", "ErrImagePull", "ImagePullBackOff"}, rows); diff != "" {
		t.Error(diff)
	}
}

// TestPageSaysWhyPodsAreNotReady in the lane of a pod, in the table and among the milestones.
func TestPageSaysWhyPodsAreNotReady(t *testing.T) {
	log := release(t, plan.BatchPlan{ProgressDeadline: time.Minute}, cart(5, "cart:v2"), sim.Options{Broken: true})
	h, err := report.ReadHistory(bytes.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := report.HTML(&page, h[0]); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{" ✕ CrashLoopBackOff</em>", "guest; CrashLoopBackOff<", "CrashLoopBackOff (cart-"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}
