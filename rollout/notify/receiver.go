// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/slipway-dev/slipway/rollout/access"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// queueLimit is how many events wait for one receiver. Beyond that the oldest goes.
const queueLimit = 64

// longestWait is the longest that a receiver may ask to wait before the next try.
const longestWait = time.Minute

// receiver delivers events to one place, one after the other.
type receiver struct {
	to      plan.Notification
	options Options
	secrets access.Secrets

	mutex  sync.Mutex
	queue  []Event
	busy   bool // the first of the queue is being delivered
	closed bool
	wake   chan struct{} // holds a token when there is something to look at
}

func newReceiver(to plan.Notification, o Options) *receiver {
	return &receiver{to: to, options: o, secrets: access.Secrets(o.Secrets), wake: make(chan struct{}, 1)}
}

// put adds an event to the queue. It never waits.
func (r *receiver) put(e Event) {
	r.mutex.Lock()
	dropped := false
	if r.queue = append(r.queue, e); len(r.queue) > queueLimit {
		oldest := 0
		if r.busy {
			oldest = 1
		}
		r.queue, dropped = append(r.queue[:oldest:oldest], r.queue[oldest+1:]...), true
	}
	r.mutex.Unlock()
	r.rouse()
	if dropped {
		r.options.Warn(r.failure(errDropped))
	}
}

func (r *receiver) finish() {
	r.mutex.Lock()
	r.closed = true
	r.mutex.Unlock()
	r.rouse()
}

func (r *receiver) rouse() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *receiver) left() int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return len(r.queue)
}

// next is the event to deliver now. The queue keeps it until it is told.
func (r *receiver) next() (e Event, some, closed bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if len(r.queue) == 0 {
		return Event{}, false, r.closed
	}
	r.busy = true
	return r.queue[0], true, false
}

func (r *receiver) drop() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.queue, r.busy = r.queue[1:], false
}

// run delivers until the queue is closed and empty, or the context ends.
func (r *receiver) run(ctx context.Context) {
	for ctx.Err() == nil {
		e, some, closed := r.next()
		switch {
		case some:
			err := r.deliver(ctx, e)
			if ctx.Err() != nil && err != nil {
				return // Close warns of it
			}
			r.drop()
			if err != nil {
				r.options.Warn(r.failure(fmt.Errorf("%s is not told: %w", e.Reason, err)))
			}
		case closed:
			return
		default:
			select {
			case <-r.wake:
			case <-ctx.Done():
			}
		}
	}
}

// deliver tries until the event is taken, trying again cannot help, or enough tries are made.
func (r *receiver) deliver(ctx context.Context, e Event) error {
	pause := wait.Backoff{Duration: r.options.Pause, Factor: 2, Jitter: 0.2, Steps: r.options.Tries, Cap: longestWait}
	for try := 1; ; try++ {
		err := r.try(ctx, e)
		var refused *refusal
		switch {
		case err == nil:
			return nil
		case errors.As(err, &refused) && !refused.again:
			return err
		case try == r.options.Tries:
			return fmt.Errorf("%w (tried %d times)", err, try)
		}
		d := pause.Step()
		if refused != nil {
			d = max(d, refused.after)
		}
		limited, cancel := context.WithTimeout(ctx, d)
		<-limited.Done()
		cancel()
		if ctx.Err() != nil {
			return err
		}
	}
}

// failure names the receiver, and hides what must stay hidden. The cause is not wrapped: it could show what is hidden.
func (r *receiver) failure(err error) error {
	return fmt.Errorf("notification %s: %s", r.to.Name, hide(r.secrets, err.Error(), r.to.Secrets()))
}
