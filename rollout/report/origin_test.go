// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"bytes"
	"fmt"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/fn/markup/browsertest"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/report"
	"github.com/slipway-dev/slipway/rollout/sim"
)

// shop is the log of a release with everything that a page can say: a plan with a name, a cluster, a Git commit, an approval by
// name, and a check whose values rise above their limit.
func shop(t *testing.T) []byte {
	t.Helper()
	limit := 0.01
	p := plan.BatchPlan{
		Name: "cart-in-three", Target: plan.Target{APIVersion: "apps.kruise.io/v1alpha1", Kind: "CloneSet", Name: "cart"},
		Checks: []plan.Check{{
			Name: "errors", Prometheus: &plan.Prometheus{Range: plan.Range{Max: &limit}}, Interval: time.Second,
			Count: 3, DryRun: true,
		}},
		Batches: []plan.Batch{
			{Replicas: plan.Pods(1), Pause: plan.Pause{UntilApproved: true}}, {Replicas: plan.Percent(50)}, {Replicas: plan.Percent(100)},
		},
	}
	var b bytes.Buffer
	audit := report.NewAudit(&b, p)
	audit.Cluster("https://10.20.0.1:6443, context prod")
	set := cart(5, "cart:v2")
	set.Commit = "4f1c2d8"
	measured := 0
	_, err := sim.Play(t.Context(), p, sim.New(set, template("cart:v1"), sim.Options{
		Ready: sim.Ready{Least: 5 * time.Second, Most: 20 * time.Second}, Terminating: time.Second, Approval: 30 * time.Second,
	}), func(o rollout.Observed, d rollout.Decision) {
		o.Workload.Commit = set.Commit
		if o.Progress.Revision != "" {
			o.Progress.Requests = []rollout.Request{{
				Kind: rollout.Approve, By: "alice", At: time.Date(2026, 1, 1, 0, 0, 40, 0, time.UTC),
				Why: "looks good",
			}}
		}
		audit.Record(o, d)
		measured++
		value := float64(measured) / 1500
		m := plan.Measurement{
			Check: "errors", Batch: d.Batch, Number: measured, Time: o.Now, Verdict: plan.CheckPassed, Value: fmt.Sprint(value),
			Message: fmt.Sprintf("%.4f, at most 0.01", value),
		}
		if value > limit {
			m.Verdict = plan.CheckFailed
		}
		audit.Measure(m)
	})
	if err != nil || audit.Err() != nil {
		t.Fatal(err, audit.Err())
	}
	return b.Bytes()
}

// several is one page about three releases.
func several(t *testing.T) string {
	t.Helper()
	var all []*report.History
	for i, log := range [][]byte{shop(t), small(t), release(t, plan.BatchPlan{ProgressDeadline: time.Minute}, cart(5, "cart:v2"),
		sim.Options{Broken: true})} {
		h, err := report.ReadHistory(bytes.NewReader(log))
		if err != nil {
			t.Fatal(err)
		}
		h[0].Source = fmt.Sprintf("release-%d.jsonl", i)
		all = append(all, h[0])
	}
	var b bytes.Buffer
	if err := report.HTML(&b, all...); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPageSaysWhereTheReleaseRanAndWhoLetItPass(t *testing.T) {
	all := page(t, shop(t))
	holds(t, all, "plan cart-in-three", "Git commit 4f1c2d8", "cluster https://10.20.0.1:6443, context prod", "Let pass by",
		"alice ")
	if strings.Count(all, `<th scope="col">Let pass by`) != 1 || strings.Contains(page(t, small(t)), "Let pass by") {
		t.Error("the column of approvals is not where there are some, and only there")
	}
}

// A moment is told as the time since the beginning, and by the clock where that is no virtual one.
func TestPageShowsTheTimeOfDay(t *testing.T) {
	if all := page(t, small(t)); !strings.Contains(all, `<td class="number">0s <small title="2026-01-01 00:00:00 `+
		`UTC">00:00:00</small></td>`) {
		t.Errorf("no time of day: %.2000s", all[strings.Index(all, "<section id=\"decisions"):])
	}
	h, err := report.ReadHistory(bytes.NewReader(small(t)))
	if err != nil {
		t.Fatal(err)
	}
	h[0].Simulated = true
	if all := render(t, h[0]); strings.Contains(all, "<small title=") {
		t.Error("a virtual clock has a time of day")
	}
}

func TestChecksAreCurves(t *testing.T) {
	all := page(t, shop(t))
	for _, want := range []string{
		`aria-label="errors: `, " asked for, ", `<path class="curve bound" d="M0 `,
		`<path class="curve outside" d="M`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(page(t, small(t)), "<figure") {
		t.Error("a check without numbers is drawn")
	}
}

func TestSeveralReleasesAreOnePage(t *testing.T) {
	all := several(t)
	holds(t, all, "3 releases", "✓ Done", "✕ Stopped: a batch took too long", "From release-2.jsonl")
	ids := map[string]bool{}
	for _, part := range strings.Split(all, ` id="`)[1:] {
		id, _, _ := strings.Cut(part, `"`)
		if ids[id] {
			t.Errorf("two elements have the id %s", id)
		}
		ids[id] = true
	}
	for _, part := range strings.Split(all, ` href="#`)[1:] {
		if id, _, _ := strings.Cut(part, `"`); !ids[id] {
			t.Errorf("a link leads to %s, which is not there", id)
		}
	}
}

// TestSeveralReleasesInABrowser looks at the page as people have it before them, also on a phone and on paper.
func TestSeveralReleasesInABrowser(t *testing.T) {
	b, all := browsertest.Start(t, 1100, false), several(t)
	for _, c := range []struct {
		name  string
		dark  bool
		width int
	}{{"light", false, 1100}, {"phone-dark", true, 375}} {
		b.Run(c.name, func(t *testing.T) {
			b.Screen(c.width, c.dark)
			b.Show(all)
			b.Sound()
			shot := b.Screenshot()
			browsertest.Keep(t, shot, "releases-"+c.name+".png")
			picture, err := png.Decode(bytes.NewReader(shot))
			if err != nil {
				t.Fatal(err)
			}
			if light := brightness(picture.At(2, 2)); (light < 0.2) != c.dark {
				t.Errorf("the background has brightness %.2f", light)
			}
			var filtered string
			b.Ask(`(() => {
				const forms = document.querySelectorAll("form.filter");
				forms[1].querySelector("input").value = "no such word";
				forms[1].dispatchEvent(new Event("input"));
				return Array.from(forms, (f) => f.querySelector("output").textContent.split(" ")[0] === "0").join();
			})()`, &filtered)
			if filtered != "false,true,false" {
				t.Errorf("the filter of the second release leaves none in %s", filtered)
			}
			if said := b.Complaints(); len(said) > 0 {
				t.Errorf("the browser complains: %s", said)
			}
			browsertest.Keep(t, b.Print(), "releases-"+c.name+".pdf")
		})
	}
}
