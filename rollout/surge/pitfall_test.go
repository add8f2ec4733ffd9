// SPDX-License-Identifier: Apache-2.0

package surge

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// mutants are rules that are simpler than Next, each wrong in one way that people, and a prototype, have been wrong in.
func mutants() map[string]func(Observation, int) Move {
	return map[string]func(Observation, int) Move{
		"the whole surge at every step": func(l Observation, target int) Move {
			m := Next(l, target)
			if m.Kind == Open && m.New > l.New {
				m.Surge = min(l.Surge, m.New)
				m.Unavailable = m.New - m.Surge
			}
			return m
		},
		"a step is not closed": func(l Observation, target int) Move {
			if l.Held && !l.Paused && l.Settled() {
				l.Paused = true
				if m := Next(l, target); m.Kind != Rest {
					return m
				}
				l.Paused = false
			}
			return Next(l, target)
		},
		"held with less than the surge that exists": func(l Observation, target int) Move {
			m := Next(l, target)
			if m.Kind == Hold {
				m.Surge = 0
			}
			return m
		},
		"stepped before the controller has forgotten": func(l Observation, target int) Move {
			l.Seal = true
			return Next(l, target)
		},
		"stepped when the status of the ReplicaSet says so": func(l Observation, target int) Move {
			l.Seal = l.Mute
			return Next(l, target)
		},
		"stepped before the new pods are ready": func(l Observation, target int) Move {
			l.NewReady = l.New
			return Next(l, target)
		},
		"broken old pods hold the budget": func(l Observation, target int) Move {
			l.OldReady, l.Unavailable = l.Old, l.Unavailable-(l.Old-l.OldReady)
			return Next(l, target)
		},
		"the surge stays": func(l Observation, target int) Move {
			m := Next(l, target)
			if m.Kind == Open && m.New == l.New {
				return Move{Kind: Rest}
			}
			return m
		},
		"one step beyond the budget": func(l Observation, target int) Move {
			l.Unavailable++
			return Next(l, target)
		},
	}
}

// TestMutants shows that the worlds tell these rules from the right one.
func TestMutants(t *testing.T) {
	for name, next := range mutants() {
		t.Run(name, func(t *testing.T) {
			for _, c := range setups(4, next) {
				if _, wrong := explore(c); wrong != "" {
					t.Log(strings.SplitN(wrong, "\n", 2)[0])
					return
				}
			}
			t.Error("no world tells it from the right rule")
		})
	}
}

// TestQuantity holds that a percentage means exactly so many pods, rounded down as the controller does, and no more of fewer
// pods than it would be of all.
func TestQuantity(t *testing.T) {
	for r := 1; r <= 250; r++ {
		for u := 0; u <= r; u++ {
			q := Quantity(u, r)
			if got := q.Down(r); got != u {
				t.Fatalf("%d of %d pods are written as %s, which is %d", u, r, q, got)
			}
			if r <= exactly && u > 0 && u < r && q.Down(r/2) > (u*(r/2)+r-1)/r {
				t.Fatalf("%d of %d pods are written as %s, which is %d of %d", u, r, q, q.Down(r/2), r/2)
			}
		}
	}
}

// steady is an Observation at a Deployment that is held, paused and at rest with pods that are all ready.
func steady(r, s, u, n int) Observation {
	return Observation{
		Replicas: r, Surge: s, Unavailable: u, Paused: true, Held: true, Old: r - n, New: n, Sets: 2, Made: n > 0, Mute: true,
		Mark: true,
		Seal: n > 0, OldReady: r - n, NewReady: n, NewPods: n,
	}
}

// TestPitfalls holds the first move in situations that simpler rules get wrong.
func TestPitfalls(t *testing.T) {
	half := func(change func(*Observation)) Observation {
		l := steady(10, 3, 0, 5)
		change(&l)
		return l
	}
	for _, c := range []struct {
		reason string
		look   Observation
		target int
		want   Move
	}{
		{
			"five and five, one more: not the whole surge at once, which would make eight new pods",
			steady(10, 3, 0, 5), 6,
			Move{Kind: Open, Surge: 1, Unavailable: 5, New: 6},
		},
		{
			"a rest is taken at once where somebody has changed the template: the old pods of both are old",
			half(func(l *Observation) {
				l.Old, l.New, l.OldReady, l.NewReady, l.NewPods, l.Made, l.Seal = 10, 0, 10, 0, 0, false, false
			}), 1,
			Move{Kind: Open, Surge: 1, New: 1},
		},
		{
			"old pods that are broken hold no budget: a fix starts",
			half(func(l *Observation) {
				l.Surge, l.Unavailable, l.OldReady, l.Old, l.New, l.NewReady, l.NewPods = 0, 1, 0, 10, 0, 0, 0
				l.Made, l.Seal = false, false
			}), 1,
			Move{Kind: Open, Unavailable: 1, New: 1},
		},
		{
			"a percentage of one pod is none, and there is nothing to write",
			half(func(l *Observation) { *l = steady(1, 1, 0, 0); l.Sets = 1 }), 0,
			Move{Kind: Rest},
		},
		{
			"the pause comes first, and by itself",
			half(func(l *Observation) { l.Held, l.Paused = false, false }), 1,
			Move{Kind: Pause},
		},
		{
			"a pause that has not settled is waited for",
			half(func(l *Observation) { l.Held, l.MaxSurge = false, 3 }), 1,
			Move{Kind: Wait},
		},
		{
			"it is held with all of the surge, or a pause would take old pods that are ready",
			half(func(l *Observation) { l.Held, l.MaxSurge, l.Old, l.New = false, 3, 6, 7 }), 7,
			Move{Kind: Hold, Surge: 3, Unavailable: 4},
		},
		{
			"what the controller may still know is waited out",
			half(func(l *Observation) { l.Seal, l.Mark, l.Mute = false, false, false }), 6,
			Move{Kind: Wait},
		},
		{
			"and proven",
			half(func(l *Observation) { l.Seal, l.Mark = false, false }), 6,
			Move{Kind: Seal},
		},
		{
			"the surge of a step that is done goes at a rest",
			half(func(l *Observation) { l.New, l.NewReady, l.NewPods, l.Old, l.OldReady = 8, 8, 8, 5, 5 }), 8,
			Move{Kind: Open, Unavailable: 8, New: 8},
		},
	} {
		got := Next(c.look, c.target)
		got.Why = ""
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.reason, diff)
		}
	}
}

// TestRests plays the table that is promised before a release: R=10, S=1, U=0, and batches of 1, 20% and 100%.
func TestRests(t *testing.T) {
	c := &setup{r: 10, s: 1, u: 0, next: Next}
	for _, q := range []plan.Quantity{plan.Pods(1), plan.Percent(20), plan.Percent(100)} {
		c.targets = append(c.targets, q.Updated(10))
	}
	w := world{old: 10, oldKnown: 10, observed: true, now: fields{paused: true, s: 1}}
	w.seen = w.now
	var rests []int
	for range 10_000 {
		before := w.batch
		next, wrong := c.act(w)
		if wrong != "" {
			t.Fatal(wrong)
		}
		if w = next; w.batch > before {
			rests = append(rests, int(w.new))
		}
		w.seen = w.now
		if w, wrong = c.sync(w); wrong != "" || w.old+w.new > 11 || w.old-w.broken+w.ready < 10 {
			t.Fatal(wrong, w)
		}
		w.oldKnown, w.newKnown, w.ready = w.old-w.broken, w.newAvailable(), w.new
	}
	if diff := cmp.Diff([]int{1, 2, 10}, rests); diff != "" || w.old != 0 || !c.ended(w) {
		t.Errorf("rests (-want +got):\n%s%+v", diff, w)
	}
}
