// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

// reader turns the caches into what a decision may know.
type reader struct {
	shared
	record recordReader
	entry  entry

	known    [2]int64 // generations that the history is of; 0: none
	since    waiting.Clock
	listed   kube.NotReady // in partition mode; the zero value where no pod is waited for
	buffer   []rollout.Pod
	ready    readiness
	refusals refusals
	blind    bool   // pods may not be listed (partition mode)
	stopped  string // what Options.Stop said
}

// observe puts together what a decision may know.
func (r *reader) observe(ctx context.Context) (rollout.Observed, error) {
	read, err := r.readWorkload(ctx)
	if err != nil {
		return rollout.Observed{}, err
	}
	o := rollout.Observed{
		Now: r.options.Now().UTC().Round(0), Workload: read, UpdateRevision: r.last.history.Update, Revisions: r.last.history.Decided,
		Resizes: r.resizes,
	}
	if r.options.Checks != nil {
		o.Checks, r.last.seen.checks = r.options.Checks.Results()
	}
	if held := cmp.Or(r.admission.standing(), r.hindrances.standing()); held != nil {
		o.NoRoom = held.why
	}
	switch {
	case !r.controlled():
		r.observePods(&o)
		o.StableRevision, o.Refused = r.stable(&o), r.admission.forGood()
		o.Progress, err = r.record.readProgress(&o)
	case r.sets != nil:
		err = r.observeDeployment(&o)
	case r.options.Mode == plan.Delete:
		err = r.observeDeleting(ctx, &o)
	default:
		o.UpdateRevision = r.fullName(read.Status.UpdateRevision)
		if o.Progress, err = r.record.readProgress(&o); err == nil {
			err = r.observePartition(ctx, &o)
		}
	}
	if r.isStopped() && !o.Progress.Abort {
		o.Progress = o.Progress.Stopped(rollout.Request{Kind: rollout.Abort, By: kube.FieldManager, At: o.Now, Why: r.stopped})
	}
	if o.Workload.Spec.MinReady > 0 {
		r.ready.settle(o.Pods, o.Now)
	}
	r.last.observed = o
	return o, err
}

// date says of pods in trouble since when this agent has seen that.
func (r *reader) date(pods []rollout.Pod, now time.Time) {
	r.since.Begin()
	for i := range pods {
		if p := &pods[i]; p.Waiting != nil {
			p.Waiting = r.since.See(p.UID+"/"+p.Revision, p.Waiting, now)
		}
	}
}

// readWorkload reads the target and its revisions from the caches.
func (r *reader) readWorkload(ctx context.Context) (plan.Workload, error) {
	if err := r.sync(ctx); err != nil {
		return plan.Workload{}, err
	}
	r.last.seen = r.now()
	set, alive := r.workloads.Get(r.options.Name)
	if alive && set.UID == r.uid {
		r.last.workload = set.Of(r.target.Kind)
	} else if r.last.workload.Tree == nil {
		return plan.Workload{}, fmt.Errorf("%s was deleted", r.target.String())
	}
	read, err := r.last.workload.Read()
	if err != nil {
		return read, err
	}
	read = r.options.plan.Within(read)
	read.Deleting = read.Deleting || !alive || set.UID != r.uid
	if r.sets != nil {
		return read, nil // its history is its ReplicaSets, which are followed
	}
	return read, r.readHistory(ctx)
}

func (r *reader) now() versions {
	v := versions{workloads: r.workloads.Version(), pods: r.pods.Version(), records: r.records.Version()}
	if r.sets != nil {
		v.sets = r.sets.Version()
	}
	if r.nodes != nil {
		v.nodes = r.nodes.Version()
	}
	if r.claims != nil {
		v.claims = r.claims.Version()
	}
	if r.options.Checks != nil {
		_, v.checks = r.options.Checks.Results()
	}
	return v
}

// readHistory reads the revisions where the CloneSet is not of the generation that they were read for.
func (r *reader) readHistory(ctx context.Context) error {
	at := [2]int64{r.last.workload.Generation}
	if r.controlled() {
		at[1] = r.last.workload.Status.ObservedGeneration // its controller makes the revisions
	}
	if r.known == at && !r.takeUnsure() {
		return nil
	}
	var list []kube.Revision
	m := kube.NewCache[kube.Revision](r.client, kube.ControllerRevisions(r.target.Namespace),
		url.Values{"labelSelector": {kube.SelectorQuery(kube.Field(r.last.workload.Tree, "spec", "selector"))}}, r.changed)
	if err := m.Relist(ctx); err != nil {
		return err
	}
	m.Each(func(one kube.Revision) {
		// What a CloneSet of this name has left behind is taken over, as Kruise takes it.
		left := kube.Orphan(one.ObjectMeta) && strings.HasPrefix(one.Name, r.target.Name+"-")
		if kube.ControlledBy(one.ObjectMeta, r.uid) || left {
			list = append(list, one)
		}
	})
	r.last.workload.Status.CollisionCount = max(r.last.workload.Status.CollisionCount, r.collisions)
	h, err := kube.NewHistory(r.last.workload, list)
	if err != nil {
		return err
	}
	r.last.history, r.known = h, at
	return nil
}

// observePods lists the pods by name, and the claims without one.
func (r *reader) observePods(o *rollout.Observed) {
	r.buffer = r.buffer[:0]
	r.pods.Each(func(p kube.Pod) {
		if kube.ControlledBy(p.ObjectMeta, r.uid) {
			r.buffer = append(r.buffer, p.Observed(r.last.history.NameOf))
		}
	})
	used := sync.OnceValue(func() map[string]bool { return instances(r.buffer) })
	if r.claims != nil {
		r.observeClaims(o, used())
	}
	for id := range r.blocked(r.target.Name, o.Workload.Spec.PodsToDelete) {
		if !used()[id] {
			// It counts for nothing, but its instance id is taken.
			r.buffer = append(r.buffer, rollout.Pod{Name: r.target.Name + "-" + id, Instance: id, Terminating: true})
		}
	}
	slices.SortFunc(r.buffer, func(a, b rollout.Pod) int { return cmp.Compare(a.Name, b.Name) })
	r.date(r.buffer, o.Now)
	o.Pods = r.buffer
}

// instances are the instance ids of pods.
func instances(pods []rollout.Pod) map[string]bool {
	used := make(map[string]bool, len(pods))
	for i := range pods {
		used[pods[i].Instance] = true
	}
	return used
}

// observeClaims finds the claims that a new pod may take over.
func (r *reader) observeClaims(o *rollout.Observed, used map[string]bool) {
	free := map[string]bool{}
	r.claims.Each(func(claim kube.Meta) {
		id := claim.Labels[kube.LabelInstance]
		if id == "" || used[id] {
			return
		}
		mine := kube.ControlledBy(claim.ObjectMeta, r.uid) && claim.DeletionTimestamp == nil
		if before, ok := free[id]; ok {
			mine = mine && before
		}
		free[id] = mine
	})
	for id, mine := range free {
		if mine {
			o.FreeInstances = append(o.FreeInstances, id)
		} else {
			r.take(id) // a claim of that name is on its way out with its pod
		}
	}
	slices.Sort(o.FreeInstances)
}

// stable is the revision that old pods are created from: the one that the last complete release left behind, or where
// nobody wrote that down the oldest one that pods have.
func (r *reader) stable(o *rollout.Observed) string {
	if name, ok := r.last.history.NameOf(r.last.workload.Status.CurrentRevision); ok {
		return name
	}
	for _, r := range r.last.history.Decided {
		if slices.ContainsFunc(o.Pods, func(p rollout.Pod) bool { return p.Active() && p.Revision == r.Name }) {
			return r.Name
		}
	}
	return o.UpdateRevision
}

// isStopped tells whether this release is to end.
func (r *reader) isStopped() bool {
	select {
	case r.stopped = <-r.options.Stop:
	default:
	}
	return r.stopped != ""
}

// measured gets a value when a check stands otherwise. Without checks it never does.
func (r *reader) measured() <-chan struct{} {
	if r.options.Checks == nil {
		return nil
	}
	return r.options.Checks.Changed()
}

// unchanged tells whether the last observation is still what there is to know.
func (r *reader) unchanged() bool {
	return r.now() == r.last.seen && len(r.failed) == 0 && (r.stopped == "" || r.last.observed.Progress.Abort)
}

func (r *reader) attend(o rollout.Observed, d rollout.Decision) {
	if r.options.Checks != nil {
		r.options.Checks.Attend(o, d)
	}
}
