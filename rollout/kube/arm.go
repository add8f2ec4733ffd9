// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"fmt"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// arming is what is to be written, if anything, and what a person is told.
type arming struct {
	write     bool
	partition *plan.Quantity // nil gives the field up
	said      string
}

// Arm sets the partition of a target so high that a change of its pod template moves no pod, as a release in partition
// mode needs it to begin with. It is for what runs before the template changes, so a target that does not exist yet is
// no error, and one that is being released is left alone. The answer says what was done, for a person.
func Arm(ctx context.Context, options Options) (string, error) {
	return underLock(ctx, options, func(c *Cluster, set plan.Workload) (arming, error) {
		spec, all := set.Spec, c.kind.Everything()
		if spec.Replicas > 0 && spec.Partition.Partition(spec.Replicas) == spec.Replicas {
			return arming{said: fmt.Sprintf("%s is armed already: its partition is %s", c.what(), spec.Partition)}, nil
		}
		return arming{true, &all, fmt.Sprintf("%s is armed: its partition was %s and is %s", c.what(), spec.Partition, all)}, nil
	})
}

// Disarm gives up the partition that Arm or a release has set. The field goes where nobody else owns it.
func Disarm(ctx context.Context, options Options) (string, error) {
	return underLock(ctx, options, func(c *Cluster, set plan.Workload) (arming, error) {
		if s := set.Status; s.ObservedGeneration < set.Generation || s.UpdatedReplicas < s.Replicas {
			return arming{}, fmt.Errorf("%w: %s: %d of %d pods are updated, and without its partition the others would be at once: release them first",
				ErrInvalid, c.what(), s.UpdatedReplicas, s.Replicas)
		}
		return arming{true, nil, c.what() + " is not armed by slipway any more"}, nil
	})
}

// underLock arms or disarms a target while no agent releases it.
func underLock(ctx context.Context, options Options, decide func(*Cluster, plan.Workload) (arming, error)) (said string, err error) {
	options.Mode = plan.Partition
	c, set, err := connect(ctx, options)
	if errors.Is(err, ErrAbsent) {
		return err.Error() + ": nothing to arm", nil
	} else if err != nil {
		return "", err
	}
	var held *HeldError
	if err := c.lock.acquire(ctx); errors.As(err, &held) {
		return fmt.Sprintf("%s is being released by %s: its partition is left alone", c.what(), held.Holder), nil
	} else if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, c.lock.release(context.WithoutCancel(ctx))) }()
	for {
		read, err := set.read()
		if err != nil {
			return "", err
		}
		a, err := decide(c, read)
		if err != nil || !a.write {
			return a.said, err
		}
		err = conflict("writing "+c.what(), c.client.apply(ctx, c.at(), partitionPatch(c.kind, c.options, read.ResourceVersion, a.partition), nil))
		if err == nil || !errors.Is(err, rollout.ErrConflict) {
			return a.said, err
		}
		pause(ctx, farewell/20)
		if set, err = c.find(ctx); err != nil {
			return "", err
		}
	}
}
