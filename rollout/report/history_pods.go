// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/fn/markup"
	"github.com/slipway-dev/slipway/rollout"
)

// podState is what a lane shows of a pod.
type podState markup.Constant

const (
	stateCreated     podState = "created"     // not scheduled yet
	stateStarting    podState = "starting"    // not ready
	stateReady       podState = "ready"       // not for long enough yet
	stateAvailable   podState = "available"   //
	stateDrained     podState = "drained"     // out of its endpoints for an update
	stateInPlace     podState = "in-place"    // the containers do not run the update yet
	stateTerminating podState = "terminating" //
	stateFailed      podState = "failed"      // ended
)

// ended is the trouble of a pod that has failed for good.
const ended = "failed"

// track is one pod's time.
type track struct {
	name, uid string
	spans     []podSpan
	first     time.Time // seen
	created   time.Time
	gone      time.Time // zero: still there
	changed   time.Time // when its first change began: it orders the lanes
	inPlace   time.Time
	born      bool // seen to be created
	trouble   string
	why       string // what more is known of it
	restarts  int    // since it was seen first
	base      int
	seen      int  // the pass of follow that it was seen in last
	guest     bool // made room for updates in place
	updated   bool // it came to be of the revision that is released
}

// podSpan is a time in which a pod was in one state and of one revision.
type podSpan struct {
	from, to time.Time
	state    podState
	updated  bool
}

// tracks are the pods that a release has seen.
type tracks struct {
	byName map[string]*track
	order  []*track // as they were seen first
	pass   int      // of follow
}

// follow brings the lanes up to an observation, which is not the first one where one began before, and returns the pods that
// are in trouble for the first time.
func (ts *tracks) follow(o rollout.Observed, began bool, released string) (troubled []*track) {
	if o.Pods == nil && len(ts.byName) == 0 {
		return nil
	}
	ts.pass++
	for i := range o.Pods {
		p := &o.Pods[i]
		t := ts.byName[p.Name]
		if t == nil {
			t = &track{name: p.Name, first: o.Now, created: p.Created, born: began, base: p.Restarts}
			ts.byName[p.Name] = t
			ts.order = append(ts.order, t)
		}
		before := t.trouble
		t.follow(p, o.Now, stateOf(p, o.Now, o.Workload.Spec.MinReady), p.Revision == released)
		t.guest = p.Guest
		if t.seen = ts.pass; t.trouble != "" && before == "" {
			troubled = append(troubled, t)
		}
	}
	for _, t := range ts.order {
		if t.seen != ts.pass {
			t.end(o.Now)
		}
	}
	return troubled
}

func stateOf(p *rollout.Pod, now time.Time, minReady time.Duration) podState {
	switch {
	case p.Terminating:
		return stateTerminating
	case p.Ended():
		return stateFailed
	case p.Pending || p.Lifecycle == rollout.Updating:
		return stateInPlace
	case p.Drained || p.Lifecycle == rollout.PreparingUpdate || p.Lifecycle == rollout.PreparingDelete:
		return stateDrained
	case p.Available(now, minReady):
		return stateAvailable
	case p.Ready:
		return stateReady
	case p.Node == "":
		return stateCreated
	default:
		return stateStarting
	}
}

func (t *track) follow(p *rollout.Pod, now time.Time, state podState, updated bool) {
	n := len(t.spans)
	replaced := n > 0 && (!t.gone.IsZero() || t.uid != p.UID)
	if replaced {
		t.replace(p, now)
	}
	if w := p.Waiting; w != nil && w.Trouble() && p.Active() && t.trouble != ended {
		t.trouble, t.why = w.Reason, w.Details()
	}
	t.uid, t.restarts = p.UID, max(t.restarts, p.Restarts-t.base)
	if n == 0 || replaced {
		t.spans, t.updated = append(t.spans, podSpan{from: now, to: now, state: state, updated: updated}), t.updated ||
			updated && t.born
		if t.born && t.changed.IsZero() {
			t.changed = now
		}
		return
	}
	last := &t.spans[n-1]
	last.to = now
	if last.state == state && last.updated == updated {
		return
	}
	t.updated = t.updated || updated && !last.updated
	t.note(*last, state, updated, now)
	if last.from.Equal(now) {
		last.state, last.updated = state, updated
		return
	}
	t.spans = append(t.spans, podSpan{from: now, to: now, state: state, updated: updated})
}

// replace begins a pod that takes the place of one of the same name, as in a StatefulSet: it has that one's lane, and a time of
// its own.
func (t *track) replace(p *rollout.Pod, now time.Time) {
	t.end(now)
	t.first, t.gone, t.inPlace, t.base, t.born, t.created = now, time.Time{}, time.Time{}, p.Restarts, true, p.Created
}

// note draws from a change what the lane and the table say of the pod.
func (t *track) note(last podSpan, state podState, updated bool, now time.Time) {
	if t.changed.IsZero() {
		t.changed = now
	}
	if updated && !last.updated && t.inPlace.IsZero() && state != stateCreated {
		t.inPlace = now
	}
	was := last.state == stateAvailable || last.state == stateReady
	if state == stateFailed {
		t.trouble = ended
	} else if was && (state == stateStarting || state == stateCreated) && updated == last.updated && t.trouble == "" {
		t.trouble = "lost readiness"
	}
}

func (t *track) end(now time.Time) {
	if n := len(t.spans); n > 0 && t.gone.IsZero() {
		t.spans[n-1].to = now
		t.gone = now
	}
}

// lanes are the pods in the order of their changes, drawn up to a moment; pods that nothing happened to come last.
func (ts *tracks) lanes(until time.Time) []*track {
	for _, t := range ts.order {
		if t.gone.IsZero() && len(t.spans) > 0 {
			t.spans[len(t.spans)-1].to = until
		}
	}
	lanes := slices.Clone(ts.order)
	slices.SortStableFunc(lanes, func(a, b *track) int {
		if a.changed.IsZero() != b.changed.IsZero() {
			return cmp.Compare(oneIf(a.changed.IsZero()), oneIf(b.changed.IsZero()))
		}
		return cmp.Or(a.changed.Compare(b.changed), cmp.Compare(oneIf(a.born), oneIf(b.born)), cmp.Compare(a.name, b.name))
	})
	return lanes
}

// since is when the pod came to be in the state for the first time, as the revision that it ended with.
func (t *track) since(states ...podState) time.Time {
	if len(t.spans) == 0 {
		return time.Time{}
	}
	updated := t.spans[len(t.spans)-1].updated
	for _, s := range t.spans {
		if s.updated == updated && slices.Contains(states, s.state) {
			return s.from
		}
	}
	return time.Time{}
}

// updatedPods is how many pods came to be of the revision that is released, guests not counted.
func (ts *tracks) updatedPods() int {
	n := 0
	for _, t := range ts.order {
		n += oneIf(t.updated && !t.guest)
	}
	return n
}

func oneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}
