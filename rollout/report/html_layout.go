// SPDX-License-Identifier: Apache-2.0

package report

import (
	"time"

	"github.com/slipway-dev/slipway/fn/markup"
)

// layout writes what pages are made of: sections, tables, lanes and strips of time. It knows no release, only
// the pod or the moment that it is given.
type layout struct {
	markup.Page
	axis  axis
	dates bool   // moments have a date, and not only a time since the beginning
	part  string // what ids begin with, where a page holds several releases
}

// section begins a part of the page with a heading.
func (l *layout) section(name markup.Constant, heading string) {
	id := l.id(name)
	l.Open("section", markup.Is("id", id), markup.Is("aria-labelledby", id+"-h"))
	l.Element("h2", heading, markup.Is("id", id+"-h"))
	l.Newline()
}

// id is a name that nothing else on the page has.
func (l *layout) id(name markup.Constant) string { return l.part + string(name) }

// number is one of the figures at the top, with its name.
func (l *layout) number(name, value, small string, bad bool) {
	if bad {
		l.Open("div", markup.Class("bad"))
	} else {
		l.Open("div")
	}
	l.Element("dt", name)
	l.Open("dd")
	l.Text(value)
	if small != "" {
		l.Text(" ")
		l.Element("small", small)
	}
	l.Close("dd", "div")
}

func (l *layout) date(at time.Time, layout string) {
	l.Element("time", at.UTC().Format(layout), markup.Is("datetime", at.UTC().Format(time.RFC3339)))
}

// clock is a moment as the tables show it: since the beginning.
func (l *layout) clock(at time.Time) string { return inShort(at.Sub(l.axis.start)) }

// timeOfDay is a moment by the clock, with the day where that is another than the first one; "" on a virtual clock.
func (l *layout) timeOfDay(at time.Time) string {
	switch {
	case !l.dates:
		return ""
	case at.UTC().Format(time.DateOnly) == l.axis.start.UTC().Format(time.DateOnly):
		return at.UTC().Format(time.TimeOnly)
	default:
		return at.UTC().Format("Jan 2 15:04:05")
	}
}

// cellOfTime is a cell with a moment: since the beginning, and by the clock.
func (l *layout) cellOfTime(at time.Time) {
	if at.IsZero() {
		l.Element("td", "–", markup.Class("number"))
		return
	}
	l.Open("td", markup.Class("number"))
	l.moment(at)
	l.Close("td")
}

func (l *layout) moment(at time.Time) {
	l.Text(l.clock(at))
	if clock := l.timeOfDay(at); clock != "" {
		l.Text(" ")
		l.Element("small", clock, markup.Is("title", at.UTC().Format("2006-01-02 15:04:05 UTC")))
	}
}

// tickCount is about how many moments are named below the timeline.
const tickCount = 8

func (l *layout) timeAxis() {
	l.Open("div", markup.Class("axis"), markup.Is("aria-hidden", "true"))
	for i, t := range l.axis.ticks(tickCount) {
		name := markup.Constant("tick")
		if i%2 == 1 {
			name = "tick odd"
		}
		if t.x > axisWidth-40 {
			name += " last"
		}
		l.Element("span", t.label, markup.Class(name), markup.Is("style", "left:"+percent(t.x/axisWidth)))
	}
	l.Close("div")
}

// legend is a name beside a sample of what it looks like.
type legend struct {
	class markup.Constant
	label string
}

func (l *layout) legend(all []legend) {
	l.Open("ul", markup.Class("legend"))
	for _, item := range all {
		l.Open("li")
		l.Open("i", markup.Class(item.class), markup.Is("aria-hidden", "true"))
		l.Close("i")
		l.Text(item.label)
		l.Close("li")
	}
	l.Close("ul")
	l.Newline()
}

// strip is a stretch of time with a name.
type strip struct {
	from, to time.Time
	class    markup.Constant
	label    string
	title    string
}

// strips draws stretches one beside the other. A name that has no room is cut off; it is in the tables, too.
func (l *layout) strips(name markup.Constant, label string, all []strip) {
	l.Open("div", markup.Class("strips "+name), markup.Is("role", "img"), markup.Is("aria-label", label))
	for _, s := range all {
		from, to := l.axis.at(s.from), l.axis.at(s.to)
		if to-from < 0.2 {
			continue
		}
		l.Open("span", markup.Class(s.class), markup.Is("style",
			"left:"+percent(from/axisWidth)+";width:"+percent((to-from)/axisWidth)), markup.Is("title", s.title))
		if to-from > 28 {
			l.Element("b", s.label)
		}
		l.Close("span")
	}
	l.Close("div")
	l.Newline()
}
