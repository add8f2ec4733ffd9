// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/fn/markup"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// tableLimit is how many rows a table has at most. The timeline always shows all observations.
const tableLimit = 2000

func (p *page) batchTable() {
	if len(p.batches) == 0 {
		return
	}
	p.section("batches", "Batches")
	columns := []string{"Batch", "Updated pods", "Began", "Ready after", "Then", "Ended"}
	let := p.approvals()
	if len(let) > 0 {
		columns = append(columns, "Let pass by")
	}
	p.Stacked("batches", "Batches", columns...)
	for _, b := range p.batches {
		p.Open("tr")
		name, target := number(b.number+1), number(b.target)
		if b.back {
			name, target = name+" back", "–"
		}
		p.Element("th", name, markup.Is("scope", "row"))
		p.Element("td", target, markup.Class("number"))
		p.cellOfTime(b.started)
		if b.ready.IsZero() {
			p.Element("td", "not ready", markup.Class("number"))
		} else {
			p.Element("td", inShort(b.ready.Sub(b.started)), markup.Class("number"))
		}
		p.Element("td", waited(b, p.plan))
		p.cellOfTime(b.ended)
		if len(let) > 0 {
			p.approval(let[b.number], b.back)
		}
		p.Close("tr")
		p.Newline()
	}
	p.EndTable()
	p.Close("section")
}

// approvals are who has let which batch pass.
func (p *page) approvals() map[int]rollout.Request {
	let := map[int]rollout.Request{}
	for _, b := range p.batches {
		r, ok := p.last.progress.Approval(b.number)
		if !ok {
			r, ok = p.last.progress.Promotion(b.number)
		}
		if pause := p.plan.Batch(b.number).Pause; ok && !b.back && (pause.UntilApproved || pause.Duration > 0) {
			let[b.number] = r
		}
	}
	return let
}

// approval is a cell with who has let a batch pass, and when by their clock.
func (p *page) approval(r rollout.Request, back bool) {
	if r.By == "" || back {
		p.Element("td", "–")
		return
	}
	p.Open("td")
	p.Text(r.Who())
	if p.dates {
		p.Text(" ")
		p.Element("small", p.timeOfDay(r.At), markup.Is("title", r.At.UTC().Format("2006-01-02 15:04:05 UTC")))
	}
	p.Close("td")
}

func (p *page) checkTable() {
	if len(p.checks) == 0 {
		return
	}
	p.section("checks", "Checks")
	p.checkCurves()
	rows := p.checks
	if len(rows) > tableLimit {
		p.Element("p", fmt.Sprintf("The last %d of %d measurements.", tableLimit, len(rows)), markup.Class("note"))
		rows = rows[len(rows)-tableLimit:]
	}
	p.Stacked("checks", "Checks", "Time", "Batch", "Check", "Verdict", "Measured")
	for _, c := range rows {
		p.Open("tr")
		p.cellOfTime(c.at)
		p.Element("td", number(c.batch+1), markup.Class("number"))
		p.Element("td", c.name)
		p.Open("td")
		p.Element("span", verdictSign(c.verdict)+" "+c.verdict, markup.Class(verdictLook(c.verdict)))
		p.Close("td")
		p.Element("td", c.message)
		p.Close("tr")
		p.Newline()
	}
	p.EndTable()
	p.Close("section")
}

func verdictSign(v string) string {
	switch plan.CheckVerdict(v) {
	case plan.CheckPassed:
		return "✓"
	case plan.CheckFailed:
		return "✕"
	case plan.CheckInconclusive:
		return "?"
	default:
		return "…"
	}
}

func verdictLook(v string) markup.Constant {
	switch plan.CheckVerdict(v) {
	case plan.CheckPassed:
		return "badge good"
	case plan.CheckFailed:
		return "badge bad"
	case plan.CheckInconclusive:
		return "badge warn"
	default:
		return "badge open"
	}
}

// story lists what people did and what else befell the release.
func (p *page) story() {
	if len(p.milestones) == 0 {
		return
	}
	p.section("story", "What happened")
	p.Open("ol", markup.Class("story"))
	for _, m := range p.milestones {
		p.Open("li")
		p.Open("span", markup.Class("at"))
		p.moment(m.at)
		p.Close("span")
		p.Open("span")
		p.Element("strong", m.what)
		if m.why != "" {
			p.Text(" – " + m.why)
		}
		p.Close("span", "li")
		p.Newline()
	}
	p.Close("ol", "section")
}

// decisions lists every decision with its reason.
func (p *page) decisions() {
	if len(p.rows) == 0 {
		return
	}
	title := "Decisions"
	if p.Outside {
		title = "Observations"
	}
	p.section("decisions", title)
	rows, left := chosen(p.rows)
	p.filter(rows)
	p.Table("decisions", title, "Time", "Batch", "Updated", "Available", "Total", "Done", "Reason")
	for _, r := range rows {
		code, message, _ := strings.Cut(r.Reason, ": ")
		p.Open("tr")
		p.cellOfTime(p.axis.start.Add(time.Duration(r.Time)))
		for _, n := range []int{r.Batch, r.Updated, r.Available, r.Total} {
			p.Element("td", number(n), markup.Class("number"))
		}
		p.Element("td", r.Action)
		p.Open("td")
		p.Element("b", code)
		p.Text(" " + message)
		p.Close("td", "tr")
		p.Newline()
	}
	p.EndTable()
	if left > 0 {
		p.Element("p", fmt.Sprintf("%d decisions that went on with updating pods are left out here. The timeline shows all, and "+
			"rollout replay makes all again.", left), markup.Class("note"))
	}
	p.Close("section")
}

// codes are the reasons that occur, in their order.
func codes(rows []Row) []string {
	var all []string
	for _, r := range rows {
		if code, _, _ := strings.Cut(r.Reason, ":"); !slices.Contains(all, code) {
			all = append(all, code)
		}
	}
	return all
}

// chosen leaves out rows of a long release: evenly, and only those that go on with what the row before does.
func chosen(rows []Row) (kept []Row, left int) {
	if len(rows) <= tableLimit {
		return rows, 0
	}
	plain := 0
	for _, r := range rows {
		plain += oneIf(routine(r))
	}
	room, seen, taken := max(tableLimit-(len(rows)-plain), 0), 0, 0
	for _, r := range rows {
		if routine(r) {
			seen++
			if seen*room/max(plain, 1) == taken {
				left++
				continue
			}
			taken++
		} else if len(kept) >= 2*tableLimit {
			left++
			continue
		}
		kept = append(kept, r)
	}
	return kept, left
}

// routine tells whether a row only goes on with updating pods.
func routine(r Row) bool {
	code, _, _ := strings.Cut(r.Reason, ":")
	switch plan.Reason(code) {
	case plan.PodsUpdating, plan.PodsNotReady, plan.RollingBack, plan.ControllerBehind:
		return true
	default:
		return false
	}
}

// filter is shown by the script: without it, it could do nothing.
func (l *layout) filter(rows []Row) {
	find, reason := l.id("find"), l.id("reason")
	l.Open("form", markup.Is("id", l.id("filter")), markup.Class("filter"), markup.Is("hidden", ""), markup.Is("role", "search"))
	l.Element("label", "Find ", markup.Is("for", find))
	l.Open("input", markup.Is("id", find), markup.Is("type", "search"), markup.Is("autocomplete", "off"),
		markup.Is("placeholder", "pod, number, word"))
	l.Element("label", "Reason ", markup.Is("for", reason))
	l.Open("select", markup.Is("id", reason))
	l.Element("option", "all", markup.Is("value", ""))
	for _, code := range codes(rows) {
		l.Element("option", code, markup.Is("value", code))
	}
	l.Close("select")
	l.Open("output", markup.Is("id", l.id("found")), markup.Is("role", "status"))
	l.Close("output", "form")
	l.Newline()
}
