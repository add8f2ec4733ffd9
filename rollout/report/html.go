// SPDX-License-Identifier: Apache-2.0

package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/slipway-dev/slipway/rollout"
)

// pageSource is the template of the page: style and markup, no script and nothing to load.
//
//go:embed page.html
var pageSource string

// tableLimit is how many rows the page lists. The timeline always shows all of them.
const tableLimit = 1000

// Page is what the HTML report shows.
type Page struct {
	Set      string // namespace/name of the CloneSet
	Revision string // what was released, in words; may be empty
	Bounds   rollout.Bounds
	Targets  []int // updated pods after each batch
	Rows     []Row
	End      rollout.Decision
	Writes   int // on pods
}

// HTML writes one self-contained page: a timeline of old, updated, ready and all pods against the budget, the
// numbers, and the rows. It has no script, loads nothing, and follows the reader's light or dark setting.
func HTML(w io.Writer, p Page) error {
	page, err := template.New("page").Parse(pageSource)
	if err != nil {
		return fmt.Errorf("reading page template: %w", err)
	}
	if err := page.Execute(w, newView(p)); err != nil {
		return fmt.Errorf("writing page: %w", err)
	}
	return nil
}

// view is the page as the template sees it: everything worked out, nothing to decide.
type view struct {
	Page
	Good           bool
	Verdict        string
	Duration       string
	LeastAvailable int
	MostPods       int
	Floor          int // replicas - maxUnavailable
	Ceiling        int // replicas + maxSurge
	Kept           bool
	Dip            string // how far the budget was missed; only pods that are lost without a write can do that
	Wide, Narrow   chart
	Shown          []Row
	Hidden         int
}

func newView(p Page) view {
	v := view{
		Page: p, Good: p.End.Verdict == rollout.Done, Verdict: verdict(p.End), Floor: p.Bounds.Replicas - p.Bounds.MaxUnavailable,
		Ceiling: p.Bounds.Replicas + p.Bounds.MaxSurge, LeastAvailable: p.Bounds.Replicas, Shown: p.Rows,
	}
	for _, r := range p.Rows {
		v.LeastAvailable, v.MostPods = min(v.LeastAvailable, r.Available), max(v.MostPods, r.Total)
	}
	v.Kept = v.LeastAvailable >= v.Floor && v.MostPods <= v.Ceiling
	if !v.Kept {
		v.Dip = fmt.Sprintf("%d below", max(v.Floor-v.LeastAvailable, 0))
	}
	if len(p.Rows) > 0 {
		v.Duration = time.Duration(p.Rows[len(p.Rows)-1].Time).String()
	}
	if len(p.Rows) > tableLimit {
		v.Shown, v.Hidden = p.Rows[:tableLimit], len(p.Rows)-tableLimit
	}
	v.Wide, v.Narrow = newChart(p, 960, 380), newChart(p, 380, 360)
	return v
}

func verdict(d rollout.Decision) string {
	switch d.Reason {
	case rollout.Completed:
		return "Done"
	case rollout.RolledBack:
		return "Rolled back"
	default:
		return "Stopped"
	}
}
