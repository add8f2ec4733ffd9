// SPDX-License-Identifier: Apache-2.0

package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout/access"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// ErrWrong is wrapped where the question itself is wrong, so that asking again would not help: a query that Prometheus
// cannot parse, a path that is none, a Job that the API server refuses.
var ErrWrong = errors.New("the question is wrong")

// ErrUnreachable is wrapped where whoever is asked does not answer: no connection, no answer in time, an error of the
// server.
var ErrUnreachable = errors.New("no answer")

// Options say what a Runner asks with.
type Options struct {
	Plan    plan.BatchPlan
	Secrets string           // folder with the values of Secrets; "" is access.DefaultSecrets
	Config  *rest.Config     // the cluster that Jobs run in and pods are in; nil where no check is about either
	Now     func() time.Time // the time of a measurement
}

// snapshot is where a release stands when a check is measured.
type snapshot struct {
	set      plan.Workload
	revision string    // that is released
	batch    int       // 0-based
	target   int       // updated pods that the batch asks for
	started  time.Time // when the batch began
	ready    time.Time // since when it is ready; zero: it is not
	number   int       // of the measurement, from 1
}

// answer is what asking has given. A nil err is an answer within or out of the limits.
type answer struct {
	passed  bool
	value   string
	message string
	err     error // why the measurement is inconclusive
}

// inconclusive is an answer that is none.
func inconclusive(format string, args ...any) answer { return answer{err: fmt.Errorf(format, args...)} }

// source is whoever can be asked.
type source interface {
	ask(ctx context.Context, s snapshot) answer
	// try asks without leaving anything behind.
	try(ctx context.Context, s snapshot) answer
}

// newSource prepares to ask a check. What it refuses would never be answered.
func newSource(o Options, c plan.Check) (source, error) {
	secrets := cmp.Or(access.Secrets(o.Secrets), access.DefaultSecrets)
	if err := secrets.Verify(c.Secrets()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWrong, err)
	}
	switch {
	case c.Prometheus != nil:
		return prometheusSource{*c.Prometheus, secrets, o.Now}, nil
	case c.HTTP != nil:
		return newHTTPSource(*c.HTTP, secrets)
	case c.Job != nil:
		return newJobSource(o, c)
	case c.Pods != nil:
		return newPodsSource(o.Config, *c.Pods)
	default:
		return nil, fmt.Errorf("%w: it asks nothing", ErrWrong)
	}
}

// measure asks once, within the check's timeout.
func measure(ctx context.Context, c plan.Check, now time.Time, number int, ask func(context.Context) answer) plan.Measurement {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	a := ask(ctx)
	m := plan.Measurement{Check: c.Name, Number: number, Time: now, Value: a.value, Message: a.message, DryRun: c.DryRun}
	switch {
	case a.err != nil:
		m.Verdict, m.Message = plan.CheckInconclusive, a.err.Error()
		if errors.Is(a.err, context.DeadlineExceeded) {
			m.Message = fmt.Sprintf("no answer within %v", c.Timeout)
		}
	case a.passed:
		m.Verdict = plan.CheckPassed
	default:
		m.Verdict = plan.CheckFailed
	}
	return m
}

// Try asks a check of the plan once, outside a release and without consequences: a Job is only shown to the API server. The
// measurement says what the answer would have meant. The error wraps ErrWrong where no answer can ever come, because the
// question is wrong or a secret is missing, and ErrUnreachable where it may come later; an inconclusive measurement without
// an error is an answer that could not be judged, such as an empty result.
func Try(ctx context.Context, o Options, c plan.Check, set plan.Workload) (plan.Measurement, error) {
	asked, err := newSource(o, c)
	if err != nil {
		return plan.Measurement{Check: c.Name, Verdict: plan.CheckInconclusive, Message: err.Error()}, explain(c, err)
	}
	now := o.Now()
	var failure error
	m := measure(ctx, c, now, 1, func(ctx context.Context) answer {
		a := asked.try(ctx, snapshot{set: set, revision: set.Status.UpdateRevision, started: now, number: 1})
		failure = a.err
		return a
	})
	if errors.Is(failure, ErrWrong) || errors.Is(failure, ErrUnreachable) {
		return m, explain(c, failure)
	}
	return m, nil
}

func explain(c plan.Check, err error) error { return fmt.Errorf("check %s: %w", c.Name, err) }
