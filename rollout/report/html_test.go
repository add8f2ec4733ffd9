// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/report"
)

// release is a page about a release of five pods with one surge pod, in the given number of batches.
func release(t *testing.T, batches int) report.Page {
	t.Helper()
	page := report.Page{
		Set: "shop/cart", Bounds: rollout.Bounds{Replicas: 5, MaxSurge: 1}, Writes: 10,
		End: rollout.Decision{Verdict: rollout.Done, Reason: rollout.Completed, Message: "5 of 5 updated pods ready"},
	}
	at := time.Duration(0)
	for i := range 5 {
		row := report.Row{Desired: 5, Batch: i*batches/5 + 1, Reason: "PodsUpdating: <counted> & escaped"}
		for _, r := range []struct{ updated, ready, total int }{{i, 5, 5}, {i + 1, 5, 6}, {i + 1, 6, 6}} {
			row.Time, row.Updated, row.UpdatedReady, row.Ready, row.Available, row.Total = report.Seconds(at), r.updated, r.updated, r.ready, r.ready, r.total
			page.Rows = append(page.Rows, row)
			at += 7 * time.Second
		}
	}
	page.Rows = append(page.Rows, report.Row{Time: report.Seconds(at), Desired: 5, Updated: 5, UpdatedReady: 5, Ready: 5, Available: 5, Total: 5, Batch: batches, Action: "done"})
	return page
}

func render(t *testing.T, page report.Page) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := report.HTML(&b, page); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPageLoadsNothing(t *testing.T) {
	page := string(render(t, release(t, 2)))
	for _, forbidden := range []string{"http:", "https:", "//", "<script", "@import", "url(", "src="} {
		if strings.Contains(page, forbidden) {
			t.Errorf("the page contains %s", forbidden)
		}
	}
	if !strings.Contains(page, "&lt;counted&gt; &amp; escaped") {
		t.Error("the reason is not escaped")
	}
}

func TestPageIsTheSameEveryTime(t *testing.T) {
	if !bytes.Equal(render(t, release(t, 2)), render(t, release(t, 2))) {
		t.Error("two renderings differ")
	}
}

func TestPageOfAHugeReleaseStaysSmall(t *testing.T) {
	page := release(t, 1)
	for i := range 50_000 {
		page.Rows = append(page.Rows, report.Row{Time: report.Seconds(time.Duration(200+i) * time.Second), Total: 5 + i%2, Updated: i % 6, Ready: 5, Batch: 1})
	}
	if n := len(render(t, page)); n > 700_000 {
		t.Errorf("the page has %d bytes", n)
	}
}

func TestPageOfNoRows(t *testing.T) {
	render(t, report.Page{Set: "empty"})
}

// pageColours are the colours of one scheme, by variable.
func pageColours(t *testing.T, dark bool) map[string]color.RGBA {
	t.Helper()
	page := string(render(t, release(t, 1)))
	light, night, ok := strings.Cut(page, "@media (prefers-color-scheme: dark)")
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
			{"--soft", "--page", 4.5},
			{"--soft", "--card", 4.5},
			{"--budget", "--card", 4.5},
			{"--good", "--good-back", 4.5},
			{"--bad", "--bad-back", 4.5},
			{"--old", "--card", 3},
			{"--updated", "--card", 3},
			{"--ready", "--card", 3},
			{"--old", "--band", 2.7},
			{"--updated", "--band", 3},
			{"--ready", "--band", 3},
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
