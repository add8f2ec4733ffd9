// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Defaults of Options.
const (
	defaultCloseTimeout = 8 * time.Second
	defaultTimeout      = 10 * time.Second
	defaultPause        = time.Second
	defaultTries        = 6
)

// Options say how notifications are delivered. A zero field has its default.
type Options struct {
	Secrets      string           // folder with the values of Secrets: FOLDER/NAME/KEY
	Warn         func(error)      // hears what could not be told; it may be called from any goroutine
	Now          func() time.Time // for times that a receiver asks to wait until
	UserAgent    string
	CloseTimeout time.Duration     // how long Close waits for what is still to be told
	Timeout      time.Duration     // of one try
	Pause        time.Duration     // before the second try; it doubles
	Tries        int               // of one delivery
	Transport    http.RoundTripper // nil: Go's own, with the proxies of the environment
}

// Notifier tells what happens in a release. Record fits rollout.Run's report, and never waits.
type Notifier struct {
	planOf    plan.BatchPlan
	options   Options
	receivers []*receiver
	running   sync.WaitGroup
	cancel    context.CancelFunc
	told      map[news]struct{}
	last      Event
	looked    bool
	ended     bool
}

// news is what is told once.
type news struct {
	reason plan.Reason
	batch  int
	back   bool
}

// New begins to deliver the notifications of a plan. A receiver whose secret is missing is warned of at once; nothing that
// is wrong with a receiver keeps a release from going on. Close ends the Notifier.
func New(plan plan.BatchPlan, o Options) *Notifier {
	o.CloseTimeout, o.Timeout = cmp.Or(o.CloseTimeout, defaultCloseTimeout), cmp.Or(o.Timeout, defaultTimeout)
	o.Pause, o.Tries = cmp.Or(o.Pause, defaultPause), cmp.Or(o.Tries, defaultTries)
	if o.Warn == nil {
		o.Warn = func(error) {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := &Notifier{planOf: plan, options: o, cancel: cancel, told: map[news]struct{}{}}
	for _, to := range plan.Notifications {
		r := newReceiver(to, o)
		if _, err := r.address(); err != nil {
			o.Warn(r.failure(err))
		}
		n.receivers = append(n.receivers, r)
		n.running.Go(func() { r.run(ctx) })
	}
	return n
}

// Record tells of a decision, where it is news.
func (n *Notifier) Record(o rollout.Observed, d rollout.Decision) {
	first := !n.looked
	n.looked = true
	n.last = newEvent(n.planOf, o, d)
	if first && d.Ended() && (o.Progress.Outcome != "" || d.Verdict == rollout.Done) {
		n.ended = true // before this agent looked: somebody has told it then
		return
	}
	if n.ended && !d.Ended() {
		n.told, n.ended = map[news]struct{}{}, false // the next release of an agent that stays
	}
	n.ended = n.ended || d.Ended()
	what := news{d.Reason, d.Batch, o.Progress.Back}
	if d.Reason == plan.RollingBack {
		what.batch, what.back = 0, true // it turns back once, however many batches that takes
	}
	if _, old := n.told[what]; !old {
		n.told[what] = struct{}{}
		n.tell(n.last)
	}
}

func (n *Notifier) tell(e Event) {
	for _, r := range n.receivers {
		if r.to.Wants(plan.Reason(e.Reason)) {
			r.put(e)
		}
	}
}

// Failed tells that the agent ends without a decision, with the exit code that it ends with. After a release that has
// ended it tells nothing.
func (n *Notifier) Failed(cause error, code int) {
	if n.ended {
		return
	}
	e := n.last
	if !n.looked {
		e = newEvent(n.planOf, rollout.Observed{}, rollout.Decision{})
		e.Batch = 0
	}
	if n.options.Now != nil {
		e.Time = n.options.Now()
	}
	e.Reason, e.Message, e.Ended, e.ExitCode = string(plan.AgentFailed), cause.Error(), true, &code
	e.Next = next(plan.AgentFailed, e.Target)
	n.tell(e)
}

// Close waits until everything is told, for as long as CloseTimeout, and ends the Notifier. What is left is warned of.
func (n *Notifier) Close() {
	for _, r := range n.receivers {
		r.finish()
	}
	done, over := context.WithCancel(context.Background())
	go func() {
		n.running.Wait()
		over()
	}()
	limited, cancel := context.WithTimeout(done, n.options.CloseTimeout)
	defer cancel()
	<-limited.Done()
	n.cancel()
	<-done.Done() // a request that is under way ends with its context
	for _, r := range n.receivers {
		if left := r.left(); left > 0 {
			n.options.Warn(r.failure(fmt.Errorf("%d not told in the %v that there were after the release", left, n.options.CloseTimeout)))
		}
	}
}

var errDropped = errors.New("too many are waiting: the oldest is left out")
