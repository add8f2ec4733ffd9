// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/slipway-dev/slipway/rollout/plan"
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
	inPlace  bool
	resize   bool // it is cpu that changes, and no pod restarts
	rests    bool // between its batches
	observed Observed
	names    []string
	records  []Progress
	colours  map[world]colour
	decided  int
}

type colour uint8

const (
	open   colour = 1 // on the path from the start
	closed colour = 2
)

func newSearch(r rule, p plan.BatchPlan, spec plan.WorkloadSpec, crashes, marks, aborts int) *search {
	b, err := spec.Bounds()
	if err != nil {
		panic(err)
	}
	s := &search{
		rule: r, plan: p, spec: spec, bounds: b, colours: map[world]colour{}, records: []Progress{{}},
		inPlace: spec.UpdateType != plan.ReCreate,
	}
	targets := p.Targets(b)
	for _, batch := range p.Batches {
		s.rests = s.rests || batch.Pause.UntilApproved
	}
	s.target = b
	s.target.Partition = b.Replicas - targets[len(targets)-1]
	s.calm = world{crashes: uint8(crashes), marks: uint8(marks), aborts: uint8(aborts)}
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
	o.Progress = s.records[w.progress]
	o.Pods = s.observed.Pods[:0]
	var of []kind
	for k := range kinds {
		for range w.pods[k] {
			p := k.pod(s.names[len(o.Pods)])
			if s.resize {
				p = k.resizing(p)
			}
			o.Pods = append(o.Pods, p)
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
		recovers := choose(s.resize, kind.resized, kind.recovers)
		if up, ok := recovers(k); ok && w.pods[k] > 0 {
			quiet = false
			if err := s.follow(w, w.move(k, up), true); err != nil {
				return err
			}
		}
	}
	if d.Reason == plan.AwaitingApproval {
		p := s.records[w.progress]
		p.Approved = p.Batch + 1
		quiet = false
		if err := s.follow(w, s.told(w, p), true); err != nil {
			return err
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

// pausedWrites is I7: in no world does a paused release write anything but its own progress. It does not depend on the
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
	if p := s.records[w.progress]; w.aborts > 0 && p.Revision != "" && p.Outcome == "" && !p.Back {
		p.Abort = true
		next := s.told(w, p)
		next.aborts--
		if err := s.follow(w, next, false); err != nil {
			return err
		}
	}
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
		if w.marks > 0 && k.in(oldUp, oldDown, newUp, newDown, guestUp, guestDown) {
			worse := w
			worse.marks--
			if err := s.follow(w, worse.move(k, k+2), false); err != nil {
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
		next.pods[choose(a.Guest, choose(a.Revision == "new", guestDown, guestOldDown),
			choose(a.Revision == "new", newDown, oldDown))]++
	case DeletePod:
		next.pods[from]--
	case DrainPod, HoldPod:
		if s.resize != (a.Kind == HoldPod) {
			return w, fmt.Errorf("%v: %s: the pod restarts or it does not", w, a)
		}
		next = w.move(from, map[kind]kind{
			oldUp: oldUpDrained, oldDown: oldDownDrained, newUp: newUpDrained,
			newDown: newDownDrained,
		}[from])
	case UpdatePodInPlace:
		next = w.move(from, choose(a.Revision == "new", newPending, oldPending))
	case ReadmitPod:
		next = w.move(from, map[kind]kind{
			oldUpDrained: oldUp, oldDownDrained: oldDown, oldPending: oldDown,
			newUpDrained: newUp, newDownDrained: newDown, newPending: newDown,
		}[from])
	case KeepGuest:
		next = w.move(from, map[kind]kind{guestUp: newUp, guestDown: newDown, guestOldUp: oldUp, guestOldDown: oldDown}[from])
	default:
		return w, fmt.Errorf("%v: unexpected %s", w, a)
	}
	if err := s.harm(w, next, a, from); err != nil {
		return w, fmt.Errorf("%v: %s: %w", w, a, err)
	}
	return next, nil
}

// told is the world after a person has changed the progress of the release.
func (s *search) told(w world, p Progress) world {
	w.progress = s.remember(p)
	return w
}

func (s *search) remember(p Progress) uint8 {
	if i := slices.IndexFunc(s.records, func(m Progress) bool { return reflect.DeepEqual(m, p) }); i >= 0 {
		return uint8(i)
	}
	s.records = append(s.records, p)
	return uint8(len(s.records) - 1)
}

// harm is what a write may never do: I1, and I2 to I4 as far as it is the write that breaks or worsens them, I6 and I9.
func (s *search) harm(w, next world, a Action, from kind) error {
	least := s.bounds.Least()
	switch {
	case next.total() > max(s.bounds.Replicas+s.bounds.MaxSurge, w.total()):
		return errors.New("I1: more pods than replicas + maxSurge")
	case next.available() < w.available() && next.available() < least:
		return errors.New("I2: fewer available pods than replicas - maxUnavailable")
	case next.serving() < w.serving() && next.serving() < least:
		return errors.New("I2: fewer serving pods than replicas - maxUnavailable")
	case next.total() < w.total() && next.total() < least:
		return errors.New("I4: fewer pods than replicas - maxUnavailable")
	case s.inPlace && a.Kind == DeletePod && !from.guest() && !from.marked() && from != ended:
		return errors.New("I9: a pod that neither failed nor was asked to go is deleted although it can be updated in place")
	case a.Kind == CreatePod && a.Guest && next.guests() > s.bounds.MaxSurge:
		return errors.New("I9: more guests than maxSurge")
	case s.records[w.progress].Back:
		return nil
	default:
		return s.harmForward(w, next, a, from)
	}
}

// harmForward is what a write may never do while the release goes forward.
func (s *search) harmForward(w, next world, a Action, from kind) error {
	unharmed := s.unharmed(w)
	switch {
	case next.old() < w.old() && next.old() < s.target.Partition:
		return errors.New("I3: fewer old pods than the partition")
	case next.own()-next.old() > w.own()-w.old() && next.own()-next.old() > s.target.Wanted():
		return errors.New("I3: more updated pods than the partition leaves, guests not counted")
	case len(s.plan.Batches) == 0 && next.broken() > w.broken() && next.broken() > s.bounds.MaxSurge+s.bounds.MaxUnavailable &&
		w.old() > s.target.Partition:
		return errors.New("cap: more unavailable updated pods than maxSurge + maxUnavailable")
	case a.Kind == DeletePod && from.in(newUp, newDown, newPending, newUpDrained, newDownDrained):
		return errors.New("I6: an updated pod is deleted")
	case a.Kind == ReadmitPod && from.old() && unharmed:
		return errors.New("I6: a drained pod is given back")
	case a.Kind == CreatePod && a.Guest && next.guests() > max(w.old()-s.target.Partition, 0):
		return errors.New("I9: more guests than old pods to update")
	case a.Kind == DeletePod && from == guestUp && unharmed && w.broken() > int(w.pods[guestDown]):
		return errors.New("I9: a guest that serves leaves before the updated pods are ready")
	case a.Kind == DeletePod && from == guestUp && unharmed && !s.rests && w.old() > s.target.Partition:
		return errors.New("I9: a guest leaves that the next batch needs")
	case a.Kind == KeepGuest && unharmed:
		return errors.New("I9: a guest is kept although no pod was lost")
	}
	return nil
}

// unharmed tells whether nothing has gone wrong yet, and nobody has asked for anything.
func (s *search) unharmed(w world) bool {
	return w.crashes == s.calm.crashes && w.marks == s.calm.marks && w.aborts == s.calm.aborts
}

// judge checks what must hold in a world, whoever made it: I1 to I4 outright while nothing has gone wrong yet, the cap
// on broken pods, and the end.
func (s *search) judge(w world, d Decision) error {
	unharmed := s.unharmed(w)
	least := s.bounds.Least()
	switch {
	case w.total() > s.bounds.Replicas+s.bounds.MaxSurge:
		return fmt.Errorf("%v: I1: more pods than replicas + maxSurge", w)
	case unharmed && (w.available() < least || w.total() < least || w.old() < s.target.Partition):
		return fmt.Errorf("%v: I2 to I4 do not hold although nothing crashed", w)
	case unharmed && w.broken() > s.bounds.MaxSurge+s.bounds.MaxUnavailable:
		return fmt.Errorf("%v: %d updated pods are not available, more than maxSurge + maxUnavailable", w, w.broken())
	case unharmed && d.Reason == plan.AwaitingApproval && w.total() != s.bounds.Replicas:
		return fmt.Errorf("%v: I5: at rest with %d pods", w, w.total())
	case d.Verdict == Stopped && d.Reason != plan.AbortedByPerson && d.Reason != plan.RolledBack:
		return fmt.Errorf("%v: stopped: %s", w, d.Message)
	case !s.records[w.progress].Back && s.createsBesideGuests(w, d):
		return fmt.Errorf("%v: I9: a pod is created where a guest could stay", w)
	case d.Ended() && s.records[w.progress].Outcome == "":
		return s.end(w, d)
	}
	return nil
}

// createsBesideGuests tells whether new pods are created for good before every guest is kept.
func (s *search) createsBesideGuests(w world, d Decision) bool {
	creates, keeps := 0, 0
	for _, a := range d.Actions {
		creates += one(a.Kind == CreatePod && !a.Guest && a.Revision == "new")
		keeps += one(a.Kind == KeepGuest)
	}
	return creates > 0 && keeps < int(w.pods[guestUp]+w.pods[guestDown])
}

// end is I5 and I9: every pod is where it belongs, and no guest is left.
func (s *search) end(w world, d Decision) error {
	old, updated := s.target.Partition, s.target.Wanted()
	switch d.Reason { //nolint:exhaustive // judge lets no other ending pass
	case plan.RolledBack:
		old, updated = s.bounds.Replicas, 0
	case plan.AbortedByPerson:
		// It ends wherever it is; but what can be in the way of a guest that has to leave recovers.
		if s.inPlace && w.guests() > 0 && w.total() > s.bounds.Replicas {
			return fmt.Errorf("%v: I9: aborted, and a guest is forgotten", w)
		}
		return nil
	}
	if w.total() != s.bounds.Replicas || w.old() != old || w.kept() != w.total() || w.guests() > 0 ||
		int(w.pods[newUp]) != updated {
		return fmt.Errorf("%v: I5: done, but not with %d old and %d updated pods", w, old, updated)
	}
	return nil
}
