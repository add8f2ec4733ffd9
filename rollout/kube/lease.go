// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/slipway-dev/slipway/rollout/plan"
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

// Lease is a Lease object.
type Lease struct {
	coordinationv1.Lease
}

// Holder is who holds the lease, or "".
func (l Lease) Holder() string { return ptr.Deref(l.Spec.HolderIdentity, "") }

// Duration is how long the lease outlives its last renewal.
func (l Lease) Duration() time.Duration {
	return time.Duration(ptr.Deref(l.Spec.LeaseDurationSeconds, 0)) * time.Second
}

// Renewed is when the holder wrote the lease last, by its own clock; zero where it has not.
func (l Lease) Renewed() time.Time { return ptr.Deref(l.Spec.RenewTime, metav1.MicroTime{}).Time }

// Lock is the Lease that one agent at a time holds. It is judged by whether it changes while one watches and never by
// comparing clocks, so a clock that is wrong or jumps neither breaks a lock nor keeps one for ever.
type Lock struct {
	client  Client
	of      Resource
	name    string
	options LockOptions

	mu   sync.Mutex
	held Lease     // as it was written last; zero where it is not held
	sure time.Time // until when nobody else can have taken it
	lost error     // why it is not held any more, or cannot be renewed

	renewing sync.WaitGroup
	end      context.CancelFunc
}

// LockOptions say which release a lock is for, and who holds it.
type LockOptions struct {
	Target   Target
	UID      types.UID // of the target
	Mode     plan.Mode
	Identity string        // of the holder
	Duration time.Duration // how long the lock outlives a holder that died
	Now      func() time.Time
}

// DefaultLease is how long a lock outlives a holder that died, unless its options say otherwise.
const DefaultLease = 15 * time.Second

// NewLock prepares a lock and takes nothing.
func NewLock(c Client, o LockOptions) *Lock {
	o.Duration = cmp.Or(o.Duration, DefaultLease)
	return &Lock{client: c, of: Leases(o.Target.Namespace), name: plan.LeaseName(o.Target.Kind, o.Target.Name, o.Mode), options: o}
}

// Acquire takes the lock. A holder that is seen to renew it is a *HeldError; one that does not for as long as its lease
// lasts is taken for dead.
func (l *Lock) Acquire(ctx context.Context) error {
	var first string
	for waited, step := time.Duration(0), l.options.Duration/10; ; waited += step {
		current, err := l.read(ctx)
		switch {
		case err != nil && !apierrors.IsNotFound(err):
			return Explain("reading "+l.what(), err)
		case err != nil || current.Holder() == "":
			err = l.take(ctx, current)
		case first == "" || waited < l.takeOverAfter(current):
			if first != "" && first != current.ResourceVersion {
				return l.heldBy(current, false)
			}
			first = current.ResourceVersion
			Pause(ctx, step)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			continue
		default:
			err = l.take(ctx, current)
		}
		if err == nil || !Conflicting(err) {
			return err
		}
		first, waited = "", 0 // somebody was faster: look who
	}
}

// takeOverAfter is how long a lease must stand still before its holder is taken for dead.
func (l *Lock) takeOverAfter(current Lease) time.Duration {
	return max(current.Duration(), l.options.Duration)
}

func (l *Lock) what() string { return "Lease " + l.options.Target.Namespace + "/" + l.name }

func (l *Lock) read(ctx context.Context) (Lease, error) {
	var current Lease
	return current, l.client.Get(ctx, l.of.Object(l.name), &current)
}

// take writes the lease under the resourceVersion that was read, and begins to renew it.
func (l *Lock) take(ctx context.Context, current Lease) error {
	now := metav1.NewMicroTime(l.options.Now())
	var next Lease
	next.TypeMeta = metav1.TypeMeta{APIVersion: "coordination.k8s.io/v1", Kind: "Lease"}
	next.ObjectMeta = current.ObjectMeta
	next.OwnerReferences = []metav1.OwnerReference{l.options.Target.owner(l.options.UID)}
	next.Spec = coordinationv1.LeaseSpec{
		HolderIdentity: &l.options.Identity, LeaseDurationSeconds: ptr.To(max(int32(l.options.Duration/time.Second), 1)),
		AcquireTime: &now, RenewTime: &now, LeaseTransitions: ptr.To(ptr.Deref(current.Spec.LeaseTransitions, 0) + 1),
	}
	var err error
	if current.ResourceVersion == "" {
		next.Name = l.name
		err = l.client.Create(ctx, l.of.Path, next, &next)
	} else {
		err = l.client.Update(ctx, l.of.Object(l.name), next, &next)
	}
	if Conflicting(err) {
		return err
	}
	if err != nil {
		return Explain("taking "+l.what(), err)
	}
	l.keep(next, now.Time)
	background, end := context.WithCancel(context.WithoutCancel(ctx))
	l.end = end
	l.renewing.Go(func() { l.renew(background) })
	return nil
}

// keep notes the lease as it is, and that it was renewed by a write that began at a time; zero: it was not.
func (l *Lock) keep(current Lease, renewed time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = current
	if !renewed.IsZero() {
		l.sure = renewed.Add(l.options.Duration)
	}
}

func (l *Lock) get() Lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held
}

// renew writes the lease now and then until ctx ends or it is lost.
func (l *Lock) renew(ctx context.Context) {
	for {
		Pause(ctx, l.options.Duration/4)
		next := l.get()
		if ctx.Err() != nil || next.Name == "" {
			return
		}
		began := l.options.Now()
		next.Spec.RenewTime = ptr.To(metav1.NewMicroTime(began))
		var written Lease
		once, cancel := context.WithTimeout(ctx, l.options.Duration)
		err := l.client.Update(once, l.of.Object(l.name), next, &written)
		cancel()
		switch {
		case err == nil:
			l.keep(written, began)
		case Conflicting(err):
			// A renewal whose answer was lost looks like a theft, except for the holder.
			current, err := l.read(ctx)
			switch {
			case err == nil && current.Holder() == l.options.Identity:
				l.keep(current, time.Time{})
			case err == nil || apierrors.IsNotFound(err):
				l.fail(l.heldBy(current, true))
				return
			}
		case Refused(err):
			l.fail(Explain("renewing "+l.what(), err))
			return
		}
	}
}

// fail notes that the lock is lost or cannot be renewed, so that nothing is written any more.
func (l *Lock) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = err
}

func (l *Lock) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// Check makes sure that the lock is still held, by asking the server.
func (l *Lock) Check(ctx context.Context) error {
	if l.get().Name == "" {
		return fmt.Errorf("%s is not held: nothing may be written without it", l.what())
	}
	if err := l.failure(); err != nil {
		return err
	}
	current, err := l.read(ctx)
	switch {
	case err != nil && !apierrors.IsNotFound(err):
		return Conflict("reading "+l.what(), err)
	case err != nil || current.Holder() != l.options.Identity:
		err = l.heldBy(current, true)
		l.fail(err)
		return err
	default:
		return nil
	}
}

// Sure makes sure, between the writes that Check has let begin, that nobody else can hold the lock by now. It asks the server
// only where the last renewal is as old as the lock lasts: the process may have stood still.
func (l *Lock) Sure(ctx context.Context) error {
	l.mu.Lock()
	lost, sure := l.lost, l.options.Now().Before(l.sure)
	l.mu.Unlock()
	if lost != nil || sure {
		return lost
	}
	return l.Check(ctx)
}

func (l *Lock) heldBy(current Lease, stolen bool) error {
	return &HeldError{
		Kind: l.options.Target.Kind.Name, CloneSet: l.options.Target.Namespace + "/" + l.options.Target.Name,
		Lease: l.name, Holder: current.Holder(), Stolen: stolen,
	}
}

// Release gives the lock back by deleting the lease, unless it is somebody else's by now.
func (l *Lock) Release(ctx context.Context) error {
	if !l.Drop() {
		return nil
	}
	for {
		// The last renewal may have been cut off, so only the server knows the resourceVersion.
		held, err := l.read(ctx)
		if err == nil && held.Holder() == l.options.Identity {
			err = l.client.Delete(ctx, l.of.Object(l.name), Exactly(held.UID, held.ResourceVersion), nil)
		}
		switch {
		case err == nil || apierrors.IsNotFound(err):
			return nil
		case Refused(err) || ctx.Err() != nil:
			return Explain("giving back "+l.what(), err)
		}
		Pause(ctx, l.options.Duration/50)
	}
}

// Drop ends the renewals and leaves the lease as it is. It tells whether the lock was ever taken.
func (l *Lock) Drop() bool {
	if l.end == nil {
		return false
	}
	l.end()
	l.renewing.Wait()
	l.keep(Lease{}, time.Time{})
	return true
}

// Exists tells whether anybody holds the lock, or has left it behind.
func (l *Lock) Exists(ctx context.Context) (bool, error) {
	_, err := l.read(ctx)
	if err != nil && !apierrors.IsNotFound(err) {
		return false, Explain("reading "+l.what(), err)
	}
	return err == nil, nil
}

// Holds tells whether the lock was held when it was last looked at.
func (l *Lock) Holds() bool { return l.get().Name != "" && l.failure() == nil }

// The lock of a Kruise controller.
const (
	KruiseNamespace = "kruise-system"
	KruiseLease     = "kruise-manager"
)

// Alive says that a Kruise controller keeps renewing its lock, or "" where it does not.
func (l Lease) Alive(now time.Time) string {
	if l.Holder() == "" || now.Sub(l.Renewed()) > max(l.Duration(), DefaultLease) {
		return ""
	}
	return fmt.Sprintf("Lease %s/%s was renewed at %s by %s", KruiseNamespace, KruiseLease,
		l.Renewed().UTC().Format(metav1.RFC3339Micro), l.Holder())
}
