// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"

	"github.com/slipway-dev/slipway/fn/markup"
)

// partOf is the id of one of several releases on a page.
func partOf(i int) string { return fmt.Sprintf("release-%d", i+1) }

// overview is a table of several releases, with a way to each.
func (l *layout) overview(all []*History) {
	l.Open("header")
	l.Element("p", "Release report", markup.Class("kind"))
	l.Element("h1", fmt.Sprintf("%d releases", len(all)))
	l.Close("header")
	l.section("releases", "Releases")
	l.Table("releases", "Releases", "Target", "Outcome", "Batches", "Duration", "Began", "Message")
	for i, h := range all {
		end, p := h.outcome(), page{History: h}
		l.Open("tr")
		l.Open("th", markup.Is("scope", "row"))
		l.Element("a", h.target(), markup.Is("href", "#"+partOf(i)))
		l.Close("th")
		l.Open("td")
		l.Element("span", end.sign+" "+end.title, markup.Class("badge "+end.mood))
		l.Close("td")
		l.Element("td", p.batchWords(), markup.Class("number"))
		l.Element("td", inShort(h.duration()), markup.Class("number"))
		began := "–"
		if !h.Simulated && len(h.samples) > 0 {
			began = h.samples[0].at.UTC().Format("2006-01-02 15:04:05")
		}
		l.Element("td", began, markup.Class("number"))
		l.Element("td", sentence(h.last.decision.Message))
		l.Close("tr")
		l.Newline()
	}
	l.EndTable()
	l.Close("section")
}
