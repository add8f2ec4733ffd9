// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"

	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/surge"
)

// A Deployment is stepped by its own fields, as package surge works it out. This file is what a release is beside the steps:
// how it begins, what its batches wait for, how it goes back and what it leaves behind.

// deploymentMode is a release in which a Deployment's controller replaces the pods, as far as its fields let it.
type deploymentMode struct{ *release }

// bySurge tells whether the target is of a kind that is stepped so.
func (r *release) bySurge() bool { return r.observed.Workload.Rolling != nil }

// open tells whether the Deployment is held and not paused, so that its controller carries out a step, or would take a template
// that changes for one.
func (m deploymentMode) open() bool {
	r := m.observed.Workload.Rolling
	return r != nil && !r.Paused && (r.Held() || r.Original != nil)
}

// native tells whether the controller rolls by itself, by the user's own fields: back to where the release came from, or where
// there is nothing to go from.
func (m deploymentMode) native() bool { return m.progress.Back || m.progress.First }

// closing ends a step that is open before anything else is looked at: a release that is held, fails or ends leaves its
// Deployment paused. The step is waited for, because a pause in the middle of one would move pods as well.
func (m deploymentMode) closing() *Decision {
	if m.progress.Revision == "" || m.native() || m.progress.Finished || !m.open() {
		return nil
	}
	l := m.observation()
	w := m.counted(l.New, l.NewReady, m.target())
	if !w.behind && l.Settled() || m.overdue() > 0 {
		return new(m.close("the step is done"))
	}
	message := m.label() + w.message + "; the controller carries the step out" + m.noRoom()
	return new(m.wait(plan.PodsUpdating, message, sooner(0, -m.overdue())))
}

func (m deploymentMode) close(why string) Decision {
	return m.decision(Go, plan.PodsUpdating, "paused, because "+why+m.noRoom(), m.setFields(surge.Fields{Paused: new(true)}, why))
}

// reverted tells whether somebody has put the template back that the release started from. The controller goes back then, with
// what the user lets it; stepping on would make the old pods the new ones, which never become available.
func (m deploymentMode) reverted() bool {
	p := m.progress
	return m.bySurge() && p.Revision != "" && !p.Back && !p.Finished && p.CanReturn() && m.observed.UpdateRevision == p.Stable
}

// alone tells whether there is no other revision to take a pod from: none has pods, or what the release before had exposed is
// given up.
func (m deploymentMode) alone() bool {
	o := m.observed.Workload.Rolling.Original
	return m.observation().Old == 0 || o != nil && o.Stable == m.observed.UpdateRevision
}

// originals are what the fields of a Deployment are without a release.
func (m deploymentMode) originals() *plan.Original {
	set := &m.observed.Workload
	switch {
	case set.Rolling == nil:
		return nil
	case set.Rolling.Original != nil:
		o := *set.Rolling.Original
		return &o
	default:
		o := set.Originals()
		return &o
	}
}

// lost says what to do about a Deployment that is held while nobody knows what its fields were.
func (m deploymentMode) lost() string {
	r := m.observed.Workload.Rolling
	if r == nil || !r.Held() || r.Original != nil {
		return ""
	}
	return fmt.Sprintf("minReadySeconds is %d, as a release leaves it, and neither the annotation %s nor the progress of a "+
		"release says what it was: set minReadySeconds, progressDeadlineSeconds and strategy as they are in Git",
		plan.SentinelReady, plan.OriginalAnnotation)
}

// observation is what the rule knows of the Deployment.
func (m deploymentMode) observation() surge.Observation {
	o, r := m.observed, m.observed.Workload.Rolling
	replicas := o.Workload.Spec.Replicas
	l := surge.Observation{
		Replicas: replicas, Surge: m.bounds.MaxSurge, Unavailable: m.bounds.MaxUnavailable, Paused: r.Paused, Held: r.Held(),
		MaxSurge: r.MaxSurge.Up(replicas), MaxUnavailable: min(r.MaxUnavailable.Down(replicas), replicas),
	}
	if l.MaxSurge == 0 && l.MaxUnavailable == 0 {
		l.MaxUnavailable = min(replicas, 1) // as the controller has it
	}
	for _, s := range o.Sets {
		l.Sets += one(s.Replicas > 0)
		if s.Revision == o.UpdateRevision {
			l.New += s.Replicas
			l.Made, l.Mute, l.Seal = true, s.Mute, s.Sealed
			continue
		}
		l.Old += s.Replicas
	}
	l.Mark = r.Marked == o.UpdateRevision
	for i := range o.Pods {
		p := &o.Pods[i]
		if !p.Active() {
			continue
		}
		ready := one(p.Available(o.Now, o.Workload.Spec.MinReady))
		if p.Revision == o.UpdateRevision {
			l.NewPods++
			l.NewReady += ready
		} else {
			l.OldReady += ready
		}
	}
	return l
}

// forward leads the Deployment to a rest with as many new pods as a batch has.
func (m deploymentMode) forward(batch int) work {
	wanted, last := m.boundsAfter(batch).Wanted(), batch == len(m.targets)-1
	l := m.observation()
	w := m.counted(l.New, l.NewReady, wanted)
	w.refused = m.lost()
	complete := l.Complete()
	healthy := max(wanted-w.healthy, 0) <= m.threshold(wanted) && (w.healthy > 0 || wanted == 0)
	w.whole = complete && healthy && !w.behind
	switch {
	case w.behind:
		w.ready = m.progress.wasReady()
		return w
	case complete && !l.Held:
		w.ready = w.whole
		return w
	case m.native():
		w.actions = m.letRoll()
		return w
	}
	l.Tolerate = m.threshold(wanted)
	move := surge.Next(l, max(l.New, wanted))
	w.actions = m.carryOut(l, move)
	w.ready = move.Kind == surge.Rest && healthy && (w.whole || !last || wanted < l.Replicas)
	if m.progress.wasReady() {
		w.ready = w.stillHealthy(m.release, wanted)
	}
	if move.Kind == surge.Wait && !w.ready {
		w.message += "; " + move.Why
	}
	return w
}

// carryOut is the write of a move.
func (m deploymentMode) carryOut(l surge.Observation, move surge.Move) []Action {
	f := surge.Fields{}
	switch move.Kind {
	case surge.Pause:
		f.Paused = new(true)
	case surge.Seal:
		f.Original = m.annotation(false)
		f.Original.Sealed = true
	case surge.Hold:
		f.Paused, f.MinReady, f.Deadline = new(true), new(plan.SentinelReady), new(plan.SentinelDeadline)
		f.Original = m.annotation(false)
		f.Original.Sealed = !l.Made // the ReplicaSet is made with the mark
	case surge.Open:
		f.Paused = new(false)
		if !m.observed.Workload.Rolling.Annotated {
			f.Original = m.annotation(false) // an undo has taken it away
			f.Original.Sealed = true
		}
	default:
		return nil
	}
	if move.Kind == surge.Hold || move.Kind == surge.Open {
		f.MaxSurge, f.MaxUnavailable = new(plan.Pods(move.Surge)), new(surge.Quantity(move.Unavailable, m.bounds.Replicas))
		if own := m.originals(); move.Surge == m.bounds.MaxSurge && move.Surge > 0 {
			f.MaxSurge = &own.MaxSurge
		}
	}
	return []Action{m.setFields(f, move.Why)}
}

// annotation is what the Deployment itself remembers of the release.
func (m deploymentMode) annotation(native bool) *plan.Original {
	o := m.remembered()
	o.Stable, o.Revision, o.Native, o.Sealed = m.progress.Stable, m.progress.Revision, native, false
	return o
}

// remembered are the originals as the release noted them, or as the Deployment has them.
func (m deploymentMode) remembered() *plan.Original {
	if m.progress.Original != nil && m.progress.Original.UID == m.observed.Workload.UID {
		o := *m.progress.Original
		return &o
	}
	return m.originals()
}

// letRoll gives the fields back and lets the controller roll, in one write, where that is not so yet.
func (m deploymentMode) letRoll() []Action {
	if r := m.observed.Workload.Rolling; !r.Held() && !r.Paused {
		return nil
	}
	return []Action{m.setFields(m.ownFields(), "the controller rolls by the Deployment's own fields")}
}

// ownFields are the user's, not paused.
func (m deploymentMode) ownFields() surge.Fields {
	o := m.annotation(true)
	return surge.Fields{
		Paused: new(false), MinReady: &o.MinReady, Deadline: &o.Deadline, MaxSurge: &o.MaxSurge, MaxUnavailable: &o.MaxUnavailable,
		Original: o,
	}
}

// back puts the stable template back, with the user's own fields and not paused, in one write. What follows is a rolling
// update as if there were no release, back to where it began.
func (m deploymentMode) back() work {
	l := m.observation()
	w := m.counted(l.New, l.NewReady, l.Replicas)
	switch {
	case w.behind:
	case !m.restored():
		w.message = "the template is still " + m.observed.UpdateRevision
		f := m.ownFields()
		f.Generation = m.observed.Workload.Generation
		w.actions = []Action{{Kind: RestoreTemplate, Revision: m.progress.Stable, Fields: &f, Reason: "rollback"}}
	case !m.progress.Restored:
		m.progress.Restored = true
		w.actions = []Action{m.record()}
	case l.Complete():
		w.ready = max(l.Replicas-w.healthy, 0) <= m.threshold(l.Replicas)
	default:
		w.actions = m.letRoll()
	}
	return w
}

// resting writes the user's own fields again, and then leaves them to who owned them. A release that leaves old pods keeps
// holding them.
func (m deploymentMode) resting() *Action {
	r, l, o := m.observed.Workload.Rolling, m.observation(), m.remembered()
	held := r.Held() || r.Annotated || r.Paused != o.Paused
	switch {
	case l.Old > 0 || l.New != l.Replicas:
		return nil
	case held:
		return new(m.setFields(surge.Fields{
			Paused: &o.Paused, MinReady: &o.MinReady, Deadline: &o.Deadline,
			MaxSurge: &o.MaxSurge, MaxUnavailable: &o.MaxUnavailable, Forget: true,
		}, "as it was before the release"))
	case r.Owned:
		f := surge.Fields{Generation: m.observed.Workload.Generation}
		return &Action{Kind: GiveUpFields, Fields: &f, Reason: "they are as they were"}
	default:
		return nil
	}
}

func (m deploymentMode) setFields(f surge.Fields, why string) Action {
	f.Generation = m.observed.Workload.Generation
	return Action{Kind: SetFields, Fields: &f, Reason: why}
}
