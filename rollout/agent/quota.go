// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/slipway-dev/slipway/rollout"
)

// The pauses before a creation is tried again that a full ResourceQuota has refused. They double until one succeeds.
const (
	quotaPause     = time.Second
	quotaPauseMost = 10 * time.Second
)

// What quota admission answers where the same request may succeed later. It has no other mark than these words: its code,
// 403, is also that of rights that are missing.
const (
	wordsFull      = "exceeded quota: "
	wordsUncounted = "status unknown for quota: "
)

// quotaError is a creation that a ResourceQuota does not allow for now.
type quotaError struct {
	why     string // which quota, and how full it is
	scaling bool   // the creation only changes the number of pods
	cause   error
}

func (e *quotaError) Error() string { return "creating pods: " + e.why + "; it is tried again" }

func (e *quotaError) Unwrap() []error { return []error{rollout.ErrNotNow, e.cause} }

// overQuota reads an error of the server. It is nil where a later try cannot help.
func overQuota(err error, a rollout.Action) *quotaError {
	if !apierrors.IsForbidden(err) {
		return nil
	}
	var api apierrors.APIStatus
	if !errors.As(err, &api) {
		return nil
	}
	said := api.Status().Message
	if _, rest, ok := strings.Cut(said, wordsFull); ok {
		name, numbers, _ := strings.Cut(rest, ", ")
		why := fmt.Sprintf("ResourceQuota %s is full (%s): raise it, or release with a smaller maxSurge", name, numbers)
		return &quotaError{why: why, scaling: scales(a), cause: err}
	}
	if _, rest, ok := strings.Cut(said, wordsUncounted); ok {
		name, _, _ := strings.Cut(rest, ", ")
		return &quotaError{why: fmt.Sprintf("ResourceQuota %s is not counted yet", name), scaling: scales(a), cause: err}
	}
	return nil
}

// quotaHold holds creations back after a ResourceQuota has refused one. Writes run side by side, so it has a lock.
type quotaHold struct {
	mu      sync.Mutex
	refusal *quotaError   // the last one; nil: no creation is held back
	pause   time.Duration // after the last refusal
	until   time.Time     // when the next creation may be tried
}

// now is why creations are held back at this time.
func (h *quotaHold) now(t time.Time) *quotaError {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refusal == nil || !t.Before(h.until) {
		return nil
	}
	return h.refusal
}

// refused takes a refusal down. Of those that were under way side by side only the first makes the pause longer.
func (h *quotaHold) refused(e *quotaError, t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refusal == nil || !t.Before(h.until) {
		h.pause = min(max(2*h.pause, quotaPause), quotaPauseMost)
		h.until = t.Add(h.pause)
	}
	h.refusal = e
}

// admitted notes that there was room for a pod. The next one may be refused again, but then the pauses begin anew.
func (h *quotaHold) admitted(t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pause = 0
	if !t.Before(h.until) {
		h.refusal = nil
	}
}

// decided forgets the refusal once no pod is wanted any more.
func (h *quotaHold) decided(d rollout.Decision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	wanted := func(a rollout.Action) bool { return a.Kind == rollout.CreatePod || a.Kind == rollout.RecordProgress }
	if d.Verdict != rollout.Go || !slices.ContainsFunc(d.Actions, wanted) {
		h.refusal, h.pause, h.until = nil, 0, time.Time{}
	}
}

// standing is the last refusal, also while a creation is tried again.
func (h *quotaHold) standing() *quotaError {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.refusal
}
