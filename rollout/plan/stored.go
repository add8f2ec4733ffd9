// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// StoredVersion is the version of what a release stores in its cluster: its plan and its progress. It grows when a slipway
// that does not know the change would do something wrong with it; a key that may be overlooked does not need that. What was
// stored before versions were is of version 0. DESIGN.md has the format.
const StoredVersion = 1

// ErrNewer is wrapped where something was stored by a slipway whose format this one does not know. None of it is used: what
// looks familiar may mean something else.
var ErrNewer = errors.New("written by a newer slipway")

// CheckStored tells whether a stored document is of a version up to the newest that is known, without reading more of it than
// that.
func CheckStored(document []byte, newest int) error {
	var stored struct {
		Version int `json:"version"`
	}
	if err := Decode(document, &stored); err != nil {
		return err
	}
	if stored.Version > newest {
		return fmt.Errorf("%w: its version is %d, and this slipway reads up to version %d: run the newer slipway",
			ErrNewer, stored.Version, newest)
	}
	return nil
}

// Store is the plan as a document that ReadStored reads.
func (p BatchPlan) Store() ([]byte, error) {
	form := p.form()
	form.Version = StoredVersion
	return json.Marshal(form)
}

// ReadStored reads what Store wrote, here or in an older slipway.
func ReadStored(document []byte) (BatchPlan, error) {
	var p BatchPlan
	if err := CheckStored(document, StoredVersion); err != nil {
		return p, err
	}
	err := Decode(document, &p)
	return p, err
}

// Duration is a time.Duration that is stored as people write it: "10m0s". Version 0 stored nanoseconds.
type Duration time.Duration

// IsZero tells whether the duration is left out.
func (d Duration) IsZero() bool { return d == 0 }

// MarshalText writes the duration.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalJSON reads the duration of any version.
func (d *Duration) UnmarshalJSON(data []byte) error {
	if data[0] != '"' {
		return json.Unmarshal(data, (*time.Duration)(d))
	}
	var words string
	if err := json.Unmarshal(data, &words); err != nil {
		return err
	}
	parsed, err := time.ParseDuration(words)
	*d = Duration(parsed)
	return err
}

// MarshalText writes the time of day as a plan does.
func (t TimeOfDay) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalJSON reads the time of day. Version 0 stored minutes.
func (t *TimeOfDay) UnmarshalJSON(data []byte) error {
	if data[0] != '"' {
		var minutes int
		if err := json.Unmarshal(data, &minutes); err != nil {
			return err
		}
		return t.set(TimeOfDay(minutes).String())
	}
	var words string
	if err := json.Unmarshal(data, &words); err != nil {
		return err
	}
	return t.set(words)
}

func (t *TimeOfDay) set(words string) (err error) {
	*t, err = ParseTimeOfDay(words)
	return err
}

// weekdays are stored by the names that a plan has for them. Version 0 stored numbers, 0 for Sunday.
type weekdays []time.Weekday

// IsZero tells whether the days are left out.
func (w weekdays) IsZero() bool { return len(w) == 0 }

// MarshalJSON writes the names of the days.
func (w weekdays) MarshalJSON() ([]byte, error) {
	names := make([]string, len(w))
	for i, day := range w {
		if day < 0 || int(day) >= len(dayNames()) {
			return nil, fmt.Errorf("%d is not a day of the week", day)
		}
		names[i] = dayNames()[day]
	}
	return json.Marshal(names)
}

// UnmarshalJSON reads the days of any version.
func (w *weekdays) UnmarshalJSON(data []byte) error {
	var days []any
	if err := json.Unmarshal(data, &days); err != nil {
		return err
	}
	*w = nil
	for _, stored := range days {
		day := slices.Index(dayNames(), fmt.Sprint(stored))
		if number, ok := stored.(float64); ok && number >= 0 && int(number) < len(dayNames()) {
			day = int(number)
		}
		if day < 0 {
			return fmt.Errorf("%v is not a day of the week", stored)
		}
		*w = append(*w, time.Weekday(day))
	}
	return nil
}

// A type below with a form is stored as that form: its own fields, but for those that the form shadows with pointers to the
// same values in a type that is written for people. So one form serves both ways, and a new field needs a tag and no more.
// The plain types are without methods, or the form would be asked to store itself.

type (
	plainPlan     BatchPlan
	plainPause    Pause
	plainWindow   Window
	plainCheck    Check
	plainJob      JobCheck
	plainWorkload WorkloadSpec
)

type planForm struct {
	Version int `json:"version,omitempty"` // of a document of its own
	*plainPlan
	Train            *Waves    `json:"train,omitempty"` // version 0; waves since
	ProgressDeadline *Duration `json:"progressDeadline,omitzero"`
}

func (p *BatchPlan) form() *planForm {
	return &planForm{plainPlan: (*plainPlan)(p), ProgressDeadline: (*Duration)(&p.ProgressDeadline)}
}

// MarshalJSON writes the plan as a part of a document.
func (p BatchPlan) MarshalJSON() ([]byte, error) { return json.Marshal(p.form()) }

// UnmarshalJSON reads the plan of any version up to StoredVersion.
func (p *BatchPlan) UnmarshalJSON(data []byte) error {
	form := p.form()
	if err := json.Unmarshal(data, form); err != nil {
		return err
	}
	if form.Train != nil {
		p.Waves = *form.Train
	}
	return nil
}

func (p *Pause) form() any {
	return &struct {
		*plainPause
		Duration *Duration `json:"duration,omitzero"`
	}{(*plainPause)(p), (*Duration)(&p.Duration)}
}

// MarshalJSON writes the pause as a part of a document.
func (p Pause) MarshalJSON() ([]byte, error) { return json.Marshal(p.form()) }

// UnmarshalJSON reads the pause of any version.
func (p *Pause) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, p.form()) }

func (w *Window) form() any {
	return &struct {
		*plainWindow
		Days *weekdays `json:"days,omitzero"`
	}{(*plainWindow)(w), (*weekdays)(&w.Days)}
}

// MarshalJSON writes the window as a part of a document.
func (w Window) MarshalJSON() ([]byte, error) { return json.Marshal(w.form()) }

// UnmarshalJSON reads the window of any version.
func (w *Window) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, w.form()) }

func (c *Check) form() any {
	return &struct {
		*plainCheck
		Interval     *Duration `json:"interval,omitzero"`
		InitialDelay *Duration `json:"initialDelay,omitzero"`
		Timeout      *Duration `json:"timeout,omitzero"`
	}{(*plainCheck)(c), (*Duration)(&c.Interval), (*Duration)(&c.InitialDelay), (*Duration)(&c.Timeout)}
}

// MarshalJSON writes the check as a part of a document.
func (c Check) MarshalJSON() ([]byte, error) { return json.Marshal(c.form()) }

// UnmarshalJSON reads the check of any version.
func (c *Check) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, c.form()) }

func (j *JobCheck) form() any {
	return &struct {
		*plainJob
		Keep *Duration `json:"keep,omitzero"`
	}{(*plainJob)(j), (*Duration)(&j.Keep)}
}

// MarshalJSON writes the Job as a part of a document.
func (j JobCheck) MarshalJSON() ([]byte, error) { return json.Marshal(j.form()) }

// UnmarshalJSON reads the Job of any version.
func (j *JobCheck) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, j.form()) }

func (s *WorkloadSpec) form() any {
	return &struct {
		*plainWorkload
		GracePeriod      *Duration `json:"gracePeriod,omitzero"`
		MinReady         *Duration `json:"minReady,omitzero"`
		ProgressDeadline *Duration `json:"progressDeadline,omitzero"`
	}{(*plainWorkload)(s), (*Duration)(&s.GracePeriod), (*Duration)(&s.MinReady), (*Duration)(&s.ProgressDeadline)}
}

// MarshalJSON writes the spec as a part of a document.
func (s WorkloadSpec) MarshalJSON() ([]byte, error) { return json.Marshal(s.form()) }

// UnmarshalJSON reads the spec of any version.
func (s *WorkloadSpec) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, s.form()) }
