// SPDX-License-Identifier: Apache-2.0

package matrix_test

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/fn/matrix"
)

// TestHTML reads the page back: a row for each template, a cell for each set, each with its words, and nothing that a manifest
// says has become markup.
func TestHTML(t *testing.T) {
	const hostile = `<script>alert(1)</script>"'&`
	templates := []inject.TemplateResult{
		{
			Object: manifest.ObjectRef{Kind: "Deployment", Namespace: "shop", Name: "web"}, Field: "spec.template",
			Matches: []inject.Match{
				{Set: "log", Verdict: inject.Matched, Reason: "labels match"},
				{Set: hostile, Verdict: inject.Undecided, Reason: hostile, Add: "give the namespace"},
			},
			Origins: []inject.Origin{{Field: "spec.containers[log]", Set: "log", Rule: "spec.containers[0]", Prevailed: hostile}},
		},
		{
			Object: manifest.ObjectRef{Kind: "Pod", Name: hostile}, OptOut: true,
			Matches: []inject.Match{{Set: "log", Verdict: inject.Unmatched, Reason: "app is not web"}},
		},
	}
	var out bytes.Buffer
	if err := matrix.HTML(&out, templates); err != nil {
		t.Fatal(err)
	}
	page, err := html.Parse(&out)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for n := range page.Descendants() {
		switch n.Data {
		case "script":
			t.Error("a script is on the page")
		case "tr":
			rows = append(rows, words(n))
		}
	}
	want := []string{
		"Workload | log | " + hostile,
		"Deployment/shop/web | spec.template | injected | labels match | undecided | " + hostile + " | to decide: give the namespace",
		"Pod/" + hostile + " | opted out of injection | no | app is not web",
		"Workload | Field | SidecarSet | Rule | Prevailed over",
		"Deployment/shop/web | spec.containers[log] | log | spec.containers[0] | " + hostile,
	}
	if got := strings.Join(rows, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("the rows are\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// words are the texts below a node.
func words(n *html.Node) string {
	var all []string
	for child := range n.Descendants() {
		if s := strings.TrimSpace(child.Data); child.Type == html.TextNode && s != "" {
			all = append(all, s)
		}
	}
	return strings.Join(all, " | ")
}
