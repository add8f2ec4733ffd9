// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// tableLimit is how many rows a table has at most. The timeline always shows all looks.
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
	p.table("batches", "Batches", columns...)
	for _, b := range p.batches {
		p.open("tr")
		name, target := number(b.number+1), number(b.target)
		if b.back {
			name, target = name+" back", "–"
		}
		p.element("th", name, is("scope", "row"))
		p.element("td", target, class("number"))
		p.cellOfTime(b.started)
		if b.ready.IsZero() {
			p.element("td", "not ready", class("number"))
		} else {
			p.element("td", inShort(b.ready.Sub(b.started)), class("number"))
		}
		p.element("td", waited(b, p.plan))
		p.cellOfTime(b.ended)
		if len(let) > 0 {
			p.approval(let[b.number], b.back)
		}
		p.close("tr")
		p.newline()
	}
	p.endTable()
	p.close("section")
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
		p.element("td", "–")
		return
	}
	p.open("td")
	p.text(r.Who())
	if p.dates {
		p.text(" ")
		p.element("small", p.timeOfDay(r.At), is("title", r.At.UTC().Format("2006-01-02 15:04:05 UTC")))
	}
	p.close("td")
}

func (p *page) checkTable() {
	if len(p.checks) == 0 {
		return
	}
	p.section("checks", "Checks")
	p.checkCurves()
	rows := p.checks
	if len(rows) > tableLimit {
		p.element("p", fmt.Sprintf("The last %d of %d measurements.", tableLimit, len(rows)), class("note"))
		rows = rows[len(rows)-tableLimit:]
	}
	p.table("checks", "Checks", "Time", "Batch", "Check", "Verdict", "Measured")
	for _, c := range rows {
		p.open("tr")
		p.cellOfTime(c.at)
		p.element("td", number(c.batch+1), class("number"))
		p.element("td", c.name)
		p.open("td")
		p.element("span", verdictSign(c.verdict)+" "+c.verdict, class(verdictLook(c.verdict)))
		p.close("td")
		p.element("td", c.message)
		p.close("tr")
		p.newline()
	}
	p.endTable()
	p.close("section")
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

func verdictLook(v string) constant {
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
	p.open("ol", class("story"))
	for _, m := range p.milestones {
		p.open("li")
		p.open("span", class("at"))
		p.moment(m.at)
		p.close("span")
		p.open("span")
		p.element("strong", m.what)
		if m.why != "" {
			p.text(" – " + m.why)
		}
		p.close("span", "li")
		p.newline()
	}
	p.close("ol", "section")
}

// decisions lists every decision with its reason.
func (p *page) decisions() {
	if len(p.rows) == 0 {
		return
	}
	p.section("decisions", "Decisions")
	rows, left := chosen(p.rows)
	p.filter(rows)
	p.table("decisions", "Decisions", "Time", "Batch", "Updated", "Available", "Total", "Done", "Reason")
	for _, r := range rows {
		code, message, _ := strings.Cut(r.Reason, ": ")
		p.open("tr")
		p.cellOfTime(p.axis.start.Add(time.Duration(r.Time)))
		for _, n := range []int{r.Batch, r.Updated, r.Available, r.Total} {
			p.element("td", number(n), class("number"))
		}
		p.element("td", r.Action)
		p.open("td")
		p.element("b", code)
		p.text(" " + message)
		p.close("td", "tr")
		p.newline()
	}
	p.endTable()
	if left > 0 {
		p.element("p", fmt.Sprintf("%d decisions that went on with updating pods are left out here. The timeline shows all, and rollout replay makes all again.", left), class("note"))
	}
	p.close("section")
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
	l.open("form", is("id", l.id("filter")), class("filter"), is("hidden", ""), is("role", "search"))
	l.element("label", "Find ", is("for", find))
	l.open("input", is("id", find), is("type", "search"), is("autocomplete", "off"), is("placeholder", "pod, number, word"))
	l.element("label", "Reason ", is("for", reason))
	l.open("select", is("id", reason))
	l.element("option", "all", is("value", ""))
	for _, code := range codes(rows) {
		l.element("option", code, is("value", code))
	}
	l.close("select")
	l.open("output", is("id", l.id("found")), is("role", "status"))
	l.close("output", "form")
	l.newline()
}
