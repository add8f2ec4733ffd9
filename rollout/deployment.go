// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"

	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/surge"
)

// A Deployment is stepped by its own fields, as package surge works it out. This file is what a release is beside the steps:
// how it begins, what its batches wait for, how it goes back and what it leaves behind.

// bySurge tells whether the target is of a kind that is stepped so.
func (d *decider) bySurge() bool { return d.observed.Workload.Rolling != nil }

// open tells whether the Deployment is held and not paused, so that its controller carries out a step, or would take a template
// that changes for one.
func (d *decider) open() bool {
	r := d.observed.Workload.Rolling
	return r != nil && !r.Paused && (r.Held() || r.Original != nil)
}

// native tells whether the controller rolls by itself, by the user's own fields: back to where the release came from, or where
// there is nothing to go from.
func (d *decider) native() bool { return d.progress.Back || d.progress.First }

// closing ends a step that is open before anything else is looked at: a release that is held, fails or ends leaves its
// Deployment paused. The step is waited for, because a pause in the middle of one would move pods as well.
func (d *decider) closing() *Decision {
	if d.progress.Revision == "" || d.native() || d.progress.Finished || !d.open() {
		return nil
	}
	w := d.counted(d.target())
	if !w.behind && d.look().Settled() || d.overdue() > 0 {
		return new(d.close("the step is done"))
	}
	return new(d.wait(plan.PodsUpdating, d.label()+w.message+"; the controller carries the step out", d.soonest(0, -d.overdue())))
}

func (d *decider) close(why string) Decision {
	return d.decision(Go, plan.PodsUpdating, "paused, because "+why, d.setFields(Fields{Paused: new(true)}, why))
}

// reverted tells whether somebody has put the template back that the release started from. The controller goes back then, with
// what the user lets it; stepping on would make the old pods the new ones, which never become available.
func (d *decider) reverted() bool {
	p := d.progress
	return d.bySurge() && p.Revision != "" && !p.Back && !p.Finished && p.canReturn() && d.observed.UpdateRevision == p.Stable
}

// alone tells whether there is no other revision to take a pod from: none has pods, or what the release before had exposed is
// given up.
func (d *decider) alone() bool {
	o := d.observed.Workload.Rolling.Original
	return d.look().Old == 0 || o != nil && o.Stable == d.observed.UpdateRevision
}

// whyFirst says why nothing needs to be protected.
func (d *decider) whyFirst() string {
	if d.bySurge() && d.observed.Workload.Rolling.Annotated {
		return "; it goes back to what ran before"
	}
	return "; nothing ran before"
}

// originals are what the fields of a Deployment are without a release.
func (d *decider) originals() *plan.Original {
	set := &d.observed.Workload
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
func (d *decider) lost() string {
	r := d.observed.Workload.Rolling
	if r == nil || !r.Held() || r.Original != nil {
		return ""
	}
	return fmt.Sprintf("minReadySeconds is %d, as a release leaves it, and neither the annotation %s nor the progress of a release says what it was: set minReadySeconds, progressDeadlineSeconds and strategy as they are in Git",
		plan.SentinelReady, plan.OriginalAnnotation)
}

// look is what the rule knows of the Deployment.
func (d *decider) look() surge.Look {
	o, r := d.observed, d.observed.Workload.Rolling
	replicas := o.Workload.Spec.Replicas
	l := surge.Look{
		Replicas: replicas, Surge: d.bounds.MaxSurge, Unavailable: d.bounds.MaxUnavailable, Paused: r.Paused, Held: r.Held(),
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

// exists tells whether the controller has made a ReplicaSet of the present template.
func (d *decider) exists() bool {
	for _, s := range d.observed.Sets {
		if s.Revision == d.observed.UpdateRevision {
			return true
		}
	}
	return false
}

// counted is the pods of the present template, without anything to do.
func (d *decider) counted(wanted int) work {
	l, set := d.look(), &d.observed.Workload
	w := work{updated: l.New, healthy: l.NewReady}
	for i := range d.observed.Pods {
		p := &d.observed.Pods[i]
		if left := p.ReadySince.Add(set.Spec.MinReady).Sub(d.observed.Now); p.Active() && p.Ready && left > 0 {
			w.soonest = d.soonest(w.soonest, left)
		}
	}
	w.message = d.progressMessage(w, wanted)
	if s := set.Status; s.ObservedGeneration < set.Generation {
		w.behind = true
		w.message += fmt.Sprintf("; %s, which reconciles %ss, has seen generation %d of %d",
			set.KindOf().Controller, set.KindName(), s.ObservedGeneration, set.Generation)
	}
	return w
}

// surgeWork leads the Deployment to a rest with so many new pods.
func (d *decider) surgeWork(wanted int, last bool) work {
	w, l := d.counted(wanted), d.look()
	w.refused = d.lost()
	complete := l.Old == 0 && l.New == l.Replicas && d.exists()
	healthy := max(wanted-w.healthy, 0) <= d.threshold(wanted) && (w.healthy > 0 || wanted == 0)
	w.whole = complete && healthy && !w.behind
	switch {
	case w.behind:
		w.ready = d.wasReady()
		return w
	case complete && !l.Held:
		w.ready = w.whole
		return w
	case d.native():
		w.actions = d.letRoll()
		return w
	}
	l.Tolerate = d.threshold(wanted)
	move := surge.Next(l, max(l.New, wanted))
	w.actions = d.carryOut(move)
	w.ready = move.Kind == surge.Rest && healthy && (w.whole || !last || wanted < l.Replicas)
	if d.wasReady() {
		// Scaling adds pods to a batch that was ready; what was available then still has to be.
		w.ready = w.healthy > 0 && w.healthy+d.threshold(wanted) >= min(wanted, d.progress.Healthy)
	}
	if move.Kind == surge.Wait && !w.ready {
		w.message += "; " + move.Why
	}
	return w
}

// carryOut is the write of a move.
func (d *decider) carryOut(m surge.Move) []Action {
	f := Fields{}
	switch m.Kind {
	case surge.Pause:
		f.Paused = new(true)
	case surge.Seal:
		f.Original = d.annotation(false)
		f.Original.Sealed = true
	case surge.Hold:
		f.Paused, f.MinReady, f.Deadline, f.Original = new(true), new(plan.SentinelReady), new(plan.SentinelDeadline), d.annotation(false)
		f.Original.Sealed = !d.exists() // the ReplicaSet is made with the mark
	case surge.Open:
		f.Paused = new(false)
		if !d.observed.Workload.Rolling.Annotated {
			f.Original = d.annotation(false) // an undo has taken it away
			f.Original.Sealed = true
		}
	default:
		return nil
	}
	if m.Kind == surge.Hold || m.Kind == surge.Open {
		f.MaxSurge, f.MaxUnavailable = new(plan.Pods(m.Surge)), new(surge.Quantity(m.Unavailable, d.bounds.Replicas))
		if own := d.originals(); m.Surge == d.bounds.MaxSurge && m.Surge > 0 {
			f.MaxSurge = &own.MaxSurge
		}
	}
	return []Action{d.setFields(f, m.Why)}
}

// annotation is what the Deployment itself remembers of the release.
func (d *decider) annotation(native bool) *plan.Original {
	o := d.remembered()
	o.Stable, o.Revision, o.Native, o.Sealed = d.progress.Stable, d.progress.Revision, native, false
	return o
}

// remembered are the originals as the release noted them, or as the Deployment has them.
func (d *decider) remembered() *plan.Original {
	if d.progress.Original != nil && d.progress.Original.UID == d.observed.Workload.UID {
		o := *d.progress.Original
		return &o
	}
	return d.originals()
}

// letRoll gives the fields back and lets the controller roll, in one write, where that is not so yet.
func (d *decider) letRoll() []Action {
	if r := d.observed.Workload.Rolling; !r.Held() && !r.Paused {
		return nil
	}
	return []Action{d.setFields(d.ownFields(), "the controller rolls by the Deployment's own fields")}
}

// ownFields are the user's, not paused.
func (d *decider) ownFields() Fields {
	o := d.annotation(true)
	return Fields{
		Paused: new(false), MinReady: &o.MinReady, Deadline: &o.Deadline, MaxSurge: &o.MaxSurge, MaxUnavailable: &o.MaxUnavailable,
		Original: o,
	}
}

// backSurge puts the stable template back, with the user's own fields and not paused, in one write. What follows is a rolling
// update as if there were no release, back to where it began.
func (d *decider) backSurge() work {
	l := d.look()
	w := d.counted(l.Replicas)
	switch {
	case w.behind:
	case !d.restored():
		w.message = "the template is still " + d.observed.UpdateRevision
		f := d.ownFields()
		f.Generation = d.observed.Workload.Generation
		w.actions = []Action{{Kind: RestoreTemplate, Revision: d.progress.Stable, Fields: &f, Reason: "rollback"}}
	case !d.progress.Restored:
		d.progress.Restored = true
		w.actions = []Action{d.record()}
	case l.Old == 0 && l.New == l.Replicas && d.exists():
		w.ready = max(l.Replicas-w.healthy, 0) <= d.threshold(l.Replicas)
	default:
		w.actions = d.letRoll()
	}
	return w
}

// mustGiveBack tells whether a release that is over still holds the Deployment. One that leaves old pods keeps holding them.
func (d *decider) mustGiveBack() bool {
	r, l := d.observed.Workload.Rolling, d.look()
	if l.Old > 0 || l.New != l.Replicas {
		return false
	}
	return r.Held() || r.Annotated || r.Owned || r.Paused != d.remembered().Paused
}

// giveBack writes the user's own fields again, and then leaves them to who owned them.
func (d *decider) giveBack() Action {
	r, o := d.observed.Workload.Rolling, d.remembered()
	if !r.Held() && !r.Annotated && r.Paused == o.Paused {
		return Action{Kind: GiveUpFields, Fields: &Fields{Generation: d.observed.Workload.Generation}, Reason: "they are as they were"}
	}
	return d.setFields(Fields{
		Paused: &o.Paused, MinReady: &o.MinReady, Deadline: &o.Deadline, MaxSurge: &o.MaxSurge, MaxUnavailable: &o.MaxUnavailable, Forget: true,
	}, "as it was before the release")
}

func (d *decider) setFields(f Fields, why string) Action {
	f.Generation = d.observed.Workload.Generation
	return Action{Kind: SetFields, Fields: &f, Reason: why}
}
