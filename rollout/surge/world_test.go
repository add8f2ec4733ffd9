// SPDX-License-Identifier: Apache-2.0

package surge

import (
	"fmt"
	"testing"
)

// fields are what the agent writes and the controller acts upon.
type fields struct {
	paused, held bool
	s, u         uint8
	mark         bool // in the annotation, which is no part of the generation
}

func (f fields) spec() fields { f.mark = false; return f }

// world is one Deployment, its controller and its pods, at a moment. The controller is an adversary within its rules: it may
// act or wait at any time, by any fields that it has not yet forgotten and by any count of available pods that it has
// once read. The agent has no memory but batch, so one that is killed after any write is one that waits.
type world struct {
	now, seen fields // as the object is, and as the controller knows it
	observed  bool   // the status is of the present fields
	old, new  uint8  // wanted by the ReplicaSets
	broken    uint8  // old pods that are not ready; the others are
	ready     uint8  // new pods that are
	made      bool   // there is a newest ReplicaSet
	proven    bool   // and the mark was copied to it
	sealed    bool   // the newest ReplicaSet has the minReadySeconds that no pod reaches
	oldKnown  uint8  // available pods by ReplicaSet, as the controller last read them
	newKnown  uint8
	crashes   uint8
	batch     uint8
	goal      uint8 // new pods that the last step may make
	uneasy    bool  // a pod crashed or recovered since the agent judged
}

// setup is what does not change in a world.
type setup struct {
	r, s, u int
	targets []int
	next    func(Observation, int) Move
}

func (c *setup) String() string {
	return fmt.Sprintf("R=%d S=%d U=%d batches %v", c.r, c.s, c.u, c.targets)
}

func (c *setup) look(w world) Observation {
	l := Observation{
		Replicas: c.r, Surge: c.s, Unavailable: c.u, Paused: w.now.paused, Held: w.now.held,
		MaxSurge: int(w.now.s), MaxUnavailable: int(w.now.u), Old: int(w.old), New: int(w.new),
		OldReady: int(w.old - w.broken), NewReady: int(w.ready), NewPods: int(w.new),
		Made: w.made, Mute: w.sealed, Mark: w.now.mark, Seal: w.proven,
	}
	if w.old > 0 {
		l.Sets++
	}
	if w.new > 0 {
		l.Sets++
	}
	return l
}

// newAvailable is how many new pods the newest ReplicaSet has available by its own minReadySeconds.
func (w world) newAvailable() uint8 {
	if w.sealed {
		return 0
	}
	return w.ready
}

// ended tells whether the release is where it has to be in the end.
func (c *setup) ended(w world) bool {
	return int(w.batch) == len(c.targets)
}

// act lets the agent look and make one write. It returns the world as it is, and what is wrong with it.
func (c *setup) act(w world) (world, string) {
	if !w.observed || c.ended(w) {
		return w, ""
	}
	l, target := c.look(w), c.targets[w.batch]
	switch m := c.next(l, max(target, l.New)); m.Kind {
	case Wait:
		return w, ""
	case Rest:
		want := max(target, int(w.new))
		if int(w.new) != want || int(w.old) != c.r-want || !w.now.paused {
			return w, fmt.Sprintf("a rest for %d of %d pods is at %d old and %d new", want, c.r, w.old, w.new)
		}
		if w.ready == w.new {
			w.batch++
		}
		return w, ""
	case Pause:
		w.now.paused = true
	case Hold:
		w.now = fields{paused: true, held: true, s: uint8(m.Surge), u: uint8(m.Unavailable), mark: !w.made}
	case Seal:
		w.now.mark = true
		return w, ""
	case Open:
		w.now = fields{held: true, s: uint8(m.Surge), u: uint8(m.Unavailable), mark: w.now.mark}
		w.uneasy, w.goal = false, max(uint8(target), w.new)
	}
	w.observed = false
	return w, ""
}

// sync is one turn of the controller by the fields that it knows: it scales one ReplicaSet or none.
func (c *setup) sync(w world) (world, string) {
	if w.made {
		w.sealed = w.sealed || w.seen.held
		w.proven = w.proven || w.seen.mark && w.newKnown == w.newAvailable() // or the server refuses the update
	}
	before := w
	if w.seen.paused {
		c.proportion(&w)
	} else if !c.grow(&w) {
		c.shrink(&w)
	}
	w.observed = w.seen.spec() == w.now.spec()
	return w, c.judge(before, w)
}

// grow scales the newest ReplicaSet up, and makes it.
func (c *setup) grow(w *world) bool {
	most := min(c.r-int(w.new), c.r+int(w.seen.s)-int(w.old)-int(w.new))
	if most <= 0 {
		return false
	}
	if !w.made {
		w.made, w.sealed, w.proven = true, w.seen.held, w.seen.mark
	}
	w.new += uint8(most)
	return true
}

// shrink scales the old ReplicaSet down: what is not available first, by what the controller knows, and then what is above
// the least that must be available.
func (c *setup) shrink(w *world) {
	least := c.r - int(w.seen.u)
	knownOld, knownNew := min(int(w.oldKnown), int(w.old)), min(int(w.newKnown), int(w.new))
	room := int(w.old) + int(w.new) - least - (int(w.new) - knownNew)
	if w.old == 0 || room <= 0 {
		return
	}
	unhealthy := min(int(w.old)-knownOld, room)
	healthy := max(0, min(knownOld+knownNew-least, int(w.old)-unhealthy))
	c.remove(w, unhealthy+healthy)
}

// proportion is what the controller does with a Deployment that is paused: one ReplicaSet gets all replicas, several get R+s.
func (c *setup) proportion(w *world) {
	switch {
	case w.new == 0:
		c.setOld(w, c.r)
	case w.old == 0:
		w.setNew(c.r)
	default:
		all := c.r + int(w.seen.s)
		for more := all - int(w.old) - int(w.new); more > 0; more-- {
			if w.old >= w.new {
				w.old++
				w.broken++
			} else {
				w.new++
			}
		}
		for less := int(w.old) + int(w.new) - all; less > 0; less-- {
			if w.old >= w.new {
				c.remove(w, 1)
			} else {
				w.setNew(int(w.new) - 1)
			}
		}
	}
}

// remove takes old pods, those that are not ready first.
func (c *setup) remove(w *world, n int) {
	n = min(n, int(w.old))
	w.old -= uint8(n)
	w.broken -= min(w.broken, uint8(n))
}

func (c *setup) setOld(w *world, n int) {
	if n < int(w.old) {
		c.remove(w, int(w.old)-n)
		return
	}
	w.broken += uint8(n) - w.old
	w.old = uint8(n)
}

func (w *world) setNew(n int) {
	unready := int(w.new - w.ready)
	if gone := int(w.new) - n; gone > unready {
		w.ready -= uint8(gone - unready)
	}
	w.new = uint8(n)
}

// judge says what a turn of the controller has broken.
func (c *setup) judge(before, after world) string {
	total, ready := int(after.old+after.new), int(after.old-after.broken+after.ready)
	was := int(before.old - before.broken + before.ready)
	switch {
	case after.seen.held && after.goal > 0 && after.new > max(before.new, after.goal):
		return fmt.Sprintf("%d new pods of a step to %d", after.new, after.goal)
	case total > c.r+c.s && total > int(before.old+before.new):
		return fmt.Sprintf("%d pods, more than R+S", total)
	case ready < was && ready < c.r-c.u && !before.uneasy:
		return fmt.Sprintf("%d ready pods after a deletion, fewer than R-U", ready)
	default:
		return ""
	}
}

// steps are the worlds that may follow, and whether a pod crashes or recovers on the way, which nobody may count on.
func (c *setup) steps(w world, visit func(next world, chance bool, wrong string)) {
	next, wrong := c.act(w)
	visit(next, false, wrong)
	if w.seen != w.now {
		next = w
		next.seen = w.now
		visit(next, false, "")
	}
	next, wrong = c.sync(w)
	visit(next, false, wrong)
	if next = w; next.oldKnown != w.old-w.broken {
		next.oldKnown = w.old - w.broken
		visit(next, false, "")
	}
	if next = w; next.newKnown != w.newAvailable() {
		next.newKnown = w.newAvailable()
		visit(next, false, "")
	}
	if w.ready < w.new {
		next = w
		next.ready++
		visit(next, false, "")
	}
	if w.broken > 0 {
		next = w
		next.broken, next.uneasy = w.broken-1, true
		visit(next, true, "")
	}
	if w.crashes == mostCrashes {
		return
	}
	if w.broken < w.old {
		next = w
		next.broken, next.crashes, next.uneasy = w.broken+1, w.crashes+1, true
		visit(next, true, "")
	}
	if w.ready > 0 {
		next = w
		next.ready, next.crashes, next.uneasy = w.ready-1, w.crashes+1, true
		visit(next, true, "")
	}
}

const mostCrashes = 2

// begins are the worlds in which an agent may find a Deployment: at rest and paused, not paused with a new template, and
// anywhere in a rolling update that has begun.
func (c *setup) begins() []world {
	var out []world
	for o := 0; o <= c.r; o++ {
		for n := 0; o+n <= c.r+c.s; n++ {
			if n > c.r || o+n < c.r-c.u || o == 0 {
				continue
			}
			w := world{old: uint8(o), new: uint8(n), ready: uint8(n), oldKnown: uint8(o), newKnown: uint8(n), observed: true, made: n > 0}
			w.now = fields{s: uint8(c.s), u: uint8(c.u)}
			w.seen = w.now
			out = append(out, w)
			if n == 0 && o == c.r {
				w.now.paused = true
				w.seen = w.now
				out = append(out, w)
			}
		}
	}
	return out
}

// explore visits every world that can come of a setup. It returns how many there are, and what is wrong, if anything.
func explore(c *setup) (int, string) {
	type edge struct{ from, to int32 }
	index := map[world]int32{}
	var (
		all   []world
		edges []edge
		wrong string
	)
	add := func(w world) int32 {
		i, ok := index[w]
		if !ok {
			i = int32(len(all))
			index[w] = i
			all = append(all, w)
		}
		return i
	}
	for _, w := range c.begins() {
		add(w)
	}
	for i := 0; i < len(all) && wrong == ""; i++ {
		w := all[i]
		c.steps(w, func(next world, chance bool, bad string) {
			if bad != "" && wrong == "" {
				wrong = fmt.Sprintf("%v: %s\n%+v\n%+v", c, bad, w, next)
			}
			j := add(next)
			if !chance && int(j) != i {
				edges = append(edges, edge{int32(i), j})
			}
		})
	}
	if wrong != "" {
		return len(all), wrong
	}
	before := make([][]int32, len(all))
	for _, e := range edges {
		before[e.to] = append(before[e.to], e.from)
	}
	reach := make([]bool, len(all))
	var queue []int32
	for i, w := range all {
		if c.ended(w) {
			reach[i] = true
			queue = append(queue, int32(i))
		}
	}
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		for _, j := range before[i] {
			if !reach[j] {
				reach[j] = true
				queue = append(queue, j)
			}
		}
	}
	for i, ok := range reach {
		if !ok {
			return len(all), fmt.Sprintf("%v: no end is reached from\n%+v", c, all[i])
		}
	}
	return len(all), ""
}

// setups are all with up to so many replicas.
func setups(most int, next func(Observation, int) Move) []*setup {
	var out []*setup
	for r := 1; r <= most; r++ {
		for s := 0; s <= 3; s++ {
			for u := 0; u <= 3 && u <= r; u++ {
				if s+u > 0 {
					out = append(out, &setup{r: r, s: s, u: u, targets: []int{min(1, r), (r + 1) / 2, r}, next: next})
				}
			}
		}
	}
	return out
}

// TestEveryWorld holds the rule against every world: no deletion of the release takes a pod that has to stay, there are never
// more pods than the surge allows, each rest is exact, and there is always an end.
func TestEveryWorld(t *testing.T) {
	most := 6
	if testing.Short() {
		most = 3
	}
	total := 0
	for _, c := range setups(most, Next) {
		n, wrong := explore(c)
		if wrong != "" {
			t.Fatal(wrong)
		}
		total += n
	}
	t.Logf("%d worlds", total)
}
