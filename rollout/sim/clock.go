// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

type eventKind int

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

type event struct {
	at   time.Time
	seq  int // events of one instant happen in the order in which they were scheduled
	kind eventKind
	name string
	uid  string
}

// queue is a heap of events by time.
type queue struct {
	events []event
	seq    int
}

func (q *queue) Len() int { return len(q.events) }
func (q *queue) Less(i, j int) bool {
	a, b := &q.events[i], &q.events[j]
	return a.at.Before(b.at) || (a.at.Equal(b.at) && a.seq < b.seq)
}
func (q *queue) Swap(i, j int) { q.events[i], q.events[j] = q.events[j], q.events[i] }
func (q *queue) Push(x any)    { q.events = append(q.events, x.(event)) }
func (q *queue) Pop() any {
	last := q.events[len(q.events)-1]
	q.events = q.events[:len(q.events)-1]
	return last
}

// clock is virtual time: what is still to happen, and the source of every choice.
type clock struct {
	now    time.Time
	events queue
	random *rand.Rand
}

func (c *clock) schedule(after time.Duration, e event) {
	e.at = c.now.Add(after)
	e.seq = c.events.seq
	c.events.seq++
	heap.Push(&c.events, e)
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
