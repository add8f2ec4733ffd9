// SPDX-License-Identifier: Apache-2.0

package report

import "fmt"

// partOf is the id of one of several releases on a page.
func partOf(i int) string { return fmt.Sprintf("release-%d", i+1) }

// overview is a table of several releases, with a way to each.
func (l *layout) overview(all []*History) {
	l.open("header")
	l.element("p", "Release report", class("kind"))
	l.element("h1", fmt.Sprintf("%d releases", len(all)))
	l.close("header")
	l.section("releases", "Releases")
	l.table("releases", "Releases", "Target", "Outcome", "Batches", "Duration", "Began", "Message")
	for i, h := range all {
		end, p := h.outcome(), page{History: h}
		l.open("tr")
		l.open("th", is("scope", "row"))
		l.element("a", h.target(), is("href", "#"+partOf(i)))
		l.close("th")
		l.open("td")
		l.element("span", end.sign+" "+end.title, class("badge "+end.mood))
		l.close("td")
		l.element("td", p.batchWords(), class("number"))
		l.element("td", inShort(h.duration()), class("number"))
		began := "–"
		if !h.Simulated && len(h.samples) > 0 {
			began = h.samples[0].at.UTC().Format("2006-01-02 15:04:05")
		}
		l.element("td", began, class("number"))
		l.element("td", sentence(h.last.decision.Message))
		l.close("tr")
		l.newline()
	}
	l.endTable()
	l.close("section")
}
