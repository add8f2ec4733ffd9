// SPDX-License-Identifier: Apache-2.0

package report

import (
	"slices"
	"time"

	"github.com/slipway-dev/slipway/rollout/outline"
)

// axisWidth is how many units wide a drawing is; it is stretched to the reader's screen.
const axisWidth = 1000.0

// A stretch in which the release waits is cut short on the axis where it is longer than longStretch of the time in which
// it works: a night that it waited for approval would leave nothing to see of its minutes. It gets cutWidth of the axis.
const (
	longStretch = 0.25
	cutWidth    = 0.07 * axisWidth
	mostCuts    = 8
)

// axis maps moments to horizontal places.
type axis struct {
	start time.Time
	knots []knot // ascending; between two of them time is even
	cuts  []cut
}

type knot struct {
	at time.Duration
	x  float64
}

// cut is a stretch of time that is drawn shorter than it was.
type cut struct {
	from, to float64
	begins   time.Time
	length   time.Duration
}

// newAxis makes the axis of the time between the first and the last moment. Between two of them nothing
// changes; idle tells whether the release does nothing from a moment on because it is to wait.
func newAxis(moments []time.Time, idle func(time.Time) bool) axis {
	slices.SortFunc(moments, time.Time.Compare)
	moments = slices.CompactFunc(moments, time.Time.Equal)
	if len(moments) == 0 {
		return axis{knots: []knot{{0, 0}, {1, axisWidth}}}
	}
	a := axis{start: moments[0]}
	whole := max(moments[len(moments)-1].Sub(a.start), time.Second)
	long := longStretches(moments, whole, idle)
	busy := whole
	for i := range long {
		busy -= moments[i+1].Sub(moments[i])
	}
	scale := (axisWidth - cutWidth*float64(len(long))) / float64(max(busy, 1))
	a.knots = []knot{{0, 0}}
	x, last := 0.0, time.Duration(0)
	for i := range len(moments) - 1 {
		from, to := moments[i].Sub(a.start), moments[i+1].Sub(a.start)
		if !long[i] {
			continue
		}
		x += float64(from-last) * scale
		a.knots = append(a.knots, knot{from, x}, knot{to, x + cutWidth})
		a.cuts = append(a.cuts, cut{x, x + cutWidth, moments[i], to - from})
		x, last = x+cutWidth, to
	}
	a.knots = append(a.knots, knot{whole, axisWidth})
	return a
}

// longStretches are the stretches to cut short, by the number of the moment that they begin at: those in which the release
// was idle on purpose, where these are most of its time.
func longStretches(moments []time.Time, whole time.Duration, idle func(time.Time) bool) map[int]bool {
	long := map[int]bool{}
	rest := whole
	for i := range len(moments) - 1 {
		if stretch := moments[i+1].Sub(moments[i]); stretch >= time.Minute && idle(moments[i]) {
			long[i] = true
			rest -= stretch
		}
	}
	if rest*2 > whole || len(long) > mostCuts {
		return nil
	}
	for i := range long {
		if float64(moments[i+1].Sub(moments[i])) < longStretch*float64(rest) {
			delete(long, i)
		}
	}
	return long
}

// at is the place of a moment.
func (a axis) at(t time.Time) float64 { return a.place(t.Sub(a.start)) }

func (a axis) place(d time.Duration) float64 {
	i := 1
	for i < len(a.knots)-1 && a.knots[i].at <= d {
		i++
	}
	from, to := a.knots[i-1], a.knots[i]
	share := float64(d-from.at) / float64(max(to.at-from.at, 1))
	return min(max(from.x+share*(to.x-from.x), 0), axisWidth)
}

type tick struct {
	x     float64
	label string
}

// ticks are round moments, about n of them, none in a stretch that is cut short.
func (a axis) ticks(n int) []tick {
	var ticks []tick
	busy := a.knots[len(a.knots)-1].at
	for _, c := range a.cuts {
		busy -= c.length
	}
	step := timeStep(busy, n)
	for i := 1; i < len(a.knots); i++ {
		from, to := a.knots[i-1], a.knots[i]
		if slices.ContainsFunc(a.cuts, func(c cut) bool { return c.from == from.x }) {
			continue
		}
		for d := (from.at + step - 1) / step * step; d <= to.at; d += step {
			x := a.place(d)
			if len(ticks) == 0 || x-ticks[len(ticks)-1].x > axisWidth/float64(n)/2 {
				ticks = append(ticks, tick{x, outline.Short(d)})
			}
		}
	}
	return ticks
}

// timeStep divides a time into at most n round parts.
func timeStep(whole time.Duration, n int) time.Duration {
	for _, step := range []time.Duration{
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour,
		2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	} {
		if int(whole/step) <= n {
			return step
		}
	}
	step := 24 * time.Hour
	for int(whole/step) > n {
		step *= 2
	}
	return step
}

// countStep divides an axis of pods into at most n round parts.
func countStep(whole, n int) int {
	for magnitude := 1; ; magnitude *= 10 {
		for _, m := range []int{1, 2, 5} {
			if step := m * magnitude; whole/step <= n {
				return step
			}
		}
	}
}

// inShort is a duration for people: to the second, to the tenth below ten seconds.
func inShort(d time.Duration) string {
	if d < 10*time.Second {
		return outline.Short(d.Round(100 * time.Millisecond))
	}
	return outline.Short(d.Round(time.Second))
}
