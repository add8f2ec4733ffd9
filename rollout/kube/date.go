// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"net/http"
	"sync"
	"time"
)

// dates reads the API server's clock from its answers.
type dates struct {
	mu   sync.Mutex
	last time.Time // of the last answer, by the server's clock, in whole seconds
}

// wrap makes a transport that notes the date of each answer.
func (d *dates) wrap(next http.RoundTripper) http.RoundTripper { return dated{next, d} }

type dated struct {
	next  http.RoundTripper
	dates *dates
}

func (t dated) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.next.RoundTrip(r)
	if err == nil {
		if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
			t.dates.mu.Lock()
			t.dates.last = date
			t.dates.mu.Unlock()
		}
	}
	return answer, err
}

// skewTolerated is a difference of two clocks that is none: the server tells its time in whole seconds.
const skewTolerated = 2 * time.Second

// ServerClock is a clock that shows the API server's time and never jumps, made of this machine's right after an answer of the
// server, and how far the two differ; 0: not at all, or nobody knows. Times that outlive a process, and those that others have
// written into objects, are so held against one clock, whichever machine the process runs on.
func (c Client) ServerClock(local func() time.Time) (now func() time.Time, skew time.Duration) {
	c.dates.mu.Lock()
	defer c.dates.mu.Unlock()
	began := local()
	if skew = c.dates.last.Sub(began); c.dates.last.IsZero() || skew.Abs() < skewTolerated {
		skew = 0
	}
	return func() time.Time { return began.Add(local().Sub(began) + skew) }, skew
}
