// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/report"
	"github.com/slipway-dev/slipway/rollout/sim"
)

// template is a pod template with an image.
func template(image string) map[string]any {
	return map[string]any{
		"metadata": map[string]any{"labels": map[string]any{"app": "cart"}},
		"spec":     map[string]any{"containers": []any{map[string]any{"name": "app", "image": image}}},
	}
}

// cart is a CloneSet of the given number of pods with one surge pod in ten.
func cart(replicas int, image string) plan.Workload {
	return plan.Workload{
		APIVersion: "apps.kruise.io/v1alpha1", Namespace: "shop", Name: "cart", UID: "u1", Generation: 1,
		Spec: plan.WorkloadSpec{
			Replicas: replicas, Template: template(image), UpdateType: plan.InPlaceIfPossible, MaxSurge: plan.Percent(10),
			Selector: plan.Selector{Labels: map[string]string{"app": "cart"}},
		},
	}
}

// release plays a release and returns its audit log.
func release(t *testing.T, plan plan.BatchPlan, set plan.Workload, options sim.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	audit := report.NewAudit(&b, plan)
	if _, err := sim.Play(t.Context(), plan, sim.New(set, template("cart:v1"), options), audit.Record); err != nil {
		t.Fatal(err)
	}
	if audit.Err() != nil {
		t.Fatal(audit.Err())
	}
	return b.Bytes()
}

// small is the log of a release of five pods in two batches, with an approval.
func small(t *testing.T) []byte {
	t.Helper()
	plan := plan.BatchPlan{
		Checks: []plan.Check{{Name: "errors", Count: 1, Interval: time.Second}},
		Batches: []plan.Batch{
			{Replicas: plan.Pods(1), Pause: plan.Pause{UntilApproved: true}, Checks: []string{"errors"}}, {Replicas: plan.Percent(100)},
		},
	}
	return release(t, plan, cart(5, "cart:v2"), sim.Options{
		Ready: sim.Ready{Least: 5 * time.Second, Most: 20 * time.Second}, Terminating: time.Second, Approval: 30 * time.Second,
	})
}

// page is the page of the last release of a log.
func page(t *testing.T, log []byte) string {
	t.Helper()
	all, err := report.ReadHistory(bytes.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	return render(t, all[len(all)-1])
}

func render(t *testing.T, h *report.History) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.HTML(&b, h); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// text is what a page says: without tags, style and script.
func text(page string) string {
	page = regexp.MustCompile(`(?s)<(style|script)>.*?</(style|script)>`).ReplaceAllString(page, "")
	return strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, " ")), " ")
}

// holds fails unless the page says all of the words.
func holds(t *testing.T, page string, words ...string) {
	t.Helper()
	said := text(page)
	for _, w := range words {
		if !strings.Contains(said, w) {
			t.Errorf("the page does not say %q, but: %.1500s", w, said)
		}
	}
}

func TestPageTellsHowTheReleaseWent(t *testing.T) {
	log := small(t)
	all := page(t, log)
	holds(t, all, "CloneSet shop/cart", "✓ Done", "image of app: cart:v1 → cart:v2", "Batch 2 of 2: 5 of 5 updated pods ready.",
		"Least available 5 at least 5 asked for", "Most pods 6 at most 6 allowed", "Budget kept", "Batches 2 of 2",
		"Exit code 0 Completed",
		"Approved", "waits for approval", "errors ✓ Passed", "pods as a table")
	if n := strings.Count(all, `class="row"`); n < 5 {
		t.Errorf("there are %d lanes for 5 pods", n)
	}
}

func TestPageLoadsNothing(t *testing.T) {
	all := page(t, small(t))
	for _, forbidden := range []string{"http:", "https:", "//", "@import", "url(", "src="} {
		if strings.Contains(all, forbidden) {
			t.Errorf("the page contains %s", forbidden)
		}
	}
	if !strings.Contains(all, `content="default-src &#39;none&#39;;`) {
		t.Error("the page does not forbid the browser to load anything")
	}
}

// Names, messages and values come from a cluster. None of them may become markup.
func TestPageEscapesWhatItIsGiven(t *testing.T) {
	const evil = `"><script>alert(1)</script><img src=x onerror='alert(2)'>`
	h := report.NewHistory(plan.BatchPlan{Target: plan.Target{Kind: evil}, Batches: []plan.Batch{{Replicas: plan.Pods(1)}}})
	h.Source = evil
	set := cart(1, evil)
	set.Name, set.Namespace = evil, evil
	o := rollout.Observed{
		Now: time.Unix(1e9, 0), Workload: set, UpdateRevision: evil + "2", StableRevision: evil,
		Revisions: []rollout.Revision{{Name: evil, Template: template("safe" + evil)}},
		Pods:      []rollout.Pod{{Name: evil, UID: evil, Revision: evil, Phase: rollout.PodRunning, Node: evil}},
		Checks:    []plan.CheckResult{{Name: evil, Verdict: evil, Message: evil}},
		Progress:  rollout.Progress{Revision: evil + "2", Stable: evil},
	}
	h.Record(o, rollout.Decision{
		Verdict: rollout.Wait, Reason: evil, Message: evil,
		Actions: []rollout.Action{{Kind: evil, Reason: evil}},
	})
	o.Now = o.Now.Add(time.Minute)
	h.Record(o, rollout.Decision{Verdict: rollout.Stopped, Reason: plan.Invalid, Message: evil})
	all := render(t, h)
	if strings.Count(all, "<script") != 1 || strings.Contains(all, "<img") {
		t.Errorf("what the page was given became markup: %.3000s", all)
	}
	inTags := regexp.MustCompile(`<[a-z0-9]+( [a-zA-Z-]+="[^"<>]*")*>|</[a-z0-9]+>|<!doctype html>`)
	rest := inTags.ReplaceAllString(regexp.MustCompile(`(?s)<(style|script)>.*?</(style|script)>`).ReplaceAllString(all, ""), "")
	if i := strings.IndexAny(rest, "<>"); i >= 0 {
		t.Errorf("something that is no tag looks like one: %.200s", rest[i:])
	}
}

func TestPageIsTheSameEveryTime(t *testing.T) {
	log := small(t)
	if first, second := page(t, log), page(t, log); first != second {
		t.Error("two renderings differ")
	}
}

// TestPageOfAHugeReleaseStaysSmall is about 1,000 pods that are all replaced, in some ten thousand observations.
func TestPageOfAHugeReleaseStaysSmall(t *testing.T) {
	set := cart(1000, "cart:v2")
	set.Spec.UpdateType, set.Spec.MaxSurge = plan.ReCreate, plan.Pods(2)
	if testing.Short() {
		set.Spec.Replicas = 300
	}
	log := release(t, plan.BatchPlan{Batches: []plan.Batch{{Replicas: plan.Percent(10)}, {Replicas: plan.Percent(100)}}}, set,
		sim.Options{
			Ready: sim.Ready{Least: 5 * time.Second, Most: 90 * time.Second}, Terminating: 10 * time.Second, Crashes: 5,
			Horizon: time.Hour,
		})
	all := page(t, log)
	t.Logf("%d lines, %d bytes of log, %d bytes of page", bytes.Count(log, []byte{'\n'}), len(log), len(all))
	if len(all) > 2_000_000 {
		t.Errorf("the page has %d bytes", len(all))
	}
	holds(t, all, fmt.Sprintf("120 of %d pods", 2*set.Spec.Replicas), "lost readiness")
	if !testing.Short() { // fewer pods have all their decisions on the page
		holds(t, all, "left out here")
	}
	if dir := os.Getenv("SLIPWAY_SCREENSHOTS"); dir != "" {
		_ = os.WriteFile(dir+"/huge.html", []byte(all), 0o600)
	}
}

func TestPageOfNothing(t *testing.T) {
	holds(t, render(t, report.NewHistory(plan.BatchPlan{})), "Not finished")
}

// pageColours are the colours of one scheme, by variable.
func pageColours(t *testing.T, dark bool) map[string]color.RGBA {
	t.Helper()
	light, night, ok := strings.Cut(page(t, small(t)), "@media screen and (prefers-color-scheme: dark)")
	if !ok {
		t.Fatal("the page has no dark scheme")
	}
	part := light
	if dark {
		part, _, _ = strings.Cut(night, "* {")
	}
	colours := map[string]color.RGBA{}
	for _, m := range regexp.MustCompile(`(--[a-z-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(part, -1) {
		c := color.RGBA{A: 0xff}
		if _, err := fmt.Sscanf(m[2], "%02x%02x%02x", &c.R, &c.G, &c.B); err != nil {
			t.Fatal(err)
		}
		colours[m[1]] = c
	}
	return colours
}

func TestColoursAreReadable(t *testing.T) {
	for _, dark := range []bool{false, true} {
		c := pageColours(t, dark)
		for _, pair := range []struct {
			ink, back string
			least     float64 // WCAG 2.1: 4.5 for text, 3 for lines
		}{
			{"--ink", "--page", 4.5},
			{"--ink", "--card", 4.5},
			{"--ink", "--code", 4.5},
			{"--ink", "--warn-back", 4.5},
			{"--ink", "--band", 4.5},
			{"--ink", "--updated-area", 4.5},
			{"--ink", "--bad-back", 4.5},
			{"--ink", "--open-back", 4.5},
			{"--soft", "--page", 4.5},
			{"--soft", "--card", 4.5},
			{"--soft", "--code", 4.5},
			{"--good", "--good-back", 4.5},
			{"--bad", "--bad-back", 4.5},
			{"--warn", "--warn-back", 4.5},
			{"--open", "--open-back", 4.5},
			{"--bound", "--card", 4.5},
			{"--bad", "--card", 4.5},
			{"--bound", "--band", 3},
			{"--bound", "--available-area", 3},
			{"--total", "--band", 3},
			{"--available", "--available-area", 3},
			{"--available", "--card", 3},
			{"--updated", "--updated-area", 3},
			{"--updated", "--card", 3},
			{"--goal", "--band", 3},
			{"--old", "--card", 3},
			{"--new", "--card", 3},
			{"--fail", "--card", 3},
			{"--edge", "--new", 2},
		} {
			if got := contrast(c[pair.ink], c[pair.back]); got < pair.least {
				t.Errorf("dark=%v: contrast of %s on %s is %.2f, want %.1f", dark, pair.ink, pair.back, got, pair.least)
			}
		}
	}
}

// contrast is the ratio that WCAG defines.
func contrast(a, b color.RGBA) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(c color.RGBA) float64 {
	linear := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}
