// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/fn/markup"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// plotHeight is how many units high a drawing is; it is stretched to its place.
const plotHeight = 100.0

// plot is one drawing: the pods between low and high over the axis.
type plot struct {
	*page
	low, high int
}

// curve is a count over time.
type curve struct {
	class markup.Constant
	of    func(sample) (int, bool)
	area  bool
}

// timeline draws the release twice over one axis: close up against the budget, and as progress.
type timeline struct{ *page }

func (p timeline) draw() {
	p.section("timeline", "Timeline against the budget")
	if len(p.samples) == 0 {
		p.Element("p", "The log holds no look at the pods.")
		p.Close("section")
		return
	}
	p.legend([]legend{
		{"available", "available"},
		{"total", "all pods"},
		{"bound", "budget: at least, at most"},
		{"updated", "updated"},
		{"goal", "target of the batch"},
	})
	p.Open("div", markup.Class("chart"))
	p.batchStrip()
	p.Element("p", "Available and all pods against the budget", markup.Class("caption"))
	p.drawing("near", p.nearby(), p.spoken(), []curve{
		{"available area", available, true},
		{"bound", floor, false},
		{"bound", ceiling, false},
		{"available", available, false},
		{"total", func(s sample) (int, bool) { return s.counts.Total, true }, false},
	})
	p.Element("p", "Updated pods", markup.Class("caption"))
	p.drawing("far", p.whole(), "Updated pods over time", []curve{
		{"updated area", updated, true},
		{"goal", func(s sample) (int, bool) { return s.target, true }, false},
		{"updated", updated, false},
	})
	p.phaseStrip()
	p.timeAxis()
	p.Close("div")
	for _, c := range p.axis.cuts {
		what := "Nothing changed"
		if slices.ContainsFunc(p.phases, func(f phase) bool { return f.kind == away && f.from.Equal(c.begins) }) {
			what = "No agent looked"
		}
		p.Element("p", fmt.Sprintf("%s for %s: the axis is cut short there.", what, inShort(c.length)), markup.Class("note"))
	}
	p.Close("section")
	p.Newline()
}

func available(s sample) (int, bool) { return s.counts.Available, true }
func updated(s sample) (int, bool)   { return s.counts.Updated, true }
func floor(s sample) (int, bool)     { return s.least, s.bounded }
func ceiling(s sample) (int, bool)   { return s.most, s.bounded }

// nearby is the part of the scale in which available and all pods and the budget lie, with some room.
func (p timeline) nearby() plot {
	low, high := math.MaxInt, 0
	for _, s := range p.samples {
		low, high = min(low, s.counts.Available), max(high, s.counts.Total)
		if s.bounded {
			low, high = min(low, s.least), max(high, s.most)
		}
	}
	room := max((high-low)/4, 1)
	return plot{p.page, max(low-room, 0), high + room + (high-low)/8}
}

func (p timeline) whole() plot {
	high := 1
	for _, s := range p.samples {
		high = max(high, s.counts.Updated, s.counts.Desired)
	}
	return plot{p.page, 0, high}
}

// spoken says in words what the drawing of the budget shows.
func (p timeline) spoken() string {
	b := p.budget()
	if !b.known {
		return "Available and all pods over time"
	}
	return fmt.Sprintf("Available and all pods over time. At worst %d were available, at least %d were asked for; at most there "+
		"were %d pods, %d were allowed.", b.least, b.floor, b.most, b.ceiling)
}

func (p timeline) drawing(name markup.Constant, scale plot, words string, curves []curve) {
	p.Open("div", markup.Class("plot "+name))
	p.Open("svg", markup.Is("viewBox", fmt.Sprintf("0 0 %g %g", axisWidth, plotHeight)), markup.Is("preserveAspectRatio", "none"),
		markup.Is("role", "img"))
	p.Element("title", words)
	for i, b := range p.batches {
		if i%2 == 1 {
			from := p.axis.at(b.started)
			p.Open("rect", markup.Class("band"), markup.Is("x", coordinate(from)),
				markup.Is("width", coordinate(p.axis.at(p.endOf(b))-from)), markup.Is("y", "0"), markup.Is("height", "100"))
			p.Close("rect")
		}
	}
	step := countStep(scale.high-scale.low, 4)
	first := (scale.low + step - 1) / step * step
	for n := first; n <= scale.high; n += step {
		p.Open("path", markup.Class("grid"), markup.Is("d", fmt.Sprintf("M0 %sH1000", coordinate(scale.y(n)))))
		p.Close("path")
	}
	for _, c := range p.axis.cuts {
		p.Open("rect", markup.Class("cut"), markup.Is("x", coordinate(c.from)), markup.Is("width", coordinate(c.to-c.from)),
			markup.Is("y", "0"), markup.Is("height", "100"))
		p.Close("rect")
	}
	for _, c := range curves {
		p.Open("path", markup.Class("curve "+c.class), markup.Is("d", scale.path(c)))
		p.Close("path")
	}
	p.Close("svg")
	if last := p.samples[len(p.samples)-1]; name == "near" && last.bounded {
		scale.limit(last.most, "at most %d", "limit most")
		scale.limit(last.least, "at least %d", "limit least")
	}
	for n := first; n <= scale.high; n += step {
		p.Element("span", number(n), markup.Class("y"), markup.Is("style", "top:"+percent(scale.y(n)/plotHeight)),
			markup.Is("aria-hidden", "true"))
	}
	p.Close("div")
	p.Newline()
}

// limit names a line of the budget where it ends.
func (s plot) limit(pods int, words string, name markup.Constant) {
	s.Element("span", fmt.Sprintf(words, pods), markup.Class(name), markup.Is("style", "top:"+percent(s.y(pods)/plotHeight)),
		markup.Is("aria-hidden", "true"))
}

func (s plot) y(pods int) float64 {
	return plotHeight - float64(pods-s.low)/float64(max(s.high-s.low, 1))*plotHeight
}

// path draws a count as steps: it holds until the next sample. Several samples in one place become one vertical stroke
// from the least to the most, so a release of many thousand states stays a small file and no dip gets lost.
func (s plot) path(c curve) string {
	var b strings.Builder
	drawing, end := false, 0.0
	for i := 0; i < len(s.samples); {
		x := s.place(i)
		low, high, last, known := s.gather(&i, x, c)
		if !known {
			drawing = false
			continue
		}
		switch {
		case !drawing:
			fmt.Fprintf(&b, "M%s %s", coordinate(x), coordinate(s.y(last)))
		default:
			fmt.Fprintf(&b, "H%s", coordinate(x))
		}
		if low != high {
			fmt.Fprintf(&b, "V%sV%s", coordinate(s.y(low)), coordinate(s.y(high)))
		}
		fmt.Fprintf(&b, "V%s", coordinate(s.y(last)))
		drawing, end = true, axisWidth
		if i < len(s.samples) {
			end = s.place(i)
		}
	}
	if drawing {
		fmt.Fprintf(&b, "H%s", coordinate(end))
	}
	if c.area && b.Len() > 0 {
		fmt.Fprintf(&b, "V%gH%sZ", plotHeight, coordinate(s.place(0)))
	}
	return b.String()
}

// place is where a sample is drawn: on a grid fine enough for any screen.
func (s plot) place(i int) float64 { return math.Round(s.axis.at(s.samples[i].at)*2) / 2 }

// gather takes all samples of one place, from sample i on.
func (s plot) gather(i *int, x float64, c curve) (low, high, last int, known bool) {
	for ; *i < len(s.samples) && s.place(*i) == x; *i++ {
		n, ok := c.of(s.samples[*i])
		if !ok {
			continue
		}
		if !known {
			low, high = n, n
		}
		known, last = true, n
		low, high = min(low, n), max(high, n)
	}
	return low, high, last, known
}

// endOf is when a batch ended, or the log.
func (p timeline) endOf(b batch) time.Time {
	if b.ended.IsZero() {
		return p.last.at
	}
	return b.ended
}

func (p timeline) batchStrip() {
	var all []strip
	words := make([]string, len(p.batches))
	for i, b := range p.batches {
		label, look := fmt.Sprintf("batch %d", b.number+1), markup.Constant("batch")
		if b.back {
			label, look = fmt.Sprintf("back %d", b.number+1), "batch back"
		}
		title := fmt.Sprintf("%s: %s to %s", label, p.clock(b.started), p.clock(p.endOf(b)))
		all, words[i] = append(all, strip{b.started, p.endOf(b), look, label, title}), title
	}
	p.strips("batches", "Batches. "+strings.Join(words, ", "), all)
}

func (p timeline) phaseStrip() {
	all := make([]strip, len(p.phases))
	for i, f := range p.phases {
		all[i] = strip{
			f.from, f.to, markup.Constant(f.kind), f.label,
			fmt.Sprintf("%s: %s to %s", f.label, p.clock(f.from), p.clock(f.to)),
		}
	}
	p.strips("phases", "What the release did; the tables below say the same in words", all)
}

func coordinate(f float64) string { return trimZeros(math.Round(f*10) / 10) }

func percent(share float64) string { return trimZeros(math.Round(share*100_00)/100) + "%" }

// waited says what a batch waited for, as the plan or the log has it.
func waited(b batch, plan plan.BatchPlan) string {
	if len(b.waits) > 0 {
		return strings.Join(b.waits, ", ")
	}
	if b.back || b.number >= len(plan.Batches) {
		return "–"
	}
	return "nothing"
}
