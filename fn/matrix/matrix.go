// SPDX-License-Identifier: Apache-2.0

// Package matrix shows which SidecarSet touches which workload, as one page that loads nothing from anywhere.
package matrix

import (
	_ "embed" // the style
	"fmt"
	"io"
	"slices"

	"github.com/slipway-dev/slipway/fn/inject"
	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/fn/markup"
)

//go:embed matrix.css
var style string

// policy lets the page load nothing and run nothing.
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

// verdict is an answer in a cell: its look and its word.
func verdict(v inject.Verdict) (look markup.Constant, word string) {
	switch v {
	case inject.Matched:
		return "badge good", "injected"
	case inject.Undecided:
		return "badge warn", "undecided"
	case inject.Unmatched:
	}
	return "not", "no"
}

// HTML writes a page with a row for each pod template and a column for each set. Every cell says why.
func HTML(w io.Writer, templates []inject.TemplateResult) error {
	sets := setsOf(templates)
	p := &markup.Page{}
	p.Head("Which SidecarSet touches which workload", policy, markup.Constant(style))
	p.Open("body")
	p.Open("main")
	p.Open("header")
	p.Element("p", "slipway explain", markup.Class("kind"))
	p.Element("h1", "Which SidecarSet touches which workload")
	p.Element("p", summary(templates, sets), markup.Class("lead"))
	p.Close("header")
	matches(p, templates, sets)
	origins(p, templates)
	p.Close("main", "body", "html")
	p.Newline()
	if _, err := w.Write(p.Bytes()); err != nil {
		return fmt.Errorf("writing page: %w", err)
	}
	return nil
}

// setsOf are the names of the sets, in the order in which they are injected.
func setsOf(templates []inject.TemplateResult) []string {
	var names []string
	known := map[string]bool{}
	for _, t := range templates {
		for _, m := range t.Matches {
			if !known[m.Set] {
				known[m.Set] = true
				names = append(names, m.Set)
			}
		}
	}
	return names
}

func summary(templates []inject.TemplateResult, sets []string) string {
	touched := 0
	for _, t := range templates {
		if slices.ContainsFunc(t.Matches, func(m inject.Match) bool { return m.Verdict == inject.Matched }) {
			touched++
		}
	}
	return fmt.Sprintf("%d of %s have sidecars of %s.", touched, manifest.Counted(len(templates), "pod template"),
		manifest.Counted(len(sets), "SidecarSet"))
}

func matches(p *markup.Page, templates []inject.TemplateResult, sets []string) {
	p.Open("section", markup.Is("aria-labelledby", "matches"))
	p.Element("h2", "Matches", markup.Is("id", "matches"))
	p.Stacked("matrix", "SidecarSets by workload", append([]string{"Workload"}, sets...)...)
	for _, t := range templates {
		p.Open("tr")
		workload(p, t)
		for _, set := range sets {
			p.Open("td")
			if i := slices.IndexFunc(t.Matches, func(m inject.Match) bool { return m.Set == set }); i >= 0 {
				cell(p, t.Matches[i])
			}
			p.Close("td")
		}
		p.Close("tr")
		p.Newline()
	}
	p.EndTable()
	p.Close("section")
}

// workload is the head of a row: what it is, and where it is written.
func workload(p *markup.Page, t inject.TemplateResult) {
	p.Open("th", markup.Is("scope", "row"))
	p.Text(t.Object.String())
	if t.Field != "" {
		p.Text(" ")
		p.Element("code", t.Field)
	}
	if at := t.Source.String(); at != "" {
		p.Element("p", at)
	}
	if t.OptOut {
		p.Element("p", "opted out of injection")
	}
	p.Close("th")
}

// cell is one set held against one template. Why not is behind a click, because most sets do not match most workloads.
func cell(p *markup.Page, m inject.Match) {
	look, word := verdict(m.Verdict)
	if m.Verdict == inject.Unmatched {
		p.Open("details")
		p.Element("summary", word, markup.Class(look))
		p.Element("p", m.Reason)
		p.Close("details")
		return
	}
	p.Element("span", word, markup.Class(look))
	p.Element("p", m.Reason)
	if m.Add != "" {
		p.Element("p", "to decide: "+m.Add)
	}
}

// origins tells where each injected field comes from.
func origins(p *markup.Page, templates []inject.TemplateResult) {
	if !slices.ContainsFunc(templates, func(t inject.TemplateResult) bool { return len(t.Origins) > 0 }) {
		return
	}
	p.Open("section", markup.Is("aria-labelledby", "fields"))
	p.Element("h2", "Injected fields", markup.Is("id", "fields"))
	p.Stacked("origins", "Injected fields", "Workload", "Field", "SidecarSet", "Rule", "Prevailed over")
	for _, t := range templates {
		for _, o := range t.Origins {
			p.Open("tr")
			p.Element("th", t.Object.String(), markup.Is("scope", "row"))
			for _, text := range []string{o.Field, o.Set, o.Rule, o.Prevailed} {
				p.Element("td", text)
			}
			p.Close("tr")
			p.Newline()
		}
	}
	p.EndTable()
	p.Close("section")
}
