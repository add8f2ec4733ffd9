// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// ReadHistory reads an audit log, which may hold several releases and, of each, the runs of several agents. It takes
// what it can read: an agent that was killed leaves half a line. What is missing is a note on the page. The error is
// that of the reader, or says that nothing in the log is an audit log, or that a newer slipway has written some of it: what
// is left would tell another story.
func ReadHistory(in io.Reader) ([]*History, error) {
	r := historian{}
	err := eachLine(in, r.read)
	if err != nil {
		return nil, err
	}
	return r.histories()
}

// historian makes histories from lines.
type historian struct {
	all     []*History
	now     *History
	state   replayed
	skipped []string // since when no history was there to take the note
	problem error    // of the first line that could not be read

	incomplete bool // the run has lines that speak of what is missing
}

// read takes a line. The error says that it is of a newer slipway.
func (r *historian) read(n int, data []byte, whole bool) error {
	line, decision, err := parseLine(data)
	if err != nil {
		if at := bytes.LastIndex(data, []byte(`{"plan":`)); at > 0 {
			// The line of an agent that was killed while writing it, and behind it the first one of the next agent.
			r.note(fmt.Sprintf("line %d is cut short: the agent was stopped while it wrote it", n))
			r.state.count.lost++
			line, decision, err = parseLine(data[at:])
		}
	}
	switch {
	case errors.Is(err, plan.ErrNewer):
		return fmt.Errorf("audit log, line %d: %w", n, err)
	case err != nil && !isObject(data) && whole: // words for people
	case err != nil && !whole:
		r.note(fmt.Sprintf("the last line is cut short: the agent was stopped while it wrote it, or the log is still being written "+
			"(line %d)", n))
	case err != nil:
		r.note(fmt.Sprintf("line %d cannot be read and is left out: %v", n, err))
		r.state.count.lost++
	case decision == nil:
		if !r.repeats(n, r.state.beside(line)) {
			r.measured(line)
		}
	case line.Plan == nil && !r.state.began:
		r.note(fmt.Sprintf("line %d is left out: the beginning of the log is missing", n))
	default:
		if !r.repeats(n, r.state.count.next(&line)) {
			r.take(n, line, *decision)
		}
		return nil
	}
	if r.problem == nil {
		r.problem = err
	}
	return nil
}

// parseLine reads a line. A line without a decision is an entry of another kind.
func parseLine(data []byte) (auditLine, *rollout.Decision, error) {
	line, err := readLine(data)
	switch {
	case errors.Is(err, plan.ErrNewer):
		return line, nil, err
	case err != nil:
		return line, nil, fmt.Errorf("reading a line: %w", err)
	}
	if line.Decision == nil {
		return line, nil, nil
	}
	var d rollout.Decision
	if err := json.Unmarshal(line.Decision, &d); err != nil {
		return line, nil, fmt.Errorf("reading the decision: %w", err)
	}
	return line, &d, nil
}

// repeats tells whether a line has been there before, and notes that or that lines before it are missing.
func (r *historian) repeats(n int, err error) bool {
	switch {
	case errors.Is(err, errAgain):
		r.note(fmt.Sprintf("line %d is left out: %v", n, err))
		return true
	case err != nil:
		r.partly(n, err)
	}
	return false
}

// partly notes that a line does not say all. Those after it would speak of the same things, so that nothing else is noted of
// what they lack.
func (r *historian) partly(n int, err error) {
	r.incomplete = true
	r.note(fmt.Sprintf("line %d is shown in part, and so may be what comes after it: %v", n, err))
}

func (r *historian) take(n int, line auditLine, d rollout.Decision) {
	again := line.Plan != nil
	d, err := r.state.absorb(line, d)
	o := r.state.observed
	if r.now == nil || r.another(o, d) {
		r.now = NewHistory(r.state.plan)
		r.now.notes, r.skipped = r.skipped, nil
		r.all = append(r.all, r.now)
	} else if again {
		r.now.restart(o.Now)
	}
	r.now.plan, r.now.Cluster = r.state.plan, cmp.Or(line.Cluster, r.now.Cluster)
	if r.incomplete = r.incomplete && !again; err != nil && !r.incomplete {
		r.partly(n, err)
	}
	r.now.Record(o, d)
}

// another tells whether an observation belongs to another release than the one before: that one has ended, and this one begins
// or is about another revision.
func (r *historian) another(o rollout.Observed, d rollout.Decision) bool {
	last := r.now.last
	if !last.decision.Ended() || last.decision.Reason == plan.Invalid && o.UpdateRevision == r.now.to {
		return false
	}
	return o.Progress.Revision == "" && !d.Ended() || o.Progress.Outcome == "" && o.UpdateRevision != r.now.to
}

// measured takes the line of a measurement. An entry of a kind that is not known here is left out: a newer agent wrote it.
func (r *historian) measured(line auditLine) {
	var m plan.Measurement
	if r.now == nil || line.Measurement == nil || json.Unmarshal(line.Measurement, &m) != nil {
		return
	}
	r.now.measure(m)
}

func (r *historian) note(words string) {
	if r.now == nil {
		r.skipped = append(r.skipped, words)
		return
	}
	r.now.notes = append(r.now.notes, words)
}

func (r *historian) histories() ([]*History, error) {
	switch {
	case len(r.all) > 0:
		return r.all, nil
	case r.problem != nil:
		return nil, fmt.Errorf("this is no audit log: no line of it holds a decision (%w): write one with rollout run "+
			"--audit-log FILE", r.problem)
	case len(r.skipped) > 0:
		return nil, errors.New("the log does not begin with a plan, and no agent begins in it: give the whole log of rollout run " +
			"--audit-log FILE")
	default:
		return nil, errors.New("the log is empty: no agent has looked at a cluster yet")
	}
}

// Pick is one of several releases of a log: 1 is the first, -1 the last.
func Pick(all []*History, release int) (*History, error) {
	i := release - 1
	if release < 0 {
		i = len(all) + release
	}
	if i < 0 || i >= len(all) || release == 0 {
		return nil, fmt.Errorf("the log holds %d, so write 1 to %d, or -1 for the last", len(all), len(all))
	}
	if len(all) > 1 {
		all[i].notes = append(all[i].notes, fmt.Sprintf("the log holds %d releases; this is number %d: slipway rollout report "+
			"--release N shows another", len(all), i+1))
	}
	return all[i], nil
}
