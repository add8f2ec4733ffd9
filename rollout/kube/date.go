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
	date time.Time // of the last answer, by the server's clock, in whole seconds
	at   time.Time // when it came, by this machine's monotonic clock
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
			t.dates.date, t.dates.at = date, time.Now()
			t.dates.mu.Unlock()
		}
	}
	return answer, err
}

// ServerTime is what the API server's clock shows, to the second, as far as its answers have told; false where none has.
func (c Client) ServerTime() (time.Time, bool) {
	c.dates.mu.Lock()
	defer c.dates.mu.Unlock()
	return c.dates.date.Add(time.Since(c.dates.at)), !c.dates.at.IsZero()
}
