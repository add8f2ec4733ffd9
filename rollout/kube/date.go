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

// LastDate is what the API server's clock showed at its last answer, to the second; false where no answer has told.
func (c Client) LastDate() (time.Time, bool) {
	c.dates.mu.Lock()
	defer c.dates.mu.Unlock()
	return c.dates.last, !c.dates.last.IsZero()
}
