// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"strings"
	"time"
)

// chart is a timeline as SVG coordinates.
type chart struct {
	Width, Height            int
	Left, Right, Top, Bottom int // edges of the drawing area
	Lines                    []line
	Budget                   []level
	Batches                  []band
	XTicks, YTicks           []tick
}

// PlotHeight is the height of the drawing area.
func (c chart) PlotHeight() int { return c.Bottom - c.Top }

type line struct {
	Class string
	Path  string
}

// level is a horizontal budget line.
type level struct {
	Y      int
	Label  string
	LabelY int
}

// band is the time of one batch.
type band struct {
	X, Width int
	Label    string
	Odd      bool
}

type tick struct {
	At    int
	Label string
}

// scale maps time and pods to coordinates.
type scale struct {
	chart
	span time.Duration
	top  int
}

func (s scale) x(t Seconds) float64 {
	return float64(s.Left) + float64(t)/float64(s.span)*float64(s.Right-s.Left)
}

func (s scale) y(pods int) float64 {
	return float64(s.Bottom) - float64(pods)/float64(s.top)*float64(s.Bottom-s.Top)
}

func newChart(p Page, width, height int) chart {
	s := scale{chart: chart{Width: width, Height: height, Left: 46, Right: width - 14, Top: 34, Bottom: height - 34}, span: 1, top: 1}
	for _, r := range p.Rows {
		s.span, s.top = max(s.span, time.Duration(r.Time)), max(s.top, r.Total)
	}
	ceiling, floor := p.Bounds.Replicas+p.Bounds.MaxSurge, p.Bounds.Replicas-p.Bounds.MaxUnavailable
	s.top = max(s.top, ceiling)
	step := niceStep(s.top)
	s.top = (s.top/step + 1) * step
	s.drawLines(p.Rows)
	s.drawBudget(floor, ceiling)
	s.drawBatches(p.Rows)
	for n := 0; n <= s.top; n += step {
		s.YTicks = append(s.YTicks, tick{At: int(s.y(n)), Label: fmt.Sprint(n)})
	}
	for _, t := range timeTicks(s.span, (s.Right-s.Left)/90) {
		s.XTicks = append(s.XTicks, tick{At: int(s.x(Seconds(t))), Label: short(t)})
	}
	return s.chart
}

// drawLines draws the numbers as steps: a count holds until the next row.
func (s *scale) drawLines(rows []Row) {
	for _, l := range []struct {
		class string
		of    func(Row) int
	}{
		{"total", func(r Row) int { return r.Total }},
		{"old", func(r Row) int { return r.Total - r.Updated }},
		{"updated", func(r Row) int { return r.Updated }},
		{"ready", func(r Row) int { return r.Ready }},
	} {
		s.Lines = append(s.Lines, line{Class: l.class, Path: s.path(rows, l.of)})
	}
}

// path draws one line. Several rows within one pixel become one vertical stroke from their least to their most, so a
// release of many thousand states stays a small file and no dip gets lost.
func (s *scale) path(rows []Row, of func(Row) int) string {
	var b strings.Builder
	for i := 0; i < len(rows); {
		x := int(s.x(rows[i].Time))
		low, high, last := of(rows[i]), of(rows[i]), of(rows[i])
		first := last
		for ; i < len(rows) && int(s.x(rows[i].Time)) == x; i++ {
			last = of(rows[i])
			low, high = min(low, last), max(high, last)
		}
		if b.Len() == 0 {
			fmt.Fprintf(&b, "M%d %.1f", x, s.y(first))
		} else {
			fmt.Fprintf(&b, "H%d", x)
		}
		if low != high {
			fmt.Fprintf(&b, "V%.1fV%.1f", s.y(low), s.y(high))
		}
		fmt.Fprintf(&b, "V%.1f", s.y(last))
	}
	fmt.Fprintf(&b, "H%d", s.Right)
	return b.String()
}

func (s *scale) drawBudget(floor, ceiling int) {
	high, low := level{Y: int(s.y(ceiling)), Label: fmt.Sprintf("at most %d pods", ceiling)}, level{Y: int(s.y(floor)), Label: fmt.Sprintf("at least %d available", floor)}
	high.LabelY, low.LabelY = high.Y-6, low.Y+15
	s.Budget = []level{high, low}
}

func (s *scale) drawBatches(rows []Row) {
	for i := 0; i < len(rows); {
		j := i
		for j < len(rows) && rows[j].Batch == rows[i].Batch {
			j++
		}
		end := float64(s.Right)
		if j < len(rows) {
			end = s.x(rows[j].Time)
		}
		b := band{X: int(s.x(rows[i].Time)), Label: fmt.Sprintf("batch %d", rows[i].Batch), Odd: rows[i].Batch%2 == 1}
		b.Width = int(end) - b.X
		if b.Width < 52 {
			b.Label = fmt.Sprint(rows[i].Batch)
		}
		if b.Width < 12 {
			b.Label = ""
		}
		s.Batches = append(s.Batches, b)
		i = j
	}
}

// niceStep divides the axis of pods into at most six round parts.
func niceStep(top int) int {
	for magnitude := 1; ; magnitude *= 10 {
		for _, m := range []int{1, 2, 5} {
			if step := m * magnitude; top/step < 6 {
				return step
			}
		}
	}
}

// timeTicks are round moments, at most n of them and the beginning.
func timeTicks(span time.Duration, n int) []time.Duration {
	steps := []time.Duration{
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour,
		2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
	}
	step := steps[len(steps)-1]
	for i := len(steps) - 1; i >= 0; i-- {
		if int(span/steps[i]) <= max(n, 2) {
			step = steps[i]
		}
	}
	for int(span/step) > max(n, 2) {
		step *= 2
	}
	var ticks []time.Duration
	for t := time.Duration(0); t <= span; t += step {
		ticks = append(ticks, t)
	}
	return ticks
}

// short is a duration without the units that are zero: 10m instead of 10m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
