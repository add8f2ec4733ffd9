// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Window is a span of the day in which the next batch may begin: when a clock on the wall there shows From or later, and
// earlier than To. Where To is not after From it ends on the day after, and Days are the days on which it begins. Daylight
// saving time changes what the clock shows and nothing else: a span that the clock skips does not exist that day, and one
// that it shows twice is open twice.
type Window struct {
	Days     []time.Weekday `json:"days,omitempty"` // none: every day
	From     TimeOfDay      `json:"from"`
	To       TimeOfDay      `json:"to"`                 // at most 24:00
	TimeZone string         `json:"timeZone,omitempty"` // name in the time zone database; "" is UTC
}

// TimeOfDay is what a clock on the wall shows, in minutes since 00:00.
type TimeOfDay int

const endOfDay TimeOfDay = 24 * 60

// ParseTimeOfDay reads HH:MM, up to 24:00, the end of the day.
func ParseTimeOfDay(s string) (TimeOfDay, error) {
	if s == "24:00" {
		return endOfDay, nil
	}
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("15:04") {
		return 0, fmt.Errorf("%q is not a time of day: write 09:00, or 24:00 for the end of the day", s)
	}
	return TimeOfDay(t.Hour()*60 + t.Minute()), nil
}

func (t TimeOfDay) String() string { return fmt.Sprintf("%02d:%02d", int(t)/60, int(t)%60) }

// horizon is how far ahead an opening is looked for. No day of the week is skipped by the clocks of any place for longer.
const horizon = 60 * 24 * time.Hour

// Opens is when a batch may begin: now, where the window is open, or the moment at which it opens next. It is in the
// window's time zone. The error says that the time zone is not known, or that the window never opens.
func (w Window) Opens(now time.Time) (time.Time, error) {
	zone, err := w.location()
	if err != nil {
		return time.Time{}, err
	}
	end := now.Add(horizon)
	for at := now.In(zone); at.Before(end); {
		// Between two changes of the clock, what it shows grows evenly.
		_, until := at.ZoneBounds()
		if until.IsZero() || until.After(end) {
			until = end.In(zone)
		}
		if opens, ok := w.opensIn(at, until); ok {
			return opens, nil
		}
		at = until
	}
	return time.Time{}, fmt.Errorf("the window %s never opens", w)
}

// opensIn finds the first moment of the window in a span in which the clock is not changed.
func (w Window) opensIn(at, until time.Time) (time.Time, bool) {
	_, offset := at.Zone()
	shift := time.Duration(offset) * time.Second
	shown := at.UTC().Add(shift) // what the clock shows, as if it were UTC
	for day := shown.Truncate(24*time.Hour).AddDate(0, 0, -1); day.Add(-shift).Before(until); day = day.AddDate(0, 0, 1) {
		if len(w.Days) > 0 && !slices.Contains(w.Days, day.Weekday()) {
			continue
		}
		to := w.To
		if to <= w.From {
			to += endOfDay
		}
		opens, closes := day.Add(time.Duration(w.From)*time.Minute-shift), day.Add(time.Duration(to)*time.Minute-shift)
		if opens.Before(at) {
			opens = at
		}
		if opens.Before(closes) && opens.Before(until) {
			return opens.In(at.Location()), true
		}
	}
	return time.Time{}, false
}

func (w Window) location() (*time.Location, error) {
	zone, err := time.LoadLocation(w.TimeZone)
	if err != nil || w.TimeZone == "Local" {
		return nil, fmt.Errorf("%q is not a time zone: write a name such as Europe/Berlin or UTC", w.TimeZone)
	}
	return zone, nil
}

// String is the window as people write it: "Mon-Fri 09:00-17:00 Europe/Berlin".
func (w Window) String() string {
	zone := w.TimeZone
	if zone == "" {
		zone = "UTC"
	}
	return fmt.Sprintf("%s %s-%s %s", w.days(), w.From, w.To, zone)
}

// days are the days in the order of the week, three and more in a row as a span.
func (w Window) days() string {
	if len(w.Days) == 0 {
		return "daily"
	}
	week := []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday, time.Sunday}
	var parts []string
	for i := 0; i < len(week); i++ {
		first := i
		for i < len(week) && slices.Contains(w.Days, week[i]) {
			i++
		}
		switch n := i - first; {
		case n >= 3:
			parts = append(parts, dayNames()[week[first]]+"-"+dayNames()[week[i-1]])
		default:
			for _, d := range week[first:i] {
				parts = append(parts, dayNames()[d])
			}
		}
	}
	return strings.Join(parts, ", ")
}

// WithoutWindows is the plan with every window open, for a release that is played and has no time of day, and whether there
// was one.
func (p BatchPlan) WithoutWindows() (BatchPlan, bool) {
	found := false
	p.Batches = slices.Clone(p.Batches)
	for i := range p.Batches {
		found = found || p.Batches[i].Pause.Window != nil
		p.Batches[i].Pause.Window = nil
	}
	return p, found
}

// dayNames are the days as a plan writes them, by number.
func dayNames() []string { return []string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"} }

// readWindow reads pause.window.
func readWindow(v value) *Window {
	if !v.Present() || !v.mapping("days", "from", "to", "timeZone") {
		return nil
	}
	w := &Window{TimeZone: v.get("timeZone").Text()}
	for _, day := range v.get("days").items() {
		name := day.Text()
		i := slices.Index(dayNames(), name)
		switch {
		case i < 0:
			day.fail("%q is not one of Mon, Tue, Wed, Thu, Fri, Sat, Sun%s", name, suggestion(name, dayNames()))
		case slices.Contains(w.Days, time.Weekday(i)):
			day.fail("%s is given twice", name)
		default:
			w.Days = append(w.Days, time.Weekday(i))
		}
	}
	if v.get("days").Present() && len(v.get("days").items()) == 0 {
		v.get("days").fail("is empty: leave it out for every day")
	}
	w.From, w.To = v.get("from").timeOfDay(0), v.get("to").timeOfDay(endOfDay)
	switch {
	case w.From == endOfDay:
		v.get("from").fail("24:00 is the end of the day: write 00:00")
	case !v.get("days").Present() && w.From == 0 && w.To == endOfDay:
		v.fail("is always open: set days, or from and to")
	case w.From == w.To:
		v.get("to").fail("%s is when the window opens: for the whole day leave from and to out", w.To)
	}
	if _, err := w.location(); err != nil {
		v.get("timeZone").fail("%v", err)
	}
	return w
}

func (v value) timeOfDay(fallback TimeOfDay) TimeOfDay {
	s, ok := v.Scalar("a time of day in quotes: write \"09:00\"", yaml.NodeTagString)
	if !ok {
		return fallback
	}
	t, err := ParseTimeOfDay(s)
	if err != nil {
		v.fail("%v", err)
		return fallback
	}
	return t
}

// Closed says when a closed window opens.
func (w Window) Closed(opens time.Time) string {
	return fmt.Sprintf("the next batch begins when the window %s opens, %s", w, opens.Format("Mon 2 Jan 2006 15:04 MST"))
}
