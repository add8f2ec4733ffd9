// SPDX-License-Identifier: Apache-2.0

// Package transport is how a client of the API server bears with a server that has just started.
package transport

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// rights are the requests that the server has let a client make.
type rights struct {
	mu    sync.Mutex
	known map[string]bool
}

// How long a right that was there may be missing, and how often it is asked for.
const (
	rightsPatience = 30 * time.Second
	rightsPause    = 250 * time.Millisecond
)

// Patient asks again where a right is missing that was there before: a server that has just started answers before it knows the
// roles, and refuses for a moment what it has granted for months. It does so for what is read and for the renewal of a lock, and
// that is enough, because the lock is read before anything else is written. A right that never was there is missing at once.
func Patient(next http.RoundTripper) http.RoundTripper {
	return patient{next, &rights{known: map[string]bool{}}}
}

type patient struct {
	next   http.RoundTripper
	rights *rights
}

// RoundTrip makes a request.
func (t patient) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet && (r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/leases/")) {
		return t.next.RoundTrip(r)
	}
	what := r.Method + r.URL.Query().Get("watch") + " " + r.URL.Path
	for left := rightsPatience; ; left -= rightsPause {
		answer, err := t.next.RoundTrip(r)
		if err != nil || !t.rights.missing(what, answer.StatusCode) || left <= 0 {
			return answer, err
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		if r, err = repeated(r); err != nil {
			return nil, err
		}
	}
}

// missing tells whether a request is refused that was let through before, and takes down that one was.
func (r *rights) missing(what string, code int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if code < http.StatusInternalServerError && code != http.StatusForbidden && code != http.StatusUnauthorized {
		r.known[what] = true
	}
	return code == http.StatusForbidden && r.known[what]
}

// repeated is a request once more, after a pause.
func repeated(r *http.Request) (*http.Request, error) {
	pause, cancel := context.WithTimeout(r.Context(), rightsPause)
	defer cancel()
	<-pause.Done()
	again := r.Clone(r.Context())
	if r.GetBody == nil {
		return again, context.Cause(r.Context())
	}
	body, err := r.GetBody()
	if again.Body = body; err != nil {
		return nil, err
	}
	return again, context.Cause(r.Context())
}
