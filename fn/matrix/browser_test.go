// SPDX-License-Identifier: Apache-2.0

package matrix_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/fn/markup/browsertest"
	"github.com/slipway-dev/slipway/fn/matrix"
)

// shop is the page of some workloads, of sets with long names and of fields that come from them.
func shop(t *testing.T) string {
	t.Helper()
	var templates []inject.TemplateResult
	for i, name := range []string{"cart", "checkout", "inventory-reconciliation-of-the-northern-warehouses", "web"} {
		r := inject.TemplateResult{
			Object: manifest.ObjectRef{Kind: "Deployment", Namespace: "shop", Name: name}, Field: "spec.template",
			Matches: []inject.Match{
				{Set: "log-agent", Verdict: inject.Matched, Reason: `labels match "tier: web"`},
				{
					Set: "service-mesh-proxy-of-the-platform-team", Verdict: inject.Unmatched,
					Reason: fmt.Sprintf("app is %s, not mesh", name),
				},
				{
					Set: "metrics", Verdict: inject.Undecided, Reason: "the labels of namespace shop are not known",
					Add: "give the Namespace, or namespaces: in the configuration",
				},
			},
		}
		if r.OptOut = i == 3; r.OptOut {
			r.Matches = nil
		} else if i != 1 {
			r.Origins = []inject.Origin{{Field: "spec.containers[log-agent]", Set: "log-agent", Rule: "spec.containers[0]"}}
		}
		templates = append(templates, r)
	}
	var out bytes.Buffer
	if err := matrix.HTML(&out, templates); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestPageInABrowser looks at the page as people have it before them: on screens, from the keyboard, with a screen reader, on
// paper.
func TestPageInABrowser(t *testing.T) {
	b, page := browsertest.Start(t, 1280, false), shop(t)
	for _, c := range []struct {
		name  string
		dark  bool
		width int
	}{{"light", false, 1280}, {"dark", true, 1280}, {"phone", false, 375}, {"phone-dark", true, 375}} {
		b.Run(c.name, func(t *testing.T) {
			b.Screen(c.width, c.dark)
			b.Show(page)
			b.Sound()
			browsertest.Keep(t, b.Screenshot(), "matrix-"+c.name+".png")
			var back string
			b.Ask("getComputedStyle(document.body).backgroundColor", &back)
			if want := map[bool]string{false: "rgb(245, 246, 248)", true: "rgb(16, 21, 28)"}[c.dark]; back != want {
				t.Errorf("the background is %s, want %s", back, want)
			}
		})
	}
	b.Run("keyboard", func(t *testing.T) {
		b.Screen(1280, false)
		b.Show(page)
		reached := b.Reached(func(where string) {
			if strings.HasPrefix(where, "SUMMARY") {
				b.Press("Enter", "\r", 13)
			}
		})
		want := "DIV  SidecarSets by workload, SUMMARY, SUMMARY, SUMMARY, DIV  Injected fields"
		if got := strings.Join(reached, ", "); got != want {
			t.Errorf("the tab key leads to %s, want %s", got, want)
		}
		var open int
		if b.Ask(`document.querySelectorAll("details[open]").length`, &open); open != 3 {
			t.Errorf("%d of 3 reasons are opened from the keyboard", open)
		}
	})
	b.Run("screen reader", func(t *testing.T) {
		roles := b.Told()
		for role, want := range map[string]int{"heading": 3, "table": 2, "columnheader": 9, "rowheader": 6, "main": 1} {
			if roles[role] != want {
				t.Errorf("the page has %d of the role %s, want %d; it has %v", roles[role], role, want, roles)
			}
		}
	})
	b.Run("paper", func(t *testing.T) {
		b.Show(page)
		browsertest.Keep(t, b.Print(), "matrix.pdf")
		b.OnPaper()
		browsertest.Keep(t, b.Screenshot(), "matrix-print.png")
		var back string
		var hidden int
		b.Ask("getComputedStyle(document.body).backgroundColor", &back)
		b.Ask(`Array.from(document.querySelectorAll("details p")).filter((p) => !p.checkVisibility({contentVisibilityAuto: `+
			`true})).length`, &hidden)
		if back != "rgb(255, 255, 255)" || hidden != 0 {
			t.Errorf("on paper the background is %s, and %d reasons are hidden", back, hidden)
		}
	})
}
