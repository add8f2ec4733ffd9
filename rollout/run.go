// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// ErrConflict is wrapped by Cluster.Apply where a write did not happen because the object had changed since it was
// observed, or was there or gone already. Run looks again.
var ErrConflict = errors.New("changed since it was observed")

// ErrNotNow is wrapped by Cluster.Apply where a write did not happen because there is no room for it at the moment. Run
// looks again; Observed.NoRoom tells why, so that a batch that gets no room ends at its deadline.
var ErrNotNow = errors.New("not possible now")

// Cluster is where a release happens.
type Cluster interface {
	// Observe returns the present state. It is at least as new as every write that Apply has confirmed and as every
	// state it returned before. The caller only reads it, and not after the next Apply.
	Observe(ctx context.Context) (Observed, error)
	// Apply makes the writes, in this order or side by side, each fenced by the UID and resourceVersion that it
	// carries. An error that wraps ErrConflict or ErrNotNow means that some were not made for good reason; any other
	// ends the run.
	Apply(ctx context.Context, actions []Action) error
}

// Lagging is a Cluster that is told of changes, and may not have heard of the last ones.
type Lagging interface {
	// Refresh makes the next Observe ask for the present state.
	Refresh()
}

// Clock waits.
type Clock interface {
	// Wait returns when the cluster may have changed, or after d at the latest where d is not 0.
	Wait(ctx context.Context, d time.Duration) error
}

// conflictPause keeps a run that always loses against another writer from spinning.
const conflictPause = time.Second

// Run carries out a release until it ends: observe, decide, apply, and again. It is the only loop, and it remembers
// nothing from one turn to the next, so a run that is killed after any write is continued by another Run. report gets
// every decision with what it was made on before the writes happen; it may be nil.
//
// The decision returned is the last one; if it has not ended, the error says why the run stopped, and is the context's
// where that was cancelled.
func Run(
	ctx context.Context, p plan.BatchPlan, cluster Cluster, clock Clock, report func(Observed, Decision),
) (Decision, error) {
	var last Decision
	for {
		last.Actions = nil // they are written, and may be as many as the pods
		observed, d, err := observe(ctx, p, cluster)
		if err != nil {
			return last, fmt.Errorf("observing the target: %w", err)
		}
		last = d
		if report != nil {
			report(observed, last)
		}
		again, err := act(ctx, cluster, clock, last)
		if err != nil || !again {
			return last, err
		}
	}
}

// observe looks and decides. A release is not given up on what may be old news: the pods of a batch that is overdue may have got
// ready while nobody heard of it.
func observe(ctx context.Context, p plan.BatchPlan, cluster Cluster) (Observed, Decision, error) {
	observed, err := cluster.Observe(ctx)
	if err != nil {
		return observed, Decision{}, err
	}
	d := Decide(p, observed)
	if lagging, ok := cluster.(Lagging); ok && d.givesUp(observed.Progress) {
		lagging.Refresh()
		if observed, err = cluster.Observe(ctx); err == nil {
			d = Decide(p, observed)
		}
	}
	return observed, d, err
}

// act makes a decision's writes, or waits. It tells whether to look again.
func act(ctx context.Context, cluster Cluster, clock Clock, d Decision) (bool, error) {
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case len(d.Actions) > 0:
		err := cluster.Apply(ctx, d.Actions)
		switch {
		case errors.Is(err, ErrConflict), errors.Is(err, ErrNotNow):
			return true, waitFor(ctx, clock, conflictPause)
		case err != nil:
			return false, fmt.Errorf("writing: %w", err)
		}
		return !d.Ended(), nil
	case d.Ended():
		return false, nil
	default:
		return true, waitFor(ctx, clock, d.After)
	}
}

func waitFor(ctx context.Context, clock Clock, d time.Duration) error {
	if err := clock.Wait(ctx, d); err != nil {
		return fmt.Errorf("waiting: %w", err)
	}
	return nil
}
