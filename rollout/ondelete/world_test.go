// SPDX-License-Identifier: Apache-2.0

package ondelete

import (
	"fmt"
	"slices"
	"testing"
)

// state is what is in the place of one pod: of an ordinal, or of a node.
type state uint8

const (
	oldReady state = iota
	oldDown
	newReady
	newDown
	gone // deleted, or never there: it comes back new
)

func (s state) ready() bool { return s == oldReady || s == newReady }
func (s state) old() bool   { return s <= oldDown }

// most is the most replicas, and mostTrouble how often a pod crashes, is evicted or loses its node.
const (
	most        = 5
	mostTrouble = 2
)

// place is what is there, and whether its node is one that the controller does not count.
type place struct {
	state state
	lost  bool
}

// world is one target and its pods, at a moment. Its controller is an adversary within its rules: it may make a pod at any time
// or let it wait. The agent has no memory but batch, so one that is killed after any write is one that looks again.
type world struct {
	places  [most]place
	batch   uint8
	trouble uint8
}

// setup is what does not change in a world.
type setup struct {
	r, u    int
	ordered bool
	nodes   bool // nodes come and go
	known   bool // and the agent knows which
	unblock bool // old pods that hold others up may go beyond the batch
	targets []int
	next    func(Observation, int) ([]int, string)
}

func (c *setup) String() string {
	return fmt.Sprintf("R=%d U=%d ordered %v, nodes %v %v, batches %v", c.r, c.u, c.ordered, c.nodes, c.known, c.targets)
}

// look is what the agent sees, and beside its pods their places.
func (c *setup) look(w world) (Observation, []int) {
	l := Observation{Unavailable: c.u, Ordered: c.ordered}
	l.Serving, _ = c.ready(w)
	var at []int
	for i, p := range w.places[:c.r] {
		if !p.lost {
			l.Replicas++
		}
		if p.state == gone {
			continue
		}
		if p.lost && !c.known {
			l.Astray++
		}
		l.Pods = append(l.Pods, Pod{
			New: !p.state.old(), Available: p.state.ready(), Lost: p.lost && c.known, Blocking: c.unblock,
			Ordinal: i, Place: fmt.Sprint(i),
		})
		at = append(at, i)
	}
	return l, at
}

// ready is how many pods serve on nodes that count, and how many of the places that count are new or come back new.
func (c *setup) ready(w world) (ready, updated int) {
	for _, p := range w.places[:c.r] {
		if !p.lost && p.state.ready() {
			ready++
		}
		if !p.lost && !p.state.old() {
			updated++
		}
	}
	return ready, updated
}

// unsure tells whether a pod is on a node that the controller does not count, and the agent does not know which. How many are
// new is not known then.
func (c *setup) unsure(w world) bool {
	return !c.known && slices.ContainsFunc(w.places[:c.r], func(p place) bool { return p.lost })
}

func (c *setup) ended(w world) bool { return int(w.batch) == len(c.targets) }

// act lets the agent look, and make any of the writes that it has decided on. It visits each world as it is then, and says
// what is wrong with it.
func (c *setup) act(w world, visit func(world, string)) {
	if c.ended(w) {
		return
	}
	l, at := c.look(w)
	target, count := min(c.targets[w.batch], l.Replicas), l.Count()
	if last := int(w.batch) == len(c.targets)-1; count.AvailableNew >= target && (!last || count.Old == 0 && count.Missing == 0) {
		next := w
		next.batch++
		visit(next, "")
		return
	}
	deleted, _ := c.next(l, target-count.New-count.Missing)
	before, updated := c.ready(w)
	for subset := 1; subset < 1<<len(deleted); subset++ {
		next, wrong := w, ""
		for k, i := range deleted {
			if subset&(1<<k) == 0 {
				continue
			}
			place := at[i]
			if !w.places[place].state.old() {
				wrong = "a new pod is deleted"
			}
			for _, below := range w.places[:place] {
				if c.ordered && !below.state.ready() {
					wrong = "a pod is deleted that does not come back"
				}
			}
			next.places[place].state = gone
		}
		ready, now := c.ready(next)
		switch {
		case ready < before && ready < l.Replicas-c.u:
			wrong = fmt.Sprintf("%d of %d pods are ready after deletions", ready, l.Replicas)
		case now > max(updated, target) && !c.unsure(w) && (!c.unblock || count.Missing == 0):
			wrong = fmt.Sprintf("%d pods are new for a target of %d", now, target)
		}
		visit(next, wrong)
	}
}

// steps are the worlds that may follow, and whether by something that nobody may count on.
func (c *setup) steps(w world, visit func(next world, chance bool, wrong string)) {
	c.act(w, func(next world, wrong string) { visit(next, false, wrong) })
	below := true
	for i, p := range w.places[:c.r] {
		next := w
		switch at := &next.places[i]; {
		case p.lost:
			at.lost = false // the node is back, and with it its pod
			visit(next, true, "")
			continue
		case p.state == gone && (below || !c.ordered):
			at.state = newDown
			visit(next, false, "")
		case p.state == newDown:
			at.state = newReady
			visit(next, false, "")
		case p.state == oldDown:
			at.state = oldReady
			visit(next, true, "")
		}
		below = below && p.state.ready()
		c.troubles(w, i, visit)
	}
}

// troubles are what may befall one pod: its containers crash, it is evicted, its node fails or is closed to it.
func (c *setup) troubles(w world, i int, visit func(next world, chance bool, wrong string)) {
	if w.trouble == mostTrouble || w.places[i].state == gone {
		return
	}
	w.trouble++
	next := w
	at := &next.places[i]
	if at.state.ready() {
		at.state++ // down
		visit(next, true, "")
		if c.nodes {
			at.lost = true
			visit(next, true, "")
			next.places[i] = place{state: w.places[i].state, lost: true}
			visit(next, true, "")
		}
	}
	next = w
	next.places[i].state = gone
	visit(next, true, "")
}

// explore visits every world that can come of a setup. It returns how many there are, and what is wrong, if anything.
func explore(c *setup) (int, string) {
	index, all := map[world]int{{}: 0}, []world{{}}
	before := [][]int{nil}
	wrong := ""
	for i := 0; i < len(all) && wrong == ""; i++ {
		c.steps(all[i], func(next world, chance bool, bad string) {
			if bad != "" && wrong == "" {
				wrong = fmt.Sprintf("%v: %s\n%+v\n%+v", c, bad, all[i], next)
			}
			j, seen := index[next]
			if !seen {
				j = len(all)
				index[next], all, before = j, append(all, next), append(before, nil)
			}
			if !chance && i != j {
				before[j] = append(before[j], i)
			}
		})
	}
	if wrong != "" {
		return len(all), wrong
	}
	if c.ordered && !c.unblock {
		return len(all), "" // its controller may wait for an old pod that never gets ready: a deadline ends that
	}
	reach := make([]bool, len(all))
	var queue []int
	for i, w := range all {
		if reach[i] = c.ended(w); reach[i] {
			queue = append(queue, i)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		for _, i := range before[queue[0]] {
			if !reach[i] {
				reach[i] = true
				queue = append(queue, i)
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

// setups are all with up to so many replicas, for a rule.
func setups(replicas int, next func(Observation, int) ([]int, string)) []*setup {
	var out []*setup
	for r := 1; r <= replicas; r++ {
		for u := 1; u <= 2 && u <= r; u++ {
			c := setup{r: r, u: u, targets: []int{1, (r + 1) / 2, r}, next: next}
			ordered, unblock, nodes, known := c, c, c, c
			ordered.ordered, unblock.ordered, unblock.unblock = true, true, true
			nodes.nodes, known.nodes, known.known = true, true, true
			out = append(out, &c, &ordered, &unblock, &nodes, &known)
		}
	}
	return out
}

// TestEveryWorld holds the rule against every world: no deletion takes a pod that has to stay, none makes more pods new than the
// batch has, none takes one that would not come back, and there is always an end.
func TestEveryWorld(t *testing.T) {
	replicas := most
	if testing.Short() {
		replicas = 3
	}
	total := 0
	for _, c := range setups(replicas, Next) {
		n, wrong := explore(c)
		if wrong != "" {
			t.Fatal(wrong)
		}
		total += n
	}
	t.Logf("%d worlds", total)
}

// TestMutants holds simpler rules against the same worlds: each is wrong in a way that people, and a prototype, were wrong in.
func TestMutants(t *testing.T) {
	for name, next := range map[string]func(Observation, int) ([]int, string){
		"one more than the budget": func(l Observation, room int) ([]int, string) {
			l.Unavailable++
			return Next(l, room)
		},
		"what is missing does not come back new": func(l Observation, room int) ([]int, string) {
			return Next(l, room+l.Count().Missing)
		},
		"what is not ready costs nothing": func(l Observation, room int) ([]int, string) {
			l.Replicas = l.Count().Available
			return Next(l, room)
		},
		"broken old pods hold the budget": func(l Observation, room int) ([]int, string) {
			for i, p := range l.Pods {
				l.Pods[i].Kept = !p.Available
			}
			return Next(l, room)
		},
		"a lower ordinal does not matter": func(l Observation, room int) ([]int, string) {
			l.Ordered = false
			return Next(l, room)
		},
		"pods of nodes that fail count": func(l Observation, room int) ([]int, string) {
			for i := range l.Pods {
				l.Pods[i].Lost = false
			}
			l.Astray = 0
			return Next(l, room)
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, c := range setups(3, next) {
				if _, wrong := explore(c); wrong != "" {
					t.Log(wrong)
					return
				}
			}
			t.Error("nothing is wrong with it")
		})
	}
}
