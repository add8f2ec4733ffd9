// SPDX-License-Identifier: Apache-2.0

package steer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/surge"
)

// change is what is to be written, if anything, and what a person is told.
type change struct {
	write     bool
	partition *plan.Quantity // nil gives the field up
	fields    *surge.Fields  // of a Deployment, which has no partition
	said      string
}

// Arm sets the partition of a target so high that a change of its pod template moves no pod, as a release in partition
// mode needs it to begin with. It is for what runs before the template changes, so a target that does not exist yet is
// no error, and one that is being released is left alone. The answer says what was done, for a person.
func Arm(ctx context.Context, options Options) (string, error) {
	return underLock(ctx, options, func(t kube.Target, _ kube.Workload, set plan.Workload) (change, error) {
		switch {
		case set.Spec.OnDelete:
			return restsArmed(t), nil
		case set.Rolling != nil:
			return armPaused(t, set), nil
		}
		spec, all := set.Spec, t.Kind.Everything()
		if spec.Replicas > 0 && spec.Partition.Partition(spec.Replicas) == spec.Replicas {
			return change{said: fmt.Sprintf("%s is armed already: its partition is %s", t, spec.Partition)}, nil
		}
		return change{write: true, partition: &all, said: fmt.Sprintf("%s is armed: its partition was %s and is %s", t, spec.Partition,
			all)}, nil
	})
}

// Disarm gives up the partition that Arm or a release has set. The field goes where nobody else owns it.
func Disarm(ctx context.Context, options Options) (string, error) {
	return underLock(ctx, options, func(t kube.Target, there kube.Workload, set plan.Workload) (change, error) {
		switch s := set.Status; {
		case s.ObservedGeneration < set.Generation:
			return change{}, fmt.Errorf("%w: %s: its controller has not seen the present spec yet: try again in a moment",
				kube.ErrInvalid, t)
		case s.UpdatedReplicas < s.Replicas:
			return change{}, fmt.Errorf("%w: %s: %d of %d pods are updated, and without its partition the others would be at once: "+
				"release them first", kube.ErrInvalid, t, s.UpdatedReplicas, s.Replicas)
		}
		switch {
		case set.Spec.OnDelete:
			return restsArmed(t), nil
		case set.Rolling != nil:
			return disarmPaused(t, there, set)
		}
		return change{write: true, said: fmt.Sprintf("%s is not armed by slipway any more", t)}, nil
	})
}

// restsArmed is what there is to say of a target that its own strategy keeps.
func restsArmed(t kube.Target) change {
	return change{said: fmt.Sprintf("%s has updateStrategy OnDelete, with which its controller replaces no pod: there is "+
		"nothing to arm", t)}
}

// armPaused pauses a Deployment. Without a deadline of its own it is as healthy to others as one that is not paused.
func armPaused(t kube.Target, set plan.Workload) change {
	if r := set.Rolling; r.Held() || r.Paused && r.Deadline == plan.SentinelDeadline {
		return change{said: fmt.Sprintf("%s is armed already: it is paused", t)}
	}
	return change{
		write: true, fields: &surge.Fields{Paused: new(true), Deadline: new(plan.SentinelDeadline)},
		said: fmt.Sprintf("%s is armed: it is paused, and its progressDeadlineSeconds was %d and is %d", t, set.Rolling.Deadline,
			plan.SentinelDeadline),
	}
}

// defaultDeadline is the progressDeadlineSeconds that the API server gives to a Deployment.
const defaultDeadline = 600

// disarmPaused lets the controller of a Deployment roll again. It takes back what slipway has written and nothing else: a pause
// that Git holds would come back with the next apply, and until then the controller would roll. After a release nobody owns
// these fields, and what nobody owns counts as slipway's.
func disarmPaused(t kube.Target, there kube.Workload, set plan.Workload) (change, error) {
	r := set.Rolling
	by := kube.FieldWriter(there.ManagedFields, "spec", "paused")
	switch {
	case r.Held():
		return change{}, fmt.Errorf("%w: %s: a release uses it: wait until that has ended", kube.ErrInvalid, t)
	case !r.Paused:
		return change{said: fmt.Sprintf("%s is not armed: it is not paused", t)}, nil
	case by != "":
		return change{}, fmt.Errorf("%w: %s: it was paused by %s and not by slipway: take paused off there", kube.ErrInvalid, t, by)
	}
	c := change{write: true, fields: &surge.Fields{Paused: new(false)}, said: fmt.Sprintf("%s is not paused any more", t)}
	by = kube.FieldWriter(there.ManagedFields, "spec", "progressDeadlineSeconds")
	if by != "" || r.Deadline != plan.SentinelDeadline {
		return c, nil
	}
	c.fields.Deadline = new(defaultDeadline)
	c.said += fmt.Sprintf(", and its progressDeadlineSeconds is %d", defaultDeadline)
	return c, nil
}

// decider works out what is to be written to a target.
type decider func(t kube.Target, there kube.Workload, set plan.Workload) (change, error)

// underLock arms or disarms a target while no agent releases it.
func underLock(ctx context.Context, options Options, decide decider) (said string, err error) {
	target, err := kube.NewTarget(options.Version, options.Kind, options.Namespace, options.Name)
	if err != nil {
		return "", err
	}
	c, err := kube.NewClient(options.Config)
	if err != nil {
		return "", err
	}
	set, err := target.Find(ctx, c)
	if errors.Is(err, kube.ErrAbsent) {
		return err.Error() + ": nothing to arm", nil
	} else if err != nil {
		return "", err
	}
	lock := kube.NewLock(c, kube.LockOptions{
		Target: target, UID: set.UID, Mode: plan.Partition, Identity: options.Identity, Duration: options.Lease, Now: options.Now,
	})
	var held *kube.HeldError
	if err := lock.Acquire(ctx); errors.As(err, &held) {
		return fmt.Sprintf("%s is being released by %s: its partition is left alone", target, held.Holder), nil
	} else if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, lock.Release(context.WithoutCancel(ctx))) }()
	return arm(ctx, c, target, set, decide)
}

// armAgain is how soon a write that met another one is worked out anew.
const armAgain = 200 * time.Millisecond

// arm decides and writes, and does so again where somebody else has written in between.
func arm(ctx context.Context, c kube.Client, target kube.Target, set kube.Workload, decide decider) (string, error) {
	for {
		read, err := set.Read()
		if err != nil {
			return "", err
		}
		a, err := decide(target, set, read)
		if err != nil || !a.write {
			return a.said, err
		}
		if a.fields != nil {
			a.fields.Generation = read.Generation
			err = c.JSONPatch(ctx, target.Path(), set.FieldsPatch(*a.fields, nil), nil)
		} else {
			err = c.Apply(ctx, target.Path(), target.PartitionPatch(read.ResourceVersion, a.partition), nil)
		}
		err = kube.Conflict(fmt.Sprintf("writing %s", target), err)
		if err == nil || !errors.Is(err, rollout.ErrConflict) {
			return a.said, err
		}
		kube.Pause(ctx, armAgain)
		if set, err = target.Find(ctx, c); err != nil {
			return "", err
		}
	}
}
