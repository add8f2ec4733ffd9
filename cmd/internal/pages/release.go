// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/rollout/report"
	"github.com/slipway-dev/slipway/rollout/steer"
)

// Source looks at the release of a target from outside; steer.Release does.
type Source interface {
	Status(ctx context.Context) (steer.Status, error)
	Follow(ctx context.Context, see func(steer.Status)) (steer.Status, error)
}

// later is how soon a browser asks again after a release has ended: another one may begin.
const later = 10 * time.Second

// Release is the page of a release in a cluster, followed from outside.
type Release struct {
	Cluster string           // in words; may be empty
	Now     func() time.Time // by which an agent is told to be absent

	mutex   sync.Mutex
	history *report.History
	id      string
	err     error         // why it could not be followed, until the next observation
	asked   chan struct{} // somebody reads the page
}

// Follow looks at a release until ctx ends. The error is that of the first observation. While a release goes on every change
// is seen. One that has ended, or a cluster that does not answer, is looked at again when somebody asks for the page.
func (r *Release) Follow(ctx context.Context, source Source) error {
	first, err := source.Status(ctx)
	if err != nil {
		return err
	}
	r.asked = make(chan struct{}, 1)
	r.see(first)
	go func() {
		for ctx.Err() == nil {
			if _, err := source.Follow(ctx, r.see); err != nil {
				r.fail(err)
			}
			select {
			case <-ctx.Done():
			case <-r.asked:
			}
		}
	}()
	return nil
}

// see adds an observation. A release that begins after the end of another one has a page of its own.
func (r *Release) see(s steer.Status) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.err = nil
	if r.history != nil && r.id == s.ID && r.history.Ended() && s.Decision.Ended() {
		return // the release takes no longer because somebody reads of it
	}
	if r.history == nil || r.id != s.ID || r.history.Ended() && !s.Decision.Ended() {
		r.history = report.NewHistory(s.Plan)
		r.history.Outside, r.history.Cluster, r.id = true, r.Cluster, s.ID
	}
	o := s.Observed
	o.Pods = s.Pods
	if o.Progress.Revision != "" && !s.Decision.Ended() {
		o.UpdateRevision = o.Progress.Revision // a status that nobody has written since counts the pods of the last release
	}
	r.history.Record(o, s.Decision)
	r.history.Moment = r.moment(s)
}

func (r *Release) fail(err error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.err = err
}

// moment is what a reader has to know of an observation besides what it saw.
func (r *Release) moment(s steer.Status) (words []string) {
	if absent := s.Agent.Absent(r.Now()); absent != "" && s.Recorded() && !s.Decision.Ended() {
		words = append(words, absent)
	}
	if s.Unread != nil {
		words = append(words, s.Unread.Error())
	}
	if s.Unseen != nil {
		words = append(words, "its pods are not shown: "+s.Unseen.Error())
	}
	return words
}

// Page is the page as of the last observation.
func (r *Release) Page() (Page, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	select {
	case r.asked <- struct{}{}:
	default: // it is known already
	}
	if r.err != nil {
		return Page{}, r.err
	}
	var html bytes.Buffer
	if err := report.HTML(&html, r.history); err != nil {
		return Page{}, err
	}
	if r.history.Ended() {
		return Page{html.Bytes(), later}, nil
	}
	return Page{html.Bytes(), soon}, nil
}
