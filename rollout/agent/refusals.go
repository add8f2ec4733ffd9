// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
)

// How soon the Events of a controller are listed where pods are missing, and how often. Pods that come at once cost no list.
const (
	eventsDelay    = time.Second
	eventsInterval = 5 * time.Second
)

// refusals are what the controller of a target tells of pods that the API server does not take (partition and delete mode). No
// status has a word of them, so the controller's Events about the target are read, as far as they can be about the released
// revision.
type refusals struct {
	revision string    // that pods are to have
	from     time.Time // what was written before is of something else, by the API server's clock
	next     time.Time // when to list Events; zero: no pod is missing
	blind    bool      // Events may not be listed
	found    *rollout.Refusal
	full     string // why the pods that are missing cannot be made for now
}

// observeRefusal looks for a refusal where the partition lets the controller make pods, and it has not made all of them.
func (r *reader) observeRefusal(ctx context.Context, o *rollout.Observed) {
	e := &r.refusals
	e.follow(o)
	old, missing := missingPods(o)
	if !missing {
		e.full = ""
	}
	switch {
	case e.blind || e.found != nil || o.Progress.Outcome != "" || !missing:
		e.next = time.Time{}
	case old: // the controller's words may be about an older pod, which the release can do without
		e.next, e.from = time.Time{}, nextSecond(o.Now)
	case e.next.IsZero():
		e.next = o.Now.Add(eventsDelay)
	case !o.Now.Before(e.next):
		r.listRefusals(ctx, o.Now)
	}
	o.Refused = e.found
	o.NoRoom = cmp.Or(o.NoRoom, e.full)
}

// follow begins anew with another revision. An agent that goes on in the middle of a batch reads what was written since it
// began.
func (e *refusals) follow(o *rollout.Observed) {
	if e.revision == o.UpdateRevision {
		return
	}
	from := nextSecond(o.Now)
	if e.revision == "" && !o.Progress.Back {
		from = o.Progress.Started.Truncate(time.Second)
	}
	*e = refusals{revision: o.UpdateRevision, from: from, blind: e.blind}
}

// nextSecond is the first one after t. What the API server writes has whole seconds.
func nextSecond(t time.Time) time.Time { return t.Truncate(time.Second).Add(time.Second) }

// missingPods tells whether the controller has pods to make, and whether there may be older ones among them, by its status.
func missingPods(o *rollout.Observed) (old, missing bool) {
	s, spec := o.Workload.Status, o.Workload.Spec
	kept := spec.Partition.Partition(spec.Replicas)
	if o.Progress.Back && spec.Ordinal {
		kept = 0 // the pods below the partition never left the stable revision, which is released
	}
	if s.ObservedGeneration < o.Workload.Generation {
		return false, false
	}
	if spec.OnDelete {
		return false, s.Replicas < spec.Replicas // whatever it makes is new
	}
	return s.Replicas-s.UpdatedReplicas < kept, s.UpdatedReplicas < spec.Replicas-kept || s.Replicas < spec.Replicas
}

// listRefusals reads the controller's Events. Where the server does not answer, the next observation asks again.
func (r *reader) listRefusals(ctx context.Context, now time.Time) {
	e := &r.refusals
	e.next = now.Add(eventsInterval)
	said, full, err := r.target.RefusedPods(ctx, r.client, r.uid, e.from)
	if err == nil {
		e.full = full
	}
	switch {
	case kube.Refused(err):
		e.blind, e.next = true, time.Time{}
		r.warn(fmt.Errorf("%w: a pod that the API server refuses for good is noticed only when the batch is overdue", err))
	case said != "":
		e.found, e.next = &rollout.Refusal{Revision: e.revision, Object: "pods of " + r.target.String(), Message: said}, time.Time{}
	}
}
