// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"math/rand/v2"
	"time"
)

type eventKind uint8

const (
	eventReady     eventKind = iota // the containers of a pod are ready
	eventGone                       // a deleted pod has terminated
	eventHook                       // whoever serves a lifecycle hook has done its part
	eventReconcile                  // the controller looks at the CloneSet
	eventAvailable                  // a ready pod has been so for minReadySeconds
	eventChecked                    // a check has been measured
	eventCrash                      // some pod's containers crash
	eventEvict                      // some pod fails for good
	eventApprove                    // a person approves the waiting batch
)

// event is small: hundreds of thousands may be waited for at a time.
type event struct {
	at   time.Duration // since the epoch
	seq  uint32        // events of one instant happen in the order in which they were scheduled
	kind eventKind
	name string
	uid  string
}

// queue is a heap of events by time. Package heap would put each of them into an allocation of its own, twice.
type queue struct {
	events []event
	seq    uint32
}

func (q *queue) less(i, j int) bool {
	a, b := &q.events[i], &q.events[j]
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}

func (q *queue) push(e event) {
	q.events = append(q.events, e)
	for i := len(q.events) - 1; i > 0; {
		parent := (i - 1) / 2
		if !q.less(i, parent) {
			return
		}
		q.events[i], q.events[parent] = q.events[parent], q.events[i]
		i = parent
	}
}

// pop takes the first event out. There must be one.
func (q *queue) pop() event {
	last := len(q.events) - 1
	first := q.events[0]
	q.events[0], q.events[last] = q.events[last], event{}
	q.events = q.events[:last]
	for i := 0; ; {
		next := 2*i + 1
		if right := next + 1; right < last && q.less(right, next) {
			next = right
		}
		if next >= last || !q.less(next, i) {
			return first
		}
		q.events[i], q.events[next] = q.events[next], q.events[i]
		i = next
	}
}

// clock is virtual time: what is still to happen, and the source of every choice.
type clock struct {
	now    time.Time
	events queue
	random *rand.Rand
}

func (c *clock) schedule(after time.Duration, e event) {
	e.at = c.now.Sub(epoch()) + after
	e.seq = c.events.seq
	c.events.seq++
	c.events.push(e)
}

func (c *clock) chance(share float64) bool { return share > 0 && c.random.Float64() < share }

// awaited tells whether something of a kind is still to happen.
func (c *clock) awaited(kind eventKind) bool {
	for _, e := range c.events.events {
		if e.kind == kind {
			return true
		}
	}
	return false
}

// trouble schedules n events at random moments of the horizon.
func (c *clock) trouble(n int, kind eventKind, horizon time.Duration) {
	seconds := max(int64(horizon/time.Second), 1)
	for range n {
		c.schedule(time.Duration(c.random.Int64N(seconds))*time.Second, event{kind: kind})
	}
}
