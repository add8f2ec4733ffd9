// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/fn/markup"
)

// laneLimit is how many pods get a lane; more would be neither seen nor scrolled through.
const laneLimit = 120

// idleLimit is how many pods that nothing happened to get a lane all the same.
const idleLimit = 5

func (p *page) podLanes() {
	p.section("pods", "Pods")
	all := p.lanes(p.until())
	if len(all) == 0 {
		p.Element("p", "The log has no single pods, only the counts of the target's status: a controller replaced them.",
			markup.Class("note"))
		p.Close("section")
		return
	}
	p.legend([]legend{
		{"lane old available", "old revision"}, {"lane new available", "new revision (line on top)"},
	})
	p.legend([]legend{
		{"lane new created", "created, starting"},
		{"lane new ready", "ready, not yet available"},
		{"lane new available", "available"},
		{"lane old drained", "drained"},
		{"lane new in-place", "updated in place"},
		{"lane old terminating", "terminating"},
		{"lane old failed", "failed"},
	})
	shown, idle := touched(all)
	if idle > 0 {
		p.Element("p", fmt.Sprintf("%d pods that nothing happened to have no lane.", idle), markup.Class("note"))
	}
	if touched := len(shown); touched > laneLimit {
		shown = telling(shown)
		p.Element("p", fmt.Sprintf("%d of %d pods: every pod that was in trouble (up to %d), and of the others every so many one, "+
			"evenly over the release.", len(shown), touched, laneLimit/2), markup.Class("note"))
	}
	p.Open("div", markup.Class("lanes"))
	for _, t := range shown {
		p.lane(t)
	}
	p.timeAxis()
	p.Close("div")
	p.podTable(all)
	p.Close("section")
	p.Newline()
}

// touched leaves out the pods that nothing happened to, where they are many and there are others.
func touched(all []*track) (shown []*track, idle int) {
	// They come last.
	n := slices.IndexFunc(all, func(t *track) bool { return t.changed.IsZero() })
	if n <= 0 || len(all)-n <= idleLimit {
		return all, 0
	}
	return all[:n], len(all) - n
}

// telling chooses the pods to show: those in trouble first, and others evenly spread.
func telling(all []*track) []*track {
	trouble := 0
	for _, t := range all {
		trouble += oneIf(t.trouble != "")
	}
	trouble = min(trouble, laneLimit/2)
	plain := len(all) - trouble
	room := laneLimit - trouble
	var shown []*track
	troubled, seen, taken := 0, 0, 0
	for _, t := range all {
		if t.trouble != "" && troubled < trouble {
			troubled++
			shown = append(shown, t)
			continue
		}
		seen++
		if seen*room/max(plain, 1) > taken {
			taken++
			shown = append(shown, t)
		}
	}
	return shown
}

func revision(s podSpan) markup.Constant {
	if s.updated {
		return "new"
	}
	return "old"
}

func stateWords(s podState) string {
	switch s {
	case stateInPlace:
		return "updated in place"
	case stateReady:
		return "ready, not yet available"
	default:
		return string(s)
	}
}

// podTable says in words and numbers what the lanes show.
func (p *page) podTable(all []*track) {
	p.Open("details")
	p.Element("summary", fmt.Sprintf("%d pods as a table", len(all)))
	p.Stacked("pods", "Pods", "Pod", "Revision", "Created", "Updated in place", "Ready", "Available", "Gone", "Restarts", "Remarks")
	for i, t := range all {
		if i == tableLimit {
			break
		}
		p.podRow(t)
	}
	p.EndTable()
	if len(all) > tableLimit {
		p.Element("p", fmt.Sprintf("%d more pods are left out.", len(all)-tableLimit), markup.Class("note"))
	}
	p.Close("details")
}

// remarks are what else there is to say of a pod.
func (t *track) remarks() string {
	words := t.trouble
	if t.why != "" {
		words += ": " + t.why
	}
	switch {
	case !t.guest:
		return words
	case words == "":
		return "guest"
	default:
		return "guest; " + words
	}
}

func (l *layout) lane(t *track) {
	l.Open("div", markup.Class("row"))
	l.Open("span", markup.Class("name"))
	l.Text(t.name)
	if t.trouble != "" {
		l.Element("em", " ✕ "+t.trouble, markup.Is("title", t.remarks()))
	}
	l.Close("span")
	l.Open("div", markup.Class("bar"), markup.Is("role", "img"), markup.Is("aria-label", t.name+": "+l.life(t)))
	for _, s := range t.spans {
		from, to := l.axis.at(s.from), l.axis.at(s.to)
		if to <= from {
			continue
		}
		l.Open("i", markup.Class("lane "+revision(s)+" "+markup.Constant(s.state)),
			markup.Is("title", fmt.Sprintf("%s, %s: %s to %s", stateWords(s.state), revision(s), l.clock(s.from), l.clock(s.to))),
			markup.Is("style", "left:"+percent(from/axisWidth)+";width:"+percent((to-from)/axisWidth)))
		l.Close("i")
	}
	l.Close("div", "div")
	l.Newline()
}

// life is the lane in words.
func (l *layout) life(t *track) string {
	var words []string
	for _, s := range t.spans {
		words = append(words, fmt.Sprintf("%s from %s", stateWords(s.state), l.clock(s.from)))
		if len(words) == 12 {
			words = append(words, "and so on")
			break
		}
	}
	if !t.gone.IsZero() {
		words = append(words, "gone at "+l.clock(t.gone))
	}
	return strings.Join(words, ", ")
}

func (l *layout) podRow(t *track) {
	l.Open("tr")
	l.Element("th", t.name, markup.Is("scope", "row"))
	l.Element("td", string(revision(t.spans[len(t.spans)-1])))
	if t.born {
		l.cellOfTime(t.first)
	} else {
		l.Element("td", "before", markup.Class("number"))
	}
	l.cellOfTime(t.inPlace)
	l.cellOfTime(t.since(stateReady, stateAvailable))
	l.cellOfTime(t.since(stateAvailable))
	l.cellOfTime(t.gone)
	l.Element("td", number(t.restarts), markup.Class("number"))
	l.Element("td", t.remarks())
	l.Close("tr")
	l.Newline()
}
