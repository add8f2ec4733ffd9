// SPDX-License-Identifier: Apache-2.0

package report

import (
	"reflect"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

// Row is one state of a release and what is decided in it. The JSON names are a contract with readers of the output.
type Row struct {
	Time         Seconds `json:"time"` // since the first row
	Desired      int     `json:"desired"`
	Updated      int     `json:"updated"`
	UpdatedReady int     `json:"updatedReady"`
	Ready        int     `json:"ready"`
	Available    int     `json:"available"`
	Total        int     `json:"total"`
	Batch        int     `json:"batch"`  // 1-based
	Action       string  `json:"action"` // the writes, or wait, stop, done
	Reason       string  `json:"reason"` // code and counted message

	Waiting []waiting.Group `json:"waiting,omitempty"` // pods that hold the batch, where it waits or ends
}

// Seconds is a duration that is a number of seconds in JSON.
type Seconds time.Duration

// MarshalJSON writes whole seconds where it can.
func (s Seconds) MarshalJSON() ([]byte, error) {
	return []byte(trimZeros(time.Duration(s).Seconds())), nil
}

// String is the duration as Go writes it, such as 1m5s.
func (s Seconds) String() string { return time.Duration(s).String() }

// Recorder turns decisions into rows. The zero value is ready; Emit must be set.
type Recorder struct {
	Emit  func(Row) error
	start time.Time
	last  Row
	told  waiting.Told
	began bool
	err   error
}

// Record adds a row unless it repeats the last one. It fits rollout.Run's report; errors of Emit are kept for Err.
func (r *Recorder) Record(o rollout.Observed, d rollout.Decision) {
	if !r.began {
		r.start = o.Now
	}
	row := newRow(o, d)
	row.Time = Seconds(o.Now.Sub(r.start))
	news := r.told.News(row.Batch, row.Waiting)
	if r.err != nil || (r.began && !news && repeats(r.last, row)) {
		return
	}
	r.began, r.last = true, row
	r.err = r.Emit(row)
}

// Err is the first error of Emit.
func (r *Recorder) Err() error { return r.err }

// repeats tells whether a row says nothing new: the same counts, and nothing written or nothing but waiting.
func repeats(last, row Row) bool {
	if row.Action == noted {
		return true
	}
	row.Time, row.Waiting = last.Time, last.Waiting
	code, _, _ := strings.Cut(row.Reason, ":")
	if row.Action == waits && strings.HasPrefix(last.Reason, code+":") {
		row.Reason = last.Reason
	}
	return reflect.DeepEqual(row, last)
}

// The actions of a row in which no pod is written.
const (
	waits = "wait"
	noted = "note"
	begun = "begin"
	stops = "stop"
)

func newRow(o rollout.Observed, d rollout.Decision) Row {
	c := o.Counts()
	message := d.Message
	if strings.HasPrefix(message, "batch ") {
		_, message, _ = strings.Cut(message, ": ")
	}
	row := Row{
		Desired: c.Desired, Updated: c.Updated, UpdatedReady: c.UpdatedReady, Ready: c.Ready, Available: c.Available,
		Total: c.Total, Batch: d.Batch + 1, Action: action(d), Reason: string(d.Reason) + ": " + message,
	}
	if row.Action == waits || row.Action == stops {
		row.Waiting = waiting.Groups(o.Holding())
	}
	return row
}

func action(d rollout.Decision) string {
	if writes := d.Writes(); writes != "" {
		return writes
	}
	switch {
	case d.Verdict == rollout.Done:
		return "done"
	case d.Verdict == rollout.Stopped:
		return stops
	case d.Verdict == rollout.Wait:
		return waits
	case d.Reason == plan.BatchStarted:
		return begun
	case d.Reason == plan.RollingBack:
		return "roll back"
	default:
		return noted
	}
}
