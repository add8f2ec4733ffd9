// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"errors"
	"fmt"
	"github.com/slipway-dev/slipway/rollout/plan"
	"reflect"
	"slices"
	"strconv"
)

// search visits every world that a release of one configuration can reach: every order of its writes and of the pods'
// recoveries, crashes, evictions and requested deletions, and, because each decision is made afresh from the world
// alone, every moment at which the agent can be killed and started again.
type search struct {
	rule     rule
	plan     plan.BatchPlan
	spec     plan.WorkloadSpec
	bounds   plan.Bounds
	target   plan.Bounds // of the last batch
	calm     world       // the start
	observed Observed
	names    []string
	memory   []Progress
	colours  map[world]colour
	decided  int
}

type colour uint8

const (
	open   colour = 1 // on the path from the start
	closed colour = 2
)

func newSearch(r rule, p plan.BatchPlan, spec plan.WorkloadSpec, crashes, marks int) *search {
	b, err := spec.Bounds()
	if err != nil {
		panic(err)
	}
	s := &search{rule: r, plan: p, spec: spec, bounds: b, colours: map[world]colour{}, memory: []Progress{{}}}
	targets := p.Targets(b)
	s.target = b
	s.target.Partition = b.Replicas - targets[len(targets)-1]
	s.calm = world{crashes: uint8(crashes), marks: uint8(marks)}
	s.calm.pods[oldUp] = uint8(b.Replicas)
	for i := range 64 {
		s.names = append(s.names, "p"+strconv.Itoa(i))
	}
	s.observed = Observed{
		Now: testEpoch(), UpdateRevision: "new", StableRevision: "old", Revisions: testTemplates(),
		Workload: plan.Workload{Name: "demo", Spec: spec},
	}
	return s
}

// decide asks the code under test for a decision in w, and tells which kind each of the pods it names is of.
func (s *search) decide(w world) (Decision, []kind) {
	s.decided++
	o := s.observed
	o.Progress = s.memory[w.progress]
	o.Pods = s.observed.Pods[:0]
	var of []kind
	for k := range kinds {
		for range w.pods[k] {
			o.Pods = append(o.Pods, k.pod(s.names[len(o.Pods)]))
			of = append(of, k)
		}
	}
	s.observed.Pods = o.Pods
	return decide(s.rule, &s.plan, &o), of
}

// run visits every world, depth first so that a circle is seen, and returns the first violation.
func (s *search) run() error { return s.visit(s.calm) }

func (s *search) visit(w world) error {
	s.colours[w] = open
	d, of := s.decide(w)
	if err := s.judge(w, d); err != nil {
		return err
	}
	if err := s.pausedWrites(w); err != nil {
		return err
	}
	if d.Ended() && len(d.Actions) == 0 {
		s.colours[w] = closed
		return nil
	}
	quiet := true
	for _, a := range d.Actions {
		next, err := s.write(w, a, of)
		if err != nil {
			return err
		}
		quiet = false
		if err := s.follow(w, next, true); err != nil {
			return err
		}
	}
	if err := s.subsets(w, d, of); err != nil {
		return err
	}
	for k := range kinds {
		if up, ok := k.recovers(); ok && w.pods[k] > 0 {
			quiet = false
			if err := s.follow(w, w.move(k, up), true); err != nil {
				return err
			}
		}
	}
	if quiet {
		return fmt.Errorf("%v: stuck: %s %s", w, d.Reason, d.Message)
	}
	if err := s.trouble(w); err != nil {
		return err
	}
	s.colours[w] = closed
	return nil
}

// pausedWrites is I7: in no world does a paused release write anything but its own memory. It does not depend on the
// number of pods, so small worlds suffice.
func (s *search) pausedWrites(w world) error {
	if s.bounds.Replicas > 4 {
		return nil
	}
	s.observed.Workload.Spec.Paused = true
	d, _ := s.decide(w)
	s.observed.Workload.Spec.Paused = false
	for _, a := range d.Actions {
		if a.Kind != RecordProgress {
			return fmt.Errorf("%v: I7: paused, but %s", w, a)
		}
	}
	return nil
}

// follow visits next unless it is known. A fair step that leads back to a world on the path is a circle: a release
// that need not end.
func (s *search) follow(w, next world, fair bool) error {
	switch s.colours[next] {
	case open:
		if fair {
			return fmt.Errorf("%v: goes round in a circle to %v", w, next)
		}
		return nil
	case closed:
		return nil
	default:
		return s.visit(next)
	}
}

// trouble visits what can go wrong in w: a crash, an eviction, a request to delete a pod.
func (s *search) trouble(w world) error {
	for k := range kinds {
		if w.pods[k] == 0 {
			continue
		}
		if w.crashes > 0 && k.active() {
			worse := w
			worse.crashes--
			if err := s.follow(w, worse.move(k, ended), false); err != nil {
				return err
			}
			if down, ok := k.crashes(); ok {
				if err := s.follow(w, worse.move(k, down), false); err != nil {
					return err
				}
			}
		}
		if w.marks > 0 && k.in(oldUp, oldDown, newUp, newDown) {
			worse := w
			worse.marks--
			if err := s.follow(w, worse.move(k, k+2-2*kind(one(k == newUp || k == newDown))+2*kind(one(k == newUp || k == newDown))), false); err != nil {
				return err
			}
		}
	}
	return nil
}

// subsets makes all writes of a decision one after another, from the front and from the back, without looking again:
// what an agent that writes side by side may do before it is killed.
func (s *search) subsets(w world, d Decision, of []kind) error {
	for _, backwards := range []bool{false, true} {
		actions := slices.Clone(d.Actions)
		if backwards {
			slices.Reverse(actions)
		}
		at := w
		for _, a := range actions {
			next, err := s.write(at, a, of)
			if err != nil {
				return fmt.Errorf("%w, as one of %d writes decided together in %v", err, len(actions), w)
			}
			at = next
		}
	}
	return nil
}

// write makes one write and checks what it does to the bounds.
func (s *search) write(w world, a Action, of []kind) (world, error) {
	next := w
	from := kinds
	if a.Pod.UID != "" {
		from = of[slices.Index(s.names, a.Pod.Name)]
	}
	switch a.Kind {
	case RecordProgress:
		next.progress = s.remember(*a.Progress)
	case CreatePod:
		next.pods[choose(a.Revision == "new", newDown, oldDown)]++
	case DeletePod:
		next.pods[from]--
	case DrainPod:
		next = w.move(from, choose(from == oldUp, oldUpDrained, oldDownDrained))
	case UpdatePodInPlace:
		next = w.move(from, newPending)
	case ReadmitPod:
		next = w.move(from, map[kind]kind{oldUpDrained: oldUp, oldDownDrained: oldDown, newUpDrained: newUp, newDownDrained: newDown}[from])
	default:
		return w, fmt.Errorf("%v: unexpected %s", w, a)
	}
	if err := s.harm(w, next, a, from); err != nil {
		return w, fmt.Errorf("%v: %s: %w", w, a, err)
	}
	return next, nil
}

func (s *search) remember(p Progress) uint8 {
	if i := slices.IndexFunc(s.memory, func(m Progress) bool { return reflect.DeepEqual(m, p) }); i >= 0 {
		return uint8(i)
	}
	s.memory = append(s.memory, p)
	return uint8(len(s.memory) - 1)
}

// harm is what a write may never do: I1, and I2 to I4 as far as it is the write that breaks or worsens them, and I6.
func (s *search) harm(w, next world, a Action, from kind) error {
	least := s.bounds.Least()
	switch {
	case next.total() > max(s.bounds.Replicas+s.bounds.MaxSurge, w.total()):
		return errors.New("I1: more pods than replicas + maxSurge")
	case next.available() < w.available() && next.available() < least:
		return errors.New("I2: fewer available pods than replicas - maxUnavailable")
	case next.serving() < w.serving() && next.serving() < least:
		return errors.New("I2: fewer serving pods than replicas - maxUnavailable")
	case next.old() < w.old() && next.old() < s.target.Partition:
		return errors.New("I3: fewer old pods than the partition")
	case next.total() < w.total() && next.total() < least:
		return errors.New("I4: fewer pods than replicas - maxUnavailable")
	case len(s.plan.Batches) == 0 && next.broken() > w.broken() && next.broken() > s.bounds.MaxSurge+s.bounds.MaxUnavailable && w.old() > s.target.Partition:
		return errors.New("cap: more unavailable updated pods than maxSurge + maxUnavailable")
	case a.Kind == DeletePod && from.in(newUp, newDown, newPending, newUpDrained, newDownDrained):
		return errors.New("I6: an updated pod is deleted")
	case a.Kind == ReadmitPod && from.old() && w.crashes == s.calm.crashes && w.marks == s.calm.marks:
		return errors.New("I6: a drained pod is given back")
	}
	return nil
}

// judge checks what must hold in a world, whoever made it: I1 to I4 outright while nothing has gone wrong yet, the cap
// on broken pods, and the end.
func (s *search) judge(w world, d Decision) error {
	unharmed := w.crashes == s.calm.crashes && w.marks == s.calm.marks
	least := s.bounds.Least()
	switch {
	case w.total() > s.bounds.Replicas+s.bounds.MaxSurge:
		return fmt.Errorf("%v: I1: more pods than replicas + maxSurge", w)
	case unharmed && (w.available() < least || w.total() < least || w.old() < s.target.Partition):
		return fmt.Errorf("%v: I2 to I4 do not hold although nothing crashed", w)
	case unharmed && w.broken() > s.bounds.MaxSurge+s.bounds.MaxUnavailable:
		return fmt.Errorf("%v: %d updated pods are not available, more than maxSurge + maxUnavailable", w, w.broken())
	case d.Verdict == Stopped:
		return fmt.Errorf("%v: stopped: %s", w, d.Message)
	case d.Verdict == Done && s.memory[w.progress].Outcome == "":
		return s.end(w)
	}
	return nil
}

// end is I5: every pod is where it belongs.
func (s *search) end(w world) error {
	if w.total() != s.bounds.Replicas || w.old() != s.target.Partition || w.kept() != w.total() || int(w.pods[newUp]) != s.target.Wanted() {
		return fmt.Errorf("%v: I5: done, but not with %d old and %d updated pods", w, s.target.Partition, s.target.Wanted())
	}
	return nil
}
