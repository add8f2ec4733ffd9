// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"bytes"
	"flag"
	"fmt"
	"image/png"
	"os"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/fn/markup/browsertest"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/report"
	"github.com/slipway-dev/slipway/rollout/sim"
)

// picture is where make picture wants the picture of the README.
var picture = flag.String("picture", "", "write the picture of a report into this file")

// TestPicture makes the picture of a report that the README shows: a simulated release in three batches with an approval and
// a check. It holds what the page must say of it.
func TestPicture(t *testing.T) {
	set := cart(12, "registry.example.com/cart:2.4.0")
	set.Spec.MaxSurge, set.Spec.MaxUnavailable, set.Spec.MinReady = plan.Pods(2), plan.Pods(1), 5*time.Second
	plan := plan.BatchPlan{
		Checks: []plan.Check{{Name: "errors", Count: 3, Interval: 15 * time.Second}},
		Batches: []plan.Batch{
			{Replicas: plan.Pods(1), Pause: plan.Pause{UntilApproved: true}},
			{Replicas: plan.Percent(50), Pause: plan.Pause{Duration: time.Minute}, Checks: []string{"errors"}},
			{Replicas: plan.Percent(100)},
		},
	}
	options := sim.Options{
		Seed: 5, Ready: sim.Ready{Least: 8 * time.Second, Most: 35 * time.Second}, Terminating: 4 * time.Second,
		Approval: 45 * time.Second,
		Checks: func(_ string, batch int) (bool, string) {
			return true, fmt.Sprintf("error rate 0.00%d, at most 0.01", batch+1)
		},
	}
	h := report.NewHistory(plan)
	h.Simulated = true
	cluster := sim.New(set, template("registry.example.com/cart:2.3.1"), options)
	if _, err := sim.Play(t.Context(), plan, cluster, h.Record); err != nil {
		t.Fatal(err)
	}
	all := render(t, h)
	holds(t, all, "Simulated release", "✓ Done", "Batches 3 of 3", "Budget kept", "Approved", "error rate 0.002, at most 0.01")
	if *picture == "" {
		return
	}
	b := browsertest.Open(t, all, 960, false)
	var hidden int // tables, which would make the picture a long one
	b.Ask(`["story", "batches", "checks"].filter((id) => document.getElementById(id).hidden = true).length`, &hidden)
	shot := b.ScreenshotTo(`document.getElementById("pods").getBoundingClientRect().bottom + scrollY + 16`)
	shown, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		t.Fatal(err)
	}
	var small bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, shown); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(*picture, small.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}
