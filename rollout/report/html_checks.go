// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/fn/markup"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// measured is what a check has measured, against its limits.
type measured struct {
	name   string
	limits plan.Range
	points []point
	from   time.Time // where the axis begins and ends
	to     time.Time
	low    float64 // the scale
	high   float64
}

type point struct {
	at    time.Time
	value float64
	bad   bool
}

// checkCurves draws each check that measures a number within limits.
func (p *page) checkCurves() {
	for _, m := range p.measured() {
		p.Open("figure", markup.Class("check"))
		p.Open("figcaption")
		p.Element("b", m.name)
		p.Text(" " + m.words())
		p.Close("figcaption")
		p.curve(m)
		p.Close("figure")
		p.Newline()
	}
}

// measured are the checks whose measurements the log has as numbers. One measurement is no curve; the table has it.
func (p *page) measured() []measured {
	var all []measured
	for _, c := range p.plan.Checks {
		m := measured{name: c.Name, limits: limitsOf(c)}
		for _, a := range p.checks {
			value, err := strconv.ParseFloat(a.value, 64)
			if a.name == c.Name && err == nil && !math.IsNaN(value) && !math.IsInf(value, 0) {
				m.points = append(m.points, point{a.at, value, !m.limits.Holds(value)})
			}
		}
		if len(m.points) < 2 || m.limits.Min == nil && m.limits.Max == nil {
			continue
		}
		slices.SortStableFunc(m.points, func(a, b point) int { return a.at.Compare(b.at) })
		m.scale()
		all = append(all, m)
	}
	return all
}

func limitsOf(c plan.Check) plan.Range {
	switch {
	case c.Prometheus != nil:
		return c.Prometheus.Range
	case c.HTTP != nil:
		return c.HTTP.Range
	default:
		return plan.Range{}
	}
}

// scale makes room for every value and every limit.
func (m *measured) scale() {
	m.from, m.to = m.points[0].at, m.points[len(m.points)-1].at
	m.low, m.high = m.points[0].value, m.points[0].value
	values := []float64{}
	for _, p := range m.points {
		values = append(values, p.value)
	}
	for _, limit := range []*float64{m.limits.Min, m.limits.Max} {
		if limit != nil {
			values = append(values, *limit)
		}
	}
	for _, v := range values {
		m.low, m.high = min(m.low, v), max(m.high, v)
	}
	room := (m.high - m.low) / 8
	if room <= 0 || math.IsInf(room, 0) {
		room = max(math.Abs(m.high)/8, 1e-9)
	}
	m.low, m.high = m.low-room, m.high+room
}

// words say what the curve shows: how many measurements there are, what they lie between, and what was asked for.
func (m *measured) words() string {
	low, high, bad := m.points[0].value, m.points[0].value, 0
	for _, p := range m.points {
		low, high, bad = min(low, p.value), max(high, p.value), bad+oneIf(p.bad)
	}
	return fmt.Sprintf("%d measurements from %s to %s; %s asked for, %d outside", len(m.points), figure(low), figure(high),
		m.limits, bad)
}

func figure(f float64) string { return strconv.FormatFloat(f, 'g', 4, 64) }

func (m *measured) x(at time.Time) float64 {
	return axisWidth * float64(at.Sub(m.from)) / float64(max(m.to.Sub(m.from), 1))
}

func (m *measured) y(value float64) float64 { return plotHeight * (m.high - value) / (m.high - m.low) }

// curve draws the values, and the limits that they are held against.
func (p *page) curve(m measured) {
	p.Open("div", markup.Class("plot values"))
	p.Open("svg", markup.Is("viewBox", fmt.Sprintf("0 0 %g %g", axisWidth, plotHeight)), markup.Is("preserveAspectRatio", "none"),
		markup.Is("role", "img"),
		markup.Is("aria-label", m.name+": "+m.words()))
	for _, limit := range []*float64{m.limits.Min, m.limits.Max} {
		if limit != nil {
			p.Open("path", markup.Class("curve bound"), markup.Is("d", "M0 "+coordinate(m.y(*limit))+"H1000"))
			p.Close("path")
		}
	}
	var line, outside strings.Builder
	for i, at := range m.points {
		verb := "L"
		if i == 0 {
			verb = "M"
		}
		place := coordinate(m.x(at.at)) + " " + coordinate(m.y(at.value))
		line.WriteString(verb + place)
		if at.bad { // a line of no length is a dot
			outside.WriteString("M" + place + "h0")
		}
	}
	p.Open("path", markup.Class("curve updated"), markup.Is("d", line.String()))
	p.Close("path")
	if outside.Len() > 0 {
		p.Open("path", markup.Class("curve outside"), markup.Is("d", outside.String()))
		p.Close("path")
	}
	p.Close("svg")
	for _, limit := range []*float64{m.limits.Min, m.limits.Max} {
		if limit != nil {
			p.Element("span", figure(*limit), markup.Class("y"), markup.Is("style", "top:"+percent(m.y(*limit)/plotHeight)),
				markup.Is("aria-hidden", "true"))
		}
	}
	p.Close("div")
	p.Open("p", markup.Class("caption"))
	p.moment(m.from)
	p.Text(" to ")
	p.moment(m.to)
	p.Close("p")
}
