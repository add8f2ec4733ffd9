// SPDX-License-Identifier: Apache-2.0

package report

import "time"

// layout writes what pages are made of: sections, tables, lanes and strips of time. It knows no release, only
// the pod or the moment that it is given.
type layout struct {
	markup
	axis  axis
	dates bool   // moments have a date, and not only a time since the beginning
	part  string // what ids begin with, where a page holds several releases
}

// section begins a part of the page with a heading.
func (l *layout) section(name constant, heading string) {
	id := l.id(name)
	l.open("section", is("id", id), is("aria-labelledby", id+"-h"))
	l.element("h2", heading, is("id", id+"-h"))
	l.newline()
}

// id is a name that nothing else on the page has.
func (l *layout) id(name constant) string { return l.part + string(name) }

// table begins a table that scrolls for itself where it is wider than the screen.
func (l *layout) table(name constant, label string, columns ...string) {
	l.open("div", class("scroll"), is("role", "region"), is("aria-label", label), is("tabindex", "0"))
	l.open("table", class(name))
	l.open("thead")
	l.open("tr")
	for _, c := range columns {
		l.element("th", c, is("scope", "col"))
	}
	l.close("tr", "thead")
	l.newline()
	l.open("tbody")
}

func (l *layout) endTable() {
	l.close("tbody", "table", "div")
	l.newline()
}

// number is one of the figures at the top, with its name.
func (l *layout) number(name, value, small string, bad bool) {
	if bad {
		l.open("div", class("bad"))
	} else {
		l.open("div")
	}
	l.element("dt", name)
	l.open("dd")
	l.text(value)
	if small != "" {
		l.text(" ")
		l.element("small", small)
	}
	l.close("dd", "div")
}

func (l *layout) date(at time.Time, layout string) {
	l.element("time", at.UTC().Format(layout), is("datetime", at.UTC().Format(time.RFC3339)))
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
		l.element("td", "–", class("number"))
		return
	}
	l.open("td", class("number"))
	l.moment(at)
	l.close("td")
}

func (l *layout) moment(at time.Time) {
	l.text(l.clock(at))
	if clock := l.timeOfDay(at); clock != "" {
		l.text(" ")
		l.element("small", clock, is("title", at.UTC().Format("2006-01-02 15:04:05 UTC")))
	}
}

// tickCount is about how many moments are named below the timeline.
const tickCount = 8

func (l *layout) timeAxis() {
	l.open("div", class("axis"), is("aria-hidden", "true"))
	for i, t := range l.axis.ticks(tickCount) {
		name := constant("tick")
		if i%2 == 1 {
			name = "tick odd"
		}
		if t.x > axisWidth-40 {
			name += " last"
		}
		l.element("span", t.label, class(name), is("style", "left:"+percent(t.x/axisWidth)))
	}
	l.close("div")
}

// legend is a name beside a sample of what it looks like.
type legend struct {
	class constant
	label string
}

func (l *layout) legend(all []legend) {
	l.open("ul", class("legend"))
	for _, item := range all {
		l.open("li")
		l.open("i", class(item.class), is("aria-hidden", "true"))
		l.close("i")
		l.text(item.label)
		l.close("li")
	}
	l.close("ul")
	l.newline()
}

// strip is a stretch of time with a name.
type strip struct {
	from, to time.Time
	class    constant
	label    string
	title    string
}

// strips draws stretches one beside the other. A name that has no room is cut off; it is in the tables, too.
func (l *layout) strips(name constant, label string, all []strip) {
	l.open("div", class("strips "+name), is("role", "img"), is("aria-label", label))
	for _, s := range all {
		from, to := l.axis.at(s.from), l.axis.at(s.to)
		if to-from < 0.2 {
			continue
		}
		l.open("span", class(s.class), is("style", "left:"+percent(from/axisWidth)+";width:"+percent((to-from)/axisWidth)), is("title", s.title))
		if to-from > 28 {
			l.element("b", s.label)
		}
		l.close("span")
	}
	l.close("div")
	l.newline()
}
