// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// HeldError says that another agent works on the target.
type HeldError struct {
	Kind     string // of the target
	CloneSet string // namespace/name
	Lease    string
	Holder   string
	Stolen   bool // this agent had the lock before
}

func (e *HeldError) Error() string {
	what := "is held by " + e.Holder
	if e.Stolen {
		what = "was taken over by " + e.Holder
		if e.Holder == "" {
			what = "was taken away"
		}
	}
	return fmt.Sprintf("%s %s: the lock (Lease %s) %s: one agent at a time releases it", e.Kind, e.CloneSet, e.Lease, what)
}

// lease is a Lease object.
type lease struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Metadata   metadata  `json:"metadata"`
	Spec       leaseSpec `json:"spec"`
}

type leaseSpec struct {
	HolderIdentity       string `json:"holderIdentity"`
	LeaseDurationSeconds int    `json:"leaseDurationSeconds"`
	AcquireTime          string `json:"acquireTime,omitempty"`
	RenewTime            string `json:"renewTime,omitempty"`
	LeaseTransitions     int    `json:"leaseTransitions"`
}

// lock is the Lease that one agent at a time holds. It is judged by whether it changes while one looks and never by
// comparing clocks, so a clock that is wrong or jumps neither breaks a lock nor keeps one for ever.
type lock struct {
	client   client
	of       resource
	name     string
	kind     string
	set      string
	owner    ownerReference
	identity string
	duration time.Duration
	now      func() time.Time

	mu   sync.Mutex
	held lease // as it was written last; zero where it is not held
	lost error // why it cannot be renewed any more

	renewing sync.WaitGroup
	end      context.CancelFunc
}

func newLock(c client, o Options, set cloneSet) *lock {
	return &lock{
		client: c, of: leases(o.Namespace), name: leaseName(set.Metadata.UID, o.Mode), kind: o.Kind, set: o.Namespace + "/" + o.Name,
		owner: set.owner(), identity: o.Identity, duration: o.Lease, now: o.Now,
	}
}

// leaseName follows from the UID, so a target that is made anew under its old name has another lock. Who steps the
// partition does not lock out an agent that does the controller's work.
func leaseName(uid string, mode plan.Mode) string {
	if mode == plan.Partition {
		return "slipway-" + uid + "-partition"
	}
	return "slipway-" + uid
}

// acquire takes the lock. A holder that is seen to renew it is a *HeldError; one that does not for as long as its lease
// lasts is taken for dead.
func (l *lock) acquire(ctx context.Context) error {
	var first string
	for waited, step := time.Duration(0), l.duration/10; ; waited += step {
		current, err := l.read(ctx)
		switch {
		case err != nil && !apierrors.IsNotFound(err):
			return explain("reading "+l.what(), err)
		case err != nil || current.Spec.HolderIdentity == "":
			err = l.take(ctx, current)
		case first == "" || waited < l.patience(current):
			if first != "" && first != current.Metadata.ResourceVersion {
				return l.heldBy(current, false)
			}
			first = current.Metadata.ResourceVersion
			pause(ctx, step)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			continue
		default:
			err = l.take(ctx, current)
		}
		if err == nil || !conflicting(err) {
			return err
		}
		first, waited = "", 0 // somebody was faster: look who
	}
}

// patience is how long a lease must stand still before its holder is taken for dead.
func (l *lock) patience(current lease) time.Duration {
	return max(time.Duration(current.Spec.LeaseDurationSeconds)*time.Second, l.duration)
}

func (l *lock) what() string { return "Lease " + l.set[:len(l.set)-len(l.owner.Name)] + l.name }

func (l *lock) read(ctx context.Context) (lease, error) {
	var current lease
	return current, l.client.get(ctx, l.of.object(l.name), &current)
}

// take writes the lease under the resourceVersion that was read, and begins to renew it.
func (l *lock) take(ctx context.Context, current lease) error {
	next := lease{APIVersion: "coordination.k8s.io/v1", Kind: "Lease", Metadata: current.Metadata, Spec: leaseSpec{
		HolderIdentity: l.identity, LeaseDurationSeconds: max(int(l.duration/time.Second), 1), AcquireTime: l.time(), RenewTime: l.time(),
		LeaseTransitions: current.Spec.LeaseTransitions + 1,
	}}
	next.Metadata.OwnerReferences = []ownerReference{{APIVersion: l.owner.APIVersion, Kind: l.owner.Kind, Name: l.owner.Name, UID: l.owner.UID}}
	var err error
	if current.Metadata.ResourceVersion == "" {
		next.Metadata.Name = l.name
		err = l.client.create(ctx, l.of.path, next, &next)
	} else {
		err = l.client.update(ctx, l.of.object(l.name), next, &next)
	}
	if conflicting(err) {
		return err
	}
	if err != nil {
		return explain("taking "+l.what(), err)
	}
	l.keep(next)
	background, end := context.WithCancel(context.WithoutCancel(ctx))
	l.end = end
	l.renewing.Go(func() { l.renew(background) })
	return nil
}

func (l *lock) time() string { return l.now().UTC().Format("2006-01-02T15:04:05.000000Z07:00") }

func (l *lock) keep(current lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = current
}

func (l *lock) get() lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held
}

// renew writes the lease now and then until ctx ends or it is lost. Whether it is lost is found out by check.
func (l *lock) renew(ctx context.Context) {
	for {
		pause(ctx, l.duration/4)
		next := l.get()
		if ctx.Err() != nil || next.Metadata.Name == "" {
			return
		}
		next.Spec.RenewTime = l.time()
		var written lease
		once, cancel := context.WithTimeout(ctx, l.duration)
		err := l.client.update(once, l.of.object(l.name), next, &written)
		cancel()
		switch {
		case err == nil:
			l.keep(written)
		case apierrors.IsConflict(err):
			// A renewal whose answer was lost looks like a theft, except for the holder.
			if current, err := l.read(ctx); err == nil && current.Spec.HolderIdentity == l.identity {
				l.keep(current)
			}
		case refused(err):
			l.fail(explain("renewing "+l.what(), err))
			return
		}
	}
}

// fail notes that the lock cannot be renewed, so that nothing is written any more.
func (l *lock) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = err
}

func (l *lock) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// check makes sure that the lock is still held, by asking the server.
func (l *lock) check(ctx context.Context) error {
	if l.get().Metadata.Name == "" {
		return fmt.Errorf("%s is not held: nothing may be written without it", l.what())
	}
	if err := l.failure(); err != nil {
		return err
	}
	current, err := l.read(ctx)
	switch {
	case apierrors.IsNotFound(err):
		return l.heldBy(lease{}, true)
	case err != nil:
		return conflict("reading "+l.what(), err)
	case current.Spec.HolderIdentity != l.identity:
		return l.heldBy(current, true)
	default:
		return nil
	}
}

func (l *lock) heldBy(current lease, stolen bool) error {
	return &HeldError{Kind: l.kind, CloneSet: l.set, Lease: l.name, Holder: current.Spec.HolderIdentity, Stolen: stolen}
}

// release gives the lock back by deleting the lease, unless it is somebody else's by now.
func (l *lock) release(ctx context.Context) error {
	if l.end == nil {
		return nil
	}
	l.end()
	l.renewing.Wait()
	l.keep(lease{})
	for {
		// The last renewal may have been cut off, so only the server knows the resourceVersion.
		held, err := l.read(ctx)
		if err == nil && held.Spec.HolderIdentity == l.identity {
			err = l.client.delete(ctx, l.of.object(l.name), deleteExactly(held.Metadata.UID, held.Metadata.ResourceVersion), nil)
		}
		switch {
		case err == nil || apierrors.IsNotFound(err):
			return nil
		case refused(err) || ctx.Err() != nil:
			return explain("giving back "+l.what(), err)
		}
		pause(ctx, l.duration/50)
	}
}

// exists tells whether anybody holds the lock, or has left it behind.
func (l *lock) exists(ctx context.Context) (bool, error) {
	_, err := l.read(ctx)
	if err != nil && !apierrors.IsNotFound(err) {
		return false, explain("reading "+l.what(), err)
	}
	return err == nil, nil
}

// holds tells whether the lock was held when it was last looked at.
func (l *lock) holds() bool { return l.get().Metadata.Name != "" }
