// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Runner measures the checks of a plan while its release runs. It is safe for concurrent use.
type Runner struct {
	options Options
	sources map[string]source
	changed chan struct{}
	work    sync.WaitGroup

	mu       sync.Mutex
	snapshot snapshot
	standing map[string]*standing // by the check's name; those of the present batch
	version  uint64               // of the results
	pending  []plan.Measurement
	closed   bool
}

// standing is how far a check has come in the present batch.
type standing struct {
	check  plan.Check
	counts plan.CheckCounts
	last   plan.Measurement
	due    time.Time          // of the next measurement
	stop   context.CancelFunc // nil where it is not measured now
}

// New prepares to measure the checks of a plan. The error names everything that could never be measured: secrets that are
// not there, paths that are none. It wraps ErrWrong for these.
func New(o Options) (*Runner, error) {
	r := &Runner{options: o, sources: map[string]source{}, standing: map[string]*standing{}, changed: make(chan struct{}, 1)}
	var errs []error
	for _, c := range o.Plan.Checks {
		s, err := newSource(o, c)
		if err != nil {
			errs = append(errs, explain(c, err))
			continue
		}
		r.sources[c.Name] = s
	}
	return r, errors.Join(errs...)
}

// Attend takes a decision and what it was made on. It begins to measure the checks that the decision names, ends all
// others, and forgets what belongs to another batch. It does not wait.
func (r *Runner) Attend(o rollout.Observed, d rollout.Decision) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	next := snapshot{
		set: o.Workload, revision: o.Progress.Revision, batch: d.Batch, target: d.Target,
		started: o.Progress.Started, ready: o.Progress.Ready,
	}
	if d.Ended() || next.revision != r.snapshot.revision || next.batch != r.snapshot.batch {
		r.forget(func(*standing) bool { return true })
	}
	if next.ready.IsZero() {
		// What passed belongs to a batch that was ready.
		r.forget(func(s *standing) bool { return !s.check.During })
		for _, s := range r.standing {
			if reopened := s.counts.Reopen(); reopened != s.counts {
				s.counts = reopened
				r.version++
			}
		}
	}
	r.snapshot = next
	for name, s := range r.standing {
		if !slices.Contains(d.Checks, name) {
			s.halt()
		}
	}
	for _, name := range d.Checks {
		r.begin(name)
	}
}

// forget ends and drops the checks that are meant.
func (r *Runner) forget(meant func(*standing) bool) {
	for name, s := range r.standing {
		if meant(s) {
			s.halt()
			delete(r.standing, name)
			if s.counts.Measured > 0 {
				r.version++
			}
		}
	}
}

func (s *standing) halt() {
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
}

// begin measures a check from now on, or goes on with it.
func (r *Runner) begin(name string) {
	s := r.standing[name]
	if s == nil {
		i := slices.IndexFunc(r.options.Plan.Checks, func(c plan.Check) bool { return c.Name == name })
		if i < 0 || r.sources[name] == nil {
			return
		}
		s = &standing{check: r.options.Plan.Checks[i], due: r.snapshot.ready}
		if s.check.During {
			s.due = r.snapshot.started
		}
		s.due = s.due.Add(s.check.InitialDelay)
		r.standing[name] = s
	}
	if s.stop != nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	r.work.Go(func() { r.run(ctx, s) })
}

// run measures one check until it is stopped or there is nothing left to find out.
func (r *Runner) run(ctx context.Context, s *standing) {
	for {
		r.mu.Lock()
		wait := s.due.Sub(r.options.Now())
		r.mu.Unlock()
		if wait > 0 {
			kube.Pause(ctx, wait)
		}
		if ctx.Err() != nil {
			return
		}
		r.mu.Lock()
		at, number := r.snapshot, s.counts.Measured+1
		r.mu.Unlock()
		at.number = number
		began := r.options.Now()
		m := measure(ctx, s.check, began, number, func(ctx context.Context) answer { return r.sources[s.check.Name].ask(ctx, at) })
		m.Batch = at.batch
		if r.take(ctx, s, m, at.ready) {
			return
		}
	}
}

// take adds a measurement, unless nobody wants it any more. It tells whether it was the last. since is when the batch had
// got ready as it was asked: what passed while pods came and went does not count.
func (r *Runner) take(ctx context.Context, s *standing, m plan.Measurement, since time.Time) (last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil {
		return true
	}
	s.counts, s.last = s.counts.Add(m.Verdict, !since.IsZero() && since.Equal(r.snapshot.ready)), m
	s.due = m.Time.Add(s.check.Interval)
	r.pending = append(r.pending, m)
	r.version++
	select {
	case r.changed <- struct{}{}:
	default:
	}
	verdict := s.check.Judge(s.counts)
	return verdict == plan.CheckFailed || verdict == plan.CheckPassed && !s.check.During
}

// Results are how the checks of the present batch stand, in the plan's order, and a number that grows with each change of
// them.
func (r *Runner) Results() ([]plan.CheckResult, uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var results []plan.CheckResult
	for _, c := range r.options.Plan.Checks {
		if s := r.standing[c.Name]; s != nil && s.counts.Measured > 0 {
			results = append(results, plan.CheckResult{
				Name: c.Name, Batch: s.last.Batch, Verdict: c.Judge(s.counts), Message: c.Explain(s.counts, s.last),
			})
		}
	}
	return results, r.version
}

// Changed gets a value after the results have changed.
func (r *Runner) Changed() <-chan struct{} { return r.changed }

// Take returns the measurements since it was called last, in the order in which they were made.
func (r *Runner) Take() []plan.Measurement {
	r.mu.Lock()
	defer r.mu.Unlock()
	pending := r.pending
	r.pending = nil
	return pending
}

// Close ends every measurement and waits for that.
func (r *Runner) Close() {
	r.mu.Lock()
	r.closed = true
	r.forget(func(*standing) bool { return true })
	r.mu.Unlock()
	r.work.Wait()
}
