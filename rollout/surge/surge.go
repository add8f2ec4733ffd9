// SPDX-License-Identifier: Apache-2.0

package surge

import (
	"fmt"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// Observation is what the rule knows of a Deployment: one moment, in which its controller has seen the present spec.
type Observation struct {
	Replicas    int // R
	Surge       int // S, of the user's own maxSurge
	Unavailable int // U

	Paused         bool // the present fields
	Held           bool
	MaxSurge       int // s
	MaxUnavailable int // u

	Old  int  // O
	New  int  // N
	Sets int  // ReplicaSets that are to have pods
	Made bool // there is a ReplicaSet of the present template
	Mute bool // it has the 68 years, and none of its pods is available by its own status
	Mark bool // the Deployment's annotation says so
	Seal bool // the ReplicaSet has that annotation too

	OldReady int // available old pods, by the user's own minReadySeconds
	NewReady int // available new pods
	NewPods  int // new pods, available or not
	Tolerate int // new pods that may be missing or unavailable
}

// Kind says what a Move writes.
type Kind string

// The moves. Rest means that nothing is to be done, Wait that it is not time yet. Pause writes paused and nothing else; Hold the
// fields of a release, and paused; Seal the mark in the annotation, and no field; Open the bounds of a step, and that it is not
// paused.
const (
	Rest  Kind = "Rest"
	Seal  Kind = "Seal"
	Wait  Kind = "Wait"
	Pause Kind = "Pause"
	Hold  Kind = "Hold"
	Open  Kind = "Open"
)

// Move is the next write, or why there is none.
type Move struct {
	Kind        Kind
	Surge       int    // s
	Unavailable int    // u
	New         int    // how many new pods there are to be, of Open
	Why         string // in a few words
}

// Next is what leads a Deployment to so many new pods and to a rest, where no old pod is left but R-N.
func Next(l Observation, target int) Move {
	switch {
	case !l.Held:
		return take(l)
	case !l.Paused && l.Settled():
		return Move{Kind: Pause, Why: "the step is done"}
	case !l.Paused:
		return Move{Kind: Wait, Why: "the controller carries the step out"}
	case l.Made && !l.Seal:
		return seal(l)
	case l.NewReady+l.Tolerate < l.New || l.NewPods+l.Tolerate < l.New || l.NewPods > l.New:
		return Move{Kind: Wait, Why: "new pods are not ready"}
	case l.New < target:
		return step(l, target)
	default:
		return rest(l)
	}
}

// take takes a Deployment over. It is paused first and by itself: whatever is written beside it, the controller may have
// begun to act on the fields before. Held it is only when the pause has settled, with as many pods as a pause leaves.
func take(l Observation) Move {
	steady := l.Sets <= 1 || l.Old+l.New == l.Replicas+l.MaxSurge
	switch {
	case !l.Paused:
		return Move{Kind: Pause, Why: "the release takes it over"}
	case !steady && l.Replicas > 0:
		return Move{Kind: Wait, Why: "the controller has not taken the pause in"}
	default:
		// Never less than S: a paused Deployment of several ReplicaSets is scaled down to R+s, ready old pods too.
		return Move{Kind: Hold, Surge: l.Surge, Unavailable: max(l.Replicas-l.Old, 1), Why: "the release takes it over"}
	}
}

// seal makes sure that the controller counts no new pod as available. Where the newest ReplicaSet is older than the hold, the
// controller may still know a status of it from before, by which it would take old pods away. No sum of the Deployment's status
// can tell. But it copies the Deployment's annotations to that ReplicaSet, and the API server refuses this to one that knows an
// older ReplicaSet: so once the mark, written after the status was seen, is there, the controller has seen the status too.
func seal(l Observation) Move {
	if l.Mute && !l.Mark {
		return Move{Kind: Seal, Why: "no new pod counts as available any more"}
	}
	return Move{Kind: Wait, Why: "the controller has not taken the new minReadySeconds over"}
}

// Settled tells whether the controller has carried out the step that is open. Open, new pods are only added and old ones only
// removed, so what an older observation shows as done is done.
func (l Observation) Settled() bool {
	r := l.Replicas
	return l.Old <= max(0, r-l.MaxUnavailable) && l.New >= min(r, r+l.MaxSurge-l.Old)
}

// Complete tells whether the controller has made all pods of the present template, and has left no other.
func (l Observation) Complete() bool { return l.Made && l.Old == 0 && l.New == l.Replicas }

// step goes as far towards the target as the budget lets it.
func step(l Observation, target int) Move {
	for n := target; n > l.New; n-- {
		s, u := l.bounds(n)
		if s+u > 0 && n-l.New <= l.Surge+l.Unavailable && l.affords(u) {
			return Move{Kind: Open, Surge: s, Unavailable: u, New: n, Why: fmt.Sprintf("%d of %d pods to be updated", n, l.Replicas)}
		}
	}
	return Move{Kind: Wait, Why: fmt.Sprintf("%d of %d pods are available, and a step would take one of the %d that must be",
		l.available(), l.Replicas, l.least())}
}

// bounds are s and u of a step to n new pods: as few old pods go as S lets stay.
func (l Observation) bounds(n int) (s, u int) {
	u = max(l.Replicas-l.Old, n-l.Surge, 0)
	if s = n - u; s < 0 || s > l.Surge {
		return 0, max(l.Replicas-l.Old, 0)
	}
	return s, u
}

// rest takes the surge back: old pods go until there are R-N, as many at once as the budget lets.
func rest(l Observation) Move {
	r, n := l.Replicas, l.New
	if l.Old <= r-n {
		return Move{Kind: Rest}
	}
	for u := min(n, r); u >= max(r-l.Old, 0); u-- {
		s := max(0, n-u)
		if s+u > 0 && s <= l.Surge && l.goes(u) > 0 && l.affords(u) {
			return Move{Kind: Open, Surge: s, Unavailable: u, New: n, Why: fmt.Sprintf("the surge goes, %d new pods stay", n)}
		}
	}
	return Move{Kind: Wait, Why: fmt.Sprintf("%d of %d pods are available, and no old one may go", l.available(), r)}
}

// goes is how many old pods a maxUnavailable of u takes, at once.
func (l Observation) goes(u int) int { return max(0, l.Old-max(0, l.Replicas-u)) }

// affords tells whether the old pods that go may: those that are not available go first, and cost nothing.
func (l Observation) affords(u int) bool {
	broken := max(l.Old-l.OldReady, 0)
	k := l.goes(u)
	return k <= broken || l.available()-(k-broken) >= l.least()
}

func (l Observation) available() int { return l.OldReady + l.NewReady }

func (l Observation) least() int { return l.Replicas - l.Unavailable }

// exactly is the most replicas of which a whole percentage can tell every number of pods.
const exactly = 100

// Quantity is u as it is written. As a percentage it is scaled with the replicas, so that one that was meant for ten does
// not take all of four.
func Quantity(u, replicas int) plan.Quantity {
	if u <= 0 || u > replicas || replicas > exactly {
		return plan.Pods(max(u, 0))
	}
	return plan.Percent((100*u + replicas - 1) / replicas)
}
