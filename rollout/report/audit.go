// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Audit writes an audit log. It is not safe for concurrent use.
type Audit struct {
	out       io.Writer
	plan      *plan.BatchPlan // until it is written
	set       []byte          // as it was written last
	revisions []byte
	pods      map[string]rollout.Pod
	err       error
}

// NewAudit begins the log of a run of the plan.
func NewAudit(out io.Writer, p plan.BatchPlan) *Audit {
	return &Audit{out: out, plan: &p, pods: map[string]rollout.Pod{}}
}

// Record adds a line. It fits rollout.Run's report; the first error is kept for Err.
func (a *Audit) Record(o rollout.Observed, d rollout.Decision) {
	if a.err == nil {
		a.err = a.record(o, d)
	}
}

// Measure adds a line with a measurement. The first error is kept for Err.
func (a *Audit) Measure(m plan.Measurement) {
	if a.err == nil {
		a.err = a.write(measurementLine{m})
	}
}

// Err is the first error of writing.
func (a *Audit) Err() error { return a.err }

func (a *Audit) record(o rollout.Observed, d rollout.Decision) error {
	line := auditLine{
		Now: o.Now, Update: o.UpdateRevision, Stable: o.StableRevision, Free: o.FreeInstances, Sets: o.Sets, Stuck: o.Stuck, NoRoom: o.NoRoom,
		Refused: o.Refused, Wrote: o.Wrote, Checks: o.Checks, Progress: o.Progress,
	}
	if a.plan != nil {
		decided := a.plan.InMode(o.Workload)
		line.Plan, line.Version, a.plan = &decided, plan.StoredVersion, nil
	}
	var err error
	if line.Decision, err = json.Marshal(d); err != nil {
		return fmt.Errorf("writing audit log: %w", err)
	}
	if changed(&a.set, o.Workload) {
		line.Workload = &o.Workload
	}
	if changed(&a.revisions, o.Revisions) {
		line.Revisions = o.Revisions
	}
	line.Pods, line.Gone = a.difference(o.Pods)
	return a.write(line)
}

func (a *Audit) write(line any) error {
	data, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("writing audit log: %w", err)
	}
	if _, err := a.out.Write(append(data, '\n')); err != nil {
		return fmt.Errorf("writing audit log: %w", err)
	}
	return nil
}

// changed tells whether v is other than it was last, and keeps it. Values of a release always marshal.
func changed(last *[]byte, v any) bool {
	data, _ := json.Marshal(v)
	if bytes.Equal(*last, data) {
		return false
	}
	*last = data
	return true
}

func (a *Audit) difference(pods []rollout.Pod) (different []rollout.Pod, gone []string) {
	there := make(map[string]bool, len(pods))
	for _, p := range pods {
		there[p.Name] = true
		if last, ok := a.pods[p.Name]; !ok || !same(&last, &p) {
			// What it holds may change after this look.
			p.Labels, p.Finalizers = maps.Clone(p.Labels), slices.Clone(p.Finalizers)
			a.pods[p.Name] = p
			different = append(different, p)
		}
	}
	for name := range a.pods {
		if !there[name] {
			delete(a.pods, name)
			gone = append(gone, name)
		}
	}
	slices.Sort(gone)
	return different, gone
}

// same tells whether two looks at a pod saw the same. It is asked for every pod in every look, which rules out to compare
// what would be written.
func same(a, b *rollout.Pod) bool {
	return a.ResourceVersion == b.ResourceVersion && a.UID == b.UID && a.Name == b.Name && a.Instance == b.Instance &&
		a.Revision == b.Revision && a.Node == b.Node && a.Domain == b.Domain && a.Phase == b.Phase && a.Lifecycle == b.Lifecycle &&
		a.Restarts == b.Restarts && a.DeletionCost == b.DeletionCost && a.Ready == b.Ready && a.Drained == b.Drained &&
		a.Pending == b.Pending && a.DeleteRequested == b.DeleteRequested && a.Terminating == b.Terminating && a.Guest == b.Guest && a.Kept == b.Kept &&
		a.Created.Equal(b.Created) && a.ReadySince.Equal(b.ReadySince) && a.DrainedAt.Equal(b.DrainedAt) &&
		a.Waiting.Equal(b.Waiting) && slices.Equal(a.Finalizers, b.Finalizers) && maps.Equal(a.Labels, b.Labels)
}

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
		line, err := readLine(data)
		switch {
		case err == nil && line.Decision == nil && line.Plan == nil:
			return nil // a measurement, or progress for people in the same stream
		case err == nil:
			err = state.take(line)
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
}

func (r *replayed) take(line auditLine) error {
	if line.Plan == nil && !r.began {
		return errors.New("the log does not begin with a plan: it is not an audit log, or its beginning is missing")
	}
	r.absorb(line)
	return compare(rollout.Decide(r.plan, r.observed), line.Decision)
}

// absorb brings the state up to a line.
func (r *replayed) absorb(line auditLine) {
	if line.Plan != nil {
		*r = replayed{began: true, plan: *line.Plan}
	}
	o := &r.observed
	o.Now, o.UpdateRevision, o.StableRevision = line.Now, line.Update, line.Stable
	o.FreeInstances, o.Stuck, o.NoRoom, o.Refused, o.Wrote = line.Free, line.Stuck, line.NoRoom, line.Refused, line.Wrote
	o.Checks, o.Progress, o.Sets = line.Checks, line.Progress, line.Sets
	if line.Workload != nil {
		o.Workload = *line.Workload
	}
	if line.Revisions != nil {
		o.Revisions = line.Revisions
	}
	for _, p := range line.Pods {
		if i, found := r.find(p.Name); found {
			o.Pods[i] = p
		} else {
			o.Pods = slices.Insert(o.Pods, i, p)
		}
	}
	for _, name := range line.Gone {
		if i, found := r.find(name); found {
			o.Pods = slices.Delete(o.Pods, i, i+1)
		}
	}
	if o.Pods == nil && r.plan.Mode != plan.Partition {
		o.Pods = []rollout.Pod{} // none, rather than not looked at
	}
}

// find is the place of a pod in the order of names.
func (r *replayed) find(name string) (int, bool) {
	return slices.BinarySearchFunc(r.observed.Pods, name, func(p rollout.Pod, name string) int { return cmp.Compare(p.Name, name) })
}

// compare holds a decision against the recorded one, which an older slipway may have written under other names: what both
// look like when they are written today is what counts.
func compare(again rollout.Decision, recorded []byte) error {
	var before rollout.Decision
	if err := json.Unmarshal(recorded, &before); err != nil {
		return fmt.Errorf("reading the decision: %w", err)
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
