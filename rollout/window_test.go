// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the machine may have no time zones

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

func timeOfDay(t *testing.T, s string) plan.TimeOfDay {
	t.Helper()
	tod, err := plan.ParseTimeOfDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return tod
}

// In Berlin the clock skips 02:00 to 03:00 on 29 March 2026 and shows 02:00 to 03:00 twice on 25 October 2026, both Sundays.
func TestWindowOpens(t *testing.T) {
	office := []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
	for name, c := range map[string]struct {
		days           []time.Weekday
		from, to, zone string
		now, opens     string // opens "" is now
	}{
		"inside":              {office, "09:00", "17:00", "Europe/Berlin", "2026-01-05T10:00:00+01:00", ""},
		"at the first moment": {office, "09:00", "17:00", "Europe/Berlin", "2026-01-05T09:00:00+01:00", ""},
		"at the last moment":  {office, "09:00", "17:00", "Europe/Berlin", "2026-01-05T16:59:59.999+01:00", ""},
		"at the end": {
			office, "09:00", "17:00", "Europe/Berlin", "2026-01-05T17:00:00+01:00",
			"2026-01-06T09:00:00+01:00",
		},
		"over the weekend": {
			office, "09:00", "17:00", "Europe/Berlin", "2026-01-09T18:00:00+01:00",
			"2026-01-12T09:00:00+01:00",
		},
		"over the weekend of the change": {
			office, "09:00", "17:00", "Europe/Berlin", "2026-03-27T18:00:00+01:00",
			"2026-03-30T09:00:00+02:00",
		},
		"the other way": {
			office, "09:00", "17:00", "Europe/Berlin", "2026-10-23T18:00:00+02:00",
			"2026-10-26T09:00:00+01:00",
		},
		"every day, UTC": {nil, "22:00", "23:00", "", "2026-01-05T10:00:00Z", "2026-01-05T22:00:00Z"},
		"whole days": {
			[]time.Weekday{time.Tuesday},
			"00:00", "24:00", "", "2026-01-05T10:00:00Z",
			"2026-01-06T00:00:00Z",
		},
		"over midnight, before it": {[]time.Weekday{time.Friday}, "22:00", "02:00", "", "2026-01-09T23:00:00Z", ""},
		"over midnight, after it":  {[]time.Weekday{time.Friday}, "22:00", "02:00", "", "2026-01-10T01:59:00Z", ""},
		"over midnight, not the day before": {
			[]time.Weekday{time.Friday},
			"22:00", "02:00", "", "2026-01-09T01:00:00Z",
			"2026-01-09T22:00:00Z",
		},
		"over midnight, over": {
			[]time.Weekday{time.Friday},
			"22:00", "02:00", "", "2026-01-10T02:00:00Z",
			"2026-01-16T22:00:00Z",
		},
		"the clock skips its beginning": {
			[]time.Weekday{time.Sunday},
			"02:30", "04:00", "Europe/Berlin",
			"2026-03-29T00:00:00+01:00", "2026-03-29T03:00:00+02:00",
		},
		"the clock skips its end": {
			[]time.Weekday{time.Sunday},
			"01:30", "02:30", "Europe/Berlin",
			"2026-03-29T03:00:00+02:00", "2026-04-05T01:30:00+02:00",
		},
		"the clock skips all of it": {
			[]time.Weekday{time.Sunday},
			"02:00", "03:00", "Europe/Berlin",
			"2026-03-29T00:00:00+01:00", "2026-04-05T02:00:00+02:00",
		},
		"shown twice, the first time": {nil, "02:15", "02:45", "Europe/Berlin", "2026-10-25T02:20:00+02:00", ""},
		"shown twice, between": {
			nil, "02:15", "02:45", "Europe/Berlin", "2026-10-25T02:50:00+02:00",
			"2026-10-25T02:15:00+01:00",
		},
		"shown twice, the second time": {nil, "02:15", "02:45", "Europe/Berlin", "2026-10-25T02:20:00+01:00", ""},
		"over midnight on the long night": {
			[]time.Weekday{time.Saturday},
			"23:00", "03:00", "Europe/Berlin",
			"2026-10-25T02:59:00+01:00", "",
		},
		"a day that an island skipped": {
			[]time.Weekday{time.Friday},
			"09:00", "17:00", "Pacific/Apia", "2011-12-28T09:00:00-10:00",
			"2012-01-06T09:00:00+14:00",
		},
		"a zone without whole hours": {nil, "09:00", "17:00", "Asia/Kathmandu", "2026-01-05T00:00:00Z", "2026-01-05T09:00:00+05:45"},
	} {
		t.Run(name, func(t *testing.T) {
			w := plan.Window{Days: c.days, From: timeOfDay(t, c.from), To: timeOfDay(t, c.to), TimeZone: c.zone}
			if c.opens == "" {
				c.opens = c.now
			}
			opens, err := w.Opens(at(t, c.now))
			if want := at(t, c.opens); err != nil || !opens.Equal(want) {
				t.Errorf("%s at %s opens %v, %v; want %v", w, c.now, opens, err, want)
			}
		})
	}
	if _, err := (plan.Window{TimeZone: "Europe/Atlantis", To: 60}).Opens(time.Time{}); err == nil ||
		!strings.Contains(err.Error(), "Europe/Atlantis") {
		t.Errorf("an unknown time zone gives %v", err)
	}
}

// shows tells from nothing but a clock on the wall and a calendar whether a window is open.
func shows(w plan.Window, moment time.Time, zone *time.Location) bool {
	local := moment.In(zone)
	clock, day := plan.TimeOfDay(local.Hour()*60+local.Minute()), local.Weekday()
	on := func(d time.Weekday) bool { return len(w.Days) == 0 || slices.Contains(w.Days, d) }
	if w.From < w.To {
		return on(day) && clock >= w.From && clock < w.To
	}
	return on(day) && clock >= w.From || on((day+6)%7) && clock < w.To
}

// TestWindowAgreesWithTheClockOnTheWall compares with a walk from minute to minute, around changes of the clock above all.
func TestWindowAgreesWithTheClockOnTheWall(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	zones := []string{"", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca"}
	changes := []string{
		"2026-03-08T00:00:00Z", "2026-03-28T12:00:00Z", "2026-04-04T00:00:00Z", "2026-10-04T00:00:00Z",
		"2026-10-24T12:00:00Z", "2026-11-01T00:00:00Z",
	}
	for range 300 {
		w := plan.Window{
			From: plan.TimeOfDay(random.IntN(24 * 60)), To: plan.TimeOfDay(1 + random.IntN(24*60)),
			TimeZone: zones[random.IntN(len(zones))],
		}
		for d := range time.Weekday(7) {
			if random.IntN(2) == 0 {
				w.Days = append(w.Days, d)
			}
		}
		if w.From == w.To {
			continue
		}
		zone, err := time.LoadLocation(w.TimeZone)
		if err != nil {
			t.Fatal(err)
		}
		now := at(t, changes[random.IntN(len(changes))]).Add(time.Duration(random.IntN(2*24*60)) * time.Minute)
		opens, err := w.Opens(now)
		if err != nil {
			t.Fatalf("%s at %s: %v", w, now, err)
		}
		want := now
		for !shows(w, want, zone) {
			want = want.Add(time.Minute)
		}
		if !opens.Equal(want) {
			t.Fatalf("%s at %s opens %s, but the clock on the wall says %s", w, now.In(zone), opens, want.In(zone))
		}
	}
}

// TestBatchBeginsOnlyInsideTheWindow decides at the moment before and at the moment itself, and wakes exactly then.
func TestBatchBeginsOnlyInsideTheWindow(t *testing.T) {
	p, o := readyBatch(t, plan.Pause{Window: &plan.Window{
		From: timeOfDay(t, "09:00"), To: timeOfDay(t, "17:00"),
		TimeZone: "Europe/Berlin",
	}})
	opens := at(t, "2026-01-05T09:00:00+01:00")
	o.Now = opens.Add(-3 * time.Hour)
	d := rollout.Decide(p, o)
	if d.Reason != plan.OutsideWindow || d.Verdict != rollout.Wait || d.After != 3*time.Hour || len(d.Actions) != 0 ||
		!strings.Contains(d.Message, "daily 09:00-17:00 Europe/Berlin opens, Mon 5 Jan 2026 09:00 CET") {
		t.Errorf("before the window: %+v", d)
	}
	o.Now = o.Now.Add(d.After)
	if d := rollout.Decide(p, o); d.Reason != plan.BatchStarted {
		t.Errorf("when it opens: %+v", d)
	}
	o.Now = opens.Add(8 * time.Hour)
	if d := rollout.Decide(p, o); d.Reason != plan.OutsideWindow || d.After != 16*time.Hour {
		t.Errorf("when it closes: %+v", d)
	}
	// A zone that the machine does not know is no licence, and no end either: nothing is recorded.
	p.Batches[0].Pause.Window.TimeZone = "Europe/Atlantis"
	if d := rollout.Decide(p, o); d.Reason != plan.Invalid || len(d.Actions) != 0 {
		t.Errorf("without a time zone: %+v", d)
	}
}

// TestRollbackWaitsForNoWindow and for no approval.
func TestRollbackWaitsForNoWindow(t *testing.T) {
	p, o := readyBatch(t, plan.Pause{UntilApproved: true, Window: &plan.Window{Days: []time.Weekday{time.Sunday}, To: 60}})
	o.Progress.Undo = true
	d := rollout.Decide(p, o)
	if d.Reason != plan.RollingBack {
		t.Fatalf("undo: %+v", d)
	}
	o.Progress = *d.Actions[0].Progress
	if d := rollout.Decide(p, o); d.Reason != plan.RollingBack || len(d.Actions) == 0 {
		t.Errorf("the rollback waits: %+v", d)
	}
}

func TestParseWindow(t *testing.T) {
	parse := func(pauses ...string) (plan.BatchPlan, error) {
		text := "apiVersion: slipway.dev/v1alpha1\nkind: BatchPlan\nmetadata: {name: demo}\nspec:\n" +
			"  target: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: demo}\n  batches:\n"
		for _, pause := range pauses {
			text += "  - replicas: 50%\n    pause: {" + pause + "}\n"
		}
		return plan.ParsePlan("plan.yaml", []byte(text+"  - replicas: 100%\n"))
	}
	p, err := parse(`window: {days: [Mon, Fri], from: "22:00", to: 06:30, timeZone: Europe/Berlin}`, `window: {days: [Sat]}`)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Batches[0].Pause.Window.String() + "; " + p.Batches[1].Pause.Window.String(); got != "Mon, Fri 22:00-06:30 "+
		"Europe/Berlin; Sat 00:00-24:00 UTC" {
		t.Errorf("parsed %s", got)
	}
	for window, want := range map[string]string{
		`{days: [Mon, Tues]}`: `plan.yaml:8: spec.batches[0].pause.window.days[1]: "Tues" is not one of Mon, Tue, Wed, ` +
			`Thu, Fri, Sat, Sun: did you mean "Tue"?`,
		`{days: [Mon, Mon]}`: `spec.batches[0].pause.window.days[1]: Mon is given twice`,
		`{days: []}`:         `spec.batches[0].pause.window.days: is empty: leave it out for every day`,
		`{from: "9:00"}`:     `spec.batches[0].pause.window.from: "9:00" is not a time of day: write 09:00`,
		`{to: "24:01"}`:      `spec.batches[0].pause.window.to: "24:01" is not a time of day`,
		`{to: 17}`: `spec.batches[0].pause.window.to: is the int 17, must be a time of day in quotes: write ` +
			`"09:00"`,
		`{from: "24:00"}`:              `spec.batches[0].pause.window.from: 24:00 is the end of the day: write 00:00`,
		`{from: "09:00", to: "09:00"}`: `spec.batches[0].pause.window.to: 09:00 is when the window opens`,
		`{timeZone: Europe/Atlantis}`: `plan.yaml:8: spec.batches[0].pause.window.timeZone: "Europe/Atlantis" is not a time ` +
			`zone: write a name such as Europe/Berlin or UTC`,
		`{timeZone: Local}`:               `spec.batches[0].pause.window.timeZone: "Local" is not a time zone`,
		`{timeZone: ../../etc/localtime}`: `spec.batches[0].pause.window.timeZone: "../../etc/localtime" is not a time zone`,
		`{timezone: UTC}`: `spec.batches[0].pause.window.timezone: unknown field "timezone" (did you mean ` +
			`"timeZone"?)`,
		`{}`:                               `spec.batches[0].pause.window: is always open: set days, or from and to`,
		`{from: "00:00", timeZone: "UTC"}`: `spec.batches[0].pause.window: is always open`,
	} {
		if _, err := parse("window: " + window); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s", window, err, want)
		}
	}
	last := "apiVersion: slipway.dev/v1alpha1\nkind: BatchPlan\nmetadata: {name: demo}\nspec:\n" +
		"  target: {apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: demo}\n  batches:\n  - {replicas: 100%, pause: " +
		"{window: {days: [Mon]}}}\n"
	if _, err := plan.ParsePlan("plan.yaml", []byte(last)); err == nil ||
		!strings.Contains(err.Error(), "plan.yaml:7: spec.batches[0].pause.window: belongs to a batch before") {
		t.Errorf("a window of the last batch: %v", err)
	}
}
