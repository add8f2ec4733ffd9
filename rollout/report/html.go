// SPDX-License-Identifier: Apache-2.0

package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/fn/markup"
	"github.com/slipway-dev/slipway/rollout"
)

// pageStyle is the style of the page.
//
//go:embed page.css
var pageStyle string

// pageScript filters the table of decisions, and does nothing else.
//
//go:embed page.js
var pageScript string

// HTML writes one self-contained page about a release: how it ended, the numbers, a timeline against the budget, the
// batches, checks and decisions, and a lane for each pod. Of several releases it has a table first, and then each. It loads
// nothing, forbids the browser to load anything, reads without script, follows the reader's light or dark setting, and prints.
func HTML(w io.Writer, all ...*History) error {
	var document layout
	document.Head(titleOf(all), Policy(), markup.Constant(pageStyle))
	document.Open("body")
	document.Open("main")
	if len(all) > 1 {
		document.overview(all)
	}
	rows := 0
	for i, h := range all {
		p := &page{h, layout{axis: newAxis(h.moments(), h.idle), dates: !h.Simulated}}
		if len(all) > 1 {
			p.part = partOf(i) + "-"
			document.Open("article", markup.Is("id", partOf(i)))
		}
		p.release()
		document.Add(&p.Page)
		if len(all) > 1 {
			document.Close("article")
		}
		rows += len(h.rows)
	}
	document.Close("main")
	if rows > 0 {
		document.Verbatim("<script>" + markup.Constant(pageScript) + "</script>\n")
	}
	document.Close("body", "html")
	document.Newline()
	if _, err := w.Write(document.Bytes()); err != nil {
		return fmt.Errorf("writing page: %w", err)
	}
	return nil
}

// release is everything about one release.
func (p *page) release() {
	p.headline()
	p.numbers()
	timeline{p}.draw()
	p.story()
	p.batchTable()
	p.checkTable()
	p.podLanes()
	p.decisions()
	p.about()
}

// page is the page while it is written.
type page struct {
	*History
	layout
}

// moments are when something changed that the page draws.
func (h *History) moments() []time.Time {
	var moments []time.Time
	for _, s := range h.samples {
		moments = append(moments, s.at)
	}
	for _, p := range h.phases {
		moments = append(moments, p.from, p.to)
	}
	for _, c := range h.checks {
		moments = append(moments, c.at)
	}
	for _, t := range h.order {
		for _, s := range t.spans {
			moments = append(moments, s.from)
		}
	}
	if h.began {
		moments = append(moments, h.last.at, h.until())
	}
	return moments
}

// titleOf is what the browser calls the page.
func titleOf(all []*History) string {
	if len(all) == 1 {
		return all[0].target() + ": " + all[0].outcome().title
	}
	return fmt.Sprintf("%d releases", len(all))
}

// Policy is the Content-Security-Policy of the page: it loads nothing, and runs its own script alone.
func Policy() string {
	sum := sha256.Sum256([]byte(pageScript))
	return "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; script-src " +
		"'sha256-" +
		base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func (p *page) headline() {
	end := p.outcome()
	p.Open("header")
	p.Open("p", markup.Class("kind"))
	switch {
	case p.Simulated:
		p.Text("Simulated release")
	case p.Outside:
		p.Text("Release, as the cluster shows it")
	default:
		p.Text("Release report")
	}
	p.Close("p")
	p.Open("div", markup.Class("title"))
	p.Element("h1", p.target())
	p.Open("p", markup.Class("verdict "+end.mood))
	p.Element("span", end.sign, markup.Is("aria-hidden", "true"))
	p.Text(" " + end.title)
	p.Close("p", "div")
	p.Newline()
	if p.from != "" && p.to != "" && p.from != p.to {
		p.Open("p", markup.Class("revisions"))
		p.Text("from ")
		p.Element("code", p.from)
		p.Text(" to ")
		p.Element("code", p.to)
		p.Close("p")
	}
	for _, line := range p.change() {
		p.Element("p", line, markup.Class("change"))
	}
	p.Element("p", sentence(p.last.decision.Message), markup.Class("lead"))
	if end.next != "" {
		p.Element("p", end.next, markup.Class("next"))
	}
	p.when()
	p.origin()
	for _, n := range slices.Concat(p.Moment, p.notes) {
		p.Element("p", sentence(n), markup.Class("notice"))
	}
	p.Close("header")
	p.Newline()
}

// when says when the release was.
func (p *page) when() {
	if p.Simulated || len(p.samples) == 0 {
		return
	}
	p.Open("p", markup.Class("when"))
	p.date(p.samples[0].at, "2006-01-02 15:04:05")
	p.Text(" to ")
	layout := "2006-01-02 15:04:05"
	if p.samples[0].at.UTC().Format(time.DateOnly) == p.last.at.UTC().Format(time.DateOnly) {
		layout = "15:04:05"
	}
	p.date(p.last.at, layout)
	p.Text(" UTC")
	p.Close("p")
}

// origin says where the release ran and what it was of, as far as the log knows it.
func (p *page) origin() {
	for _, fact := range []struct{ name, value string }{
		{"plan", p.plan.Name},
		{"Git commit", p.set.Commit},
		{"cluster", p.Cluster},
	} {
		if fact.value == "" {
			continue
		}
		p.Open("p", markup.Class("when"))
		p.Text(fact.name + " ")
		p.Element("code", fact.value)
		p.Close("p")
	}
}

// sentence begins with a capital letter and ends with a full stop.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}

// numbers are the figures that people ask for first.
func (p *page) numbers() {
	b := p.budget()
	p.Open("dl", markup.Class("numbers"))
	p.number("Duration", inShort(p.duration()), "", false)
	if b.known {
		p.number("Least available", number(b.least), fmt.Sprintf("at least %d asked for", b.floor), b.below > 0)
		p.number("Most pods", number(b.most), fmt.Sprintf("at most %d allowed", b.ceiling), b.above > 0)
		p.number("Budget", b.words(), b.detail(), b.below+b.above > 0)
	}
	p.number("Batches", p.batchWords(), "", false)
	if !p.Outside {
		p.number("Writes", number(p.podWrites()+p.writes[rollout.SetPartition]+p.writes[rollout.RestoreTemplate]), p.writeWords(),
			false)
	}
	p.number("Exit code", p.exitCode(), exitWords(p.History), false)
	p.Close("dl")
	p.Newline()
}

func (b budget) words() string {
	switch {
	case b.below > 0 && b.above > 0:
		return fmt.Sprintf("%d below, %d above", b.below, b.above)
	case b.below > 0:
		return fmt.Sprintf("%d below", b.below)
	case b.above > 0:
		return fmt.Sprintf("%d above", b.above)
	default:
		return "kept"
	}
}

func (b budget) detail() string {
	if b.below+b.above == 0 {
		return "at every observation"
	}
	return "for " + inShort(b.belowFor+b.aboveFor) + " altogether"
}

func (p *page) batchWords() string {
	done := 0
	for _, b := range p.batches {
		done += oneIf(!b.ready.IsZero() && !b.back)
	}
	return fmt.Sprintf("%d of %d", done, max(len(p.plan.Batches), 1, done))
}

func (p *page) writeWords() string {
	if n := p.updatedPods(); n > 0 && p.podWrites() > 0 {
		return fmt.Sprintf("%.1f for each of %d updated pods", float64(p.podWrites())/float64(n), n)
	}
	if n := p.writes[rollout.SetPartition]; n > 0 {
		return fmt.Sprintf("%d of the partition", n)
	}
	return ""
}

func (p *page) exitCode() string {
	if !p.ended() {
		return "–"
	}
	return number(p.last.decision.Reason.ExitCode())
}

func exitWords(h *History) string {
	switch {
	case h.Outside && !h.ended():
		return "none yet"
	case !h.ended():
		return "none in the log"
	}
	return string(h.last.decision.Reason)
}

func (p *page) about() {
	p.Open("footer")
	words := fmt.Sprintf("%d observations", p.observations)
	if p.restarts > 0 {
		words += fmt.Sprintf(" of %d agents, one after the other", p.restarts+1)
	}
	if p.Source != "" {
		words = "From " + p.Source + ": " + words
	}
	words += ". Times count from the first observation."
	if p.Outside {
		words += " What went before it, and each write, is in the agent's audit log."
	} else {
		words += " Writes are those that were decided; one that lost against another writer is decided again and counts twice."
	}
	p.Element("p", words)
	p.Close("footer")
	p.Newline()
}
