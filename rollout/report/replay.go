// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// ErrDiffers is wrapped where a decision of an audit log is not made again.
var ErrDiffers = errors.New("decides otherwise")

// Replay makes every decision of an audit log again and returns how many there are. The error names the first line on
// which the decision is another, and wraps ErrDiffers then.
func Replay(in io.Reader) (int, error) {
	var state replayed
	made := 0
	err := eachLine(in, func(n int, data []byte, whole bool) error {
		if !isObject(data) {
			return nil
		}
		line, d, err := parseLine(data)
		switch {
		case err == nil && d == nil && line.Plan == nil:
			if err := state.beside(line); err != nil {
				return fmt.Errorf("audit log, line %d: %w", n, err)
			}
			return nil
		case err == nil && d == nil:
			err = errors.New("reading the decision: there is none")
		case err == nil:
			err = state.take(line, *d)
		case !whole:
			err = fmt.Errorf("the log is cut off within this line: give the whole of it (%w)", err)
		}
		if err != nil {
			return fmt.Errorf("audit log, line %d: %w", n, err)
		}
		made++
		return nil
	})
	if err == nil && made == 0 {
		err = errors.New("audit log: it holds no decision: slipway rollout run --audit-log writes one")
	}
	return made, err
}

// eachLine calls f with every line that is not blank, until it fails. whole tells whether the line has an end.
func eachLine(in io.Reader, f func(n int, line []byte, whole bool) error) error {
	lines := bufio.NewReaderSize(in, 1<<16)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			if err := f(n, line, err == nil); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading audit log: %w", err)
		}
	}
}

// isObject tells whether a line may be one of an audit log: in the log of a pod there are words for people, too.
func isObject(line []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(line), []byte("{")) }

// replayed is the state that the lines so far amount to.
type replayed struct {
	began    bool
	plan     plan.BatchPlan
	observed rollout.Observed
	roll     roll
	count    count
}

// beside takes a line without a decision: a measurement, or progress for people in the same stream, which has no number.
func (r *replayed) beside(line auditLine) error {
	if !r.began || line.Number == 0 && line.Measurement == nil {
		return nil
	}
	return r.count.next(&line)
}

// take makes the decision of a line again.
func (r *replayed) take(line auditLine, d rollout.Decision) error {
	if line.Plan == nil && !r.began {
		return errors.New("the log does not begin with a plan: it is not an audit log, or its beginning is missing")
	}
	if err := r.count.next(&line); err != nil {
		return err
	}
	recorded, err := r.absorb(line, d)
	if err != nil {
		return err
	}
	return compare(rollout.Decide(r.plan, r.observed), recorded)
}

// absorb brings the state up to a line, whose decision it returns whole. With an error both lack what the line has wrong.
func (r *replayed) absorb(line auditLine, d rollout.Decision) (rollout.Decision, error) {
	if line.Plan != nil {
		*r = replayed{began: true, plan: *line.Plan, roll: roll{names: map[int]string{}}, count: r.count}
	}
	o := &r.observed
	o.Now, o.UpdateRevision, o.StableRevision = line.Now, line.Update, line.Stable
	o.FreeInstances, o.Stuck, o.NoRoom, o.Refused, o.Wrote = line.Free, line.Stuck, line.NoRoom, line.Refused, line.Wrote
	o.Resizes = line.Resizes
	o.Checks, o.Progress, o.Sets = line.Checks, line.Progress, line.Sets
	if line.Workload != nil {
		o.Workload = *line.Workload
	}
	if line.Nodes != nil {
		o.Nodes = line.Nodes
	}
	if line.Revisions != nil {
		o.Revisions = line.Revisions
	}
	r.roll.err = nil
	r.roll.absorb(&line, o.Workload.Name)
	d.Actions = append(d.Actions, r.roll.unfold(line.Writes, o.Workload.Name)...)
	if o.Pods = r.roll.pods; o.Pods == nil && r.plan.Mode != plan.Partition {
		o.Pods = []rollout.Pod{} // none, rather than not looked at
	}
	return d, r.roll.err
}

// compare holds a decision against the recorded one, which an older slipway may have written under other names: what both
// look like when they are written today is what counts.
func compare(again, before rollout.Decision) error {
	if reflect.DeepEqual(again, before) {
		return nil
	}
	data, err := json.Marshal(again)
	if err != nil {
		return fmt.Errorf("writing the decision: %w", err)
	}
	was, err := json.Marshal(before)
	if err != nil {
		return fmt.Errorf("writing the decision: %w", err)
	}
	if bytes.Equal(data, was) {
		return nil
	}
	now, then := difference(again, before)
	return fmt.Errorf("%w: %s, but the log has %s", ErrDiffers, brief(now), brief(then))
}

// difference is the first thing in which two decisions differ, in words: what is decided or, where that is the same, the first
// write or what else is asked for.
func difference(a, b rollout.Decision) (string, string) {
	words := func(d rollout.Decision) string { return fmt.Sprintf("%s %s (%s)", d.Verdict, d.Reason, d.Message) }
	if words(a) != words(b) {
		return words(a), words(b)
	}
	for i := range max(len(a.Actions), len(b.Actions)) {
		x, y := write(a, i), write(b, i)
		if x != y {
			return fmt.Sprintf("%s, write %d: %s", words(a), i+1, x), y
		}
	}
	rest := func(d rollout.Decision) string {
		return fmt.Sprintf("batch %d of %d to %d pods, again after %s, checks %q", d.Batch+1, d.Batches, d.Target, d.After, d.Checks)
	}
	return rest(a), rest(b)
}

// write is one write of a decision.
func write(d rollout.Decision, i int) string {
	if i >= len(d.Actions) {
		return fmt.Sprintf("no more than %d writes", len(d.Actions))
	}
	return d.Actions[i].String()
}

// briefLength is how much of one side of a difference is shown: both fit on a line that people read.
const briefLength = 300

func brief(s string) string {
	if s = manifest.Printable(s); len(s) > briefLength {
		return strings.ToValidUTF8(s[:briefLength], "") + "..."
	}
	return s
}
