// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
)

// observePartition fills in what an observation of a target that a controller reconciles needs beyond the object.
func (r *reader) observePartition(ctx context.Context, o *rollout.Observed) error {
	s := o.Workload.Status
	o.Wrote = r.wrote
	o.UpdateRevision = r.fullName(s.UpdateRevision)
	if o.Progress.Revision == "" {
		stable, err := r.stableRevision(ctx, o)
		o.StableRevision = stable
		return err
	}
	o.StableRevision = o.Progress.Stable
	r.observeRefusal(ctx, o)
	spec := &o.Workload.Spec
	waits := s.AvailableReplicas < spec.Replicas || s.UpdatedReplicas < spec.Replicas-spec.Partition.Partition(spec.Replicas)
	if spec.Ordinal && waits && s.ObservedGeneration >= o.Workload.Generation {
		if err := r.observeStuck(ctx, o); err != nil {
			return err
		}
	}
	return r.observeNotReady(ctx, o)
}

// observeNotReady adds the pods of the revision that is to be, which are not ready. They are listed from time to time while the
// status has some. In between, the last list says why, but not since when the agent has seen that: nothing is given up on what
// may be over by now.
func (r *reader) observeNotReady(ctx context.Context, o *rollout.Observed) error {
	s := o.Workload.Status
	if r.blind || o.Progress.Outcome != "" || s.UpdatedReplicas <= min(s.UpdatedReadyReplicas, s.UpdatedAvailableReplicas) {
		r.listed = kube.NotReady{}
		return nil
	}
	if o.Now.Before(r.listed.Next) {
		for _, p := range r.listed.Pods {
			undated := *p.Waiting
			undated.Seen = time.Time{}
			p.Waiting = &undated
			o.Stuck = append(o.Stuck, p)
		}
		return nil
	}
	listed, err := r.target.ListNotReady(ctx, r.client, r.last.workload, o.UpdateRevision, o.Now)
	if kube.Refused(err) {
		r.goBlind(err)
		return nil
	}
	if err != nil {
		listed.Next = o.Now.Add(blinkInterval) // nothing is decided on it: the status is what counts
	}
	r.date(listed.Pods, o.Now)
	r.listed = listed
	o.Stuck = append(o.Stuck, listed.Pods...)
	return nil
}

// blinkInterval is how soon pods are listed again where the server did not answer.
const blinkInterval = 10 * time.Second

// goBlind notes that pods may not be listed, and tells what comes of that.
func (r *reader) goBlind(err error) {
	r.blind = true
	more := "why pods are not ready is not known"
	if r.target.Kind.Ordinal {
		more += fmt.Sprintf("; should a pod of an older revision that never gets ready keep %s from going on, delete it by hand",
			r.target.String())
	}
	r.warn(fmt.Errorf("%w: %s", err, more))
}

// listAgain is how long it takes until the pods that are waited for, or the Events about those that are missing, are to be
// listed again; 0: none are.
func (r *reader) listAgain() time.Duration {
	next := r.listed.Next
	if e := r.refusals.next; next.IsZero() || !e.IsZero() && e.Before(next) {
		next = e
	}
	if next.IsZero() {
		return 0
	}
	return max(next.Sub(r.options.Now()), time.Millisecond)
}

// fullName is the name of a revision of which a status may hold the hash alone.
func (r *reader) fullName(revision string) string {
	if name, ok := r.last.history.NameOf(revision); ok {
		return name
	}
	return revision
}

// stableRevision is what a release that begins goes back to when it fails: the current revision, or where the kind has
// none what the release before went back to, or else the one that most of the older pods have.
func (r *reader) stableRevision(ctx context.Context, o *rollout.Observed) (string, error) {
	if s := o.Workload.Status; s.CurrentRevision != "" {
		return r.fullName(s.CurrentRevision), nil
	}
	if o.Progress.Stable != "" {
		return o.Progress.Stable, nil
	}
	number := map[string]int{}
	err := r.listPods(ctx)
	if err != nil && !kube.Refused(err) {
		return "", err
	}
	r.pods.Each(func(p kube.Pod) {
		if name := r.fullName(p.Labels[kube.LabelRevision]); kube.ControlledBy(p.ObjectMeta, r.uid) {
			number[name]++
		}
	})
	stable, most := o.UpdateRevision, 0
	for _, r := range r.last.history.Decided { // the oldest first; without the right to list pods it is the newest
		if n := number[r.Name]; r.Name != o.UpdateRevision && (n > most || err != nil) {
			stable, most = r.Name, n
		}
	}
	return stable, nil
}

// observeStuck lists the pods that an ordered controller may be waiting for: of an older revision, and not ready or not gone.
// Without the right to list pods the agent says what a person can do.
func (r *reader) observeStuck(ctx context.Context, o *rollout.Observed) error {
	if r.blind {
		return nil
	}
	err := r.listPods(ctx)
	if kube.Refused(err) {
		r.goBlind(err)
		return nil
	}
	if err != nil {
		return err
	}
	first, _ := strconv.Atoi(fmt.Sprint(kube.Field(r.last.workload.Tree, "spec", "ordinals", "start")))
	first += o.Workload.Spec.Partition.Partition(o.Workload.Spec.Replicas)
	r.pods.Each(func(p kube.Pod) {
		ordinal, err := strconv.Atoi(kube.HashOf(p.Name))
		if err != nil || !kube.ControlledBy(p.ObjectMeta, r.uid) {
			return
		}
		seen := p.Observed(r.last.history.NameOf)
		if (!seen.Ready || seen.Terminating) && seen.Revision != o.UpdateRevision {
			seen.Kept = ordinal < first
			o.Stuck = append(o.Stuck, seen)
		}
	})
	return nil
}

// listPods lists the pods once, without following them: status tells when to look again.
func (r *reader) listPods(ctx context.Context) error {
	defer func() { r.last.seen.pods = r.pods.Version() }()
	return r.pods.Relist(ctx)
}
