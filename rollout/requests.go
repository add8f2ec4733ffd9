// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// RequestKind is what a person can ask of a release.
type RequestKind string

// Approve lets a batch pass, Promote ends its timed pause, Pause stops every write until Resume, Abort makes the release fail as
// the plan says, and Undo makes it return to the revision that it started from, whatever the plan says.
const (
	Approve RequestKind = "Approve"
	Promote RequestKind = "Promote"
	Pause   RequestKind = "Pause"
	Resume  RequestKind = "Resume"
	Abort   RequestKind = "Abort"
	Undo    RequestKind = "Undo"
)

// Request is what one person has asked for. It says who and when, so that a release can show later why it went on.
type Request struct {
	Kind    RequestKind `json:"ask"`
	Batch   int         `json:"batch"`             // 0-based, of an approval or a promotion
	All     bool        `json:"all,omitempty"`     // of every batch
	By      string      `json:"by"`                // user name
	Claimed bool        `json:"claimed,omitempty"` // the name is what the person says: no server has confirmed it
	At      time.Time   `json:"at"`                // when it was asked, by the person's clock
	Why     string      `json:"why,omitempty"`     // in the person's words
}

// Equal tells whether two requests are the same one, also where one of them was stored meanwhile.
func (r Request) Equal(other Request) bool {
	same := r.At.Equal(other.At)
	r.At = other.At
	return same && r == other
}

// Who is the person, and that nobody has confirmed the name where that is so.
func (r Request) Who() string {
	if r.Claimed {
		return r.By + " (name not confirmed)"
	}
	return r.By
}

// String is the request as part of a sentence: "by alice at 2026-01-05T09:00:00Z (looks good)".
func (r Request) String() string {
	s := fmt.Sprintf("by %s at %s", r.Who(), r.At.UTC().Format(time.RFC3339))
	if r.Why != "" {
		s += fmt.Sprintf(" (%s)", r.Why)
	}
	return s
}

// Words is what was asked, in a few words.
func (r Request) Words() string {
	switch {
	case r.Kind != Approve && r.Kind != Promote:
		return r.Kind.Verb()
	case r.All:
		return r.Kind.Verb() + " every batch"
	default:
		return fmt.Sprintf("%s batch %d", r.Kind.Verb(), r.Batch+1)
	}
}

// Verb is what is asked, in a word: "approve".
func (k RequestKind) Verb() string {
	return strings.ToLower(string(k))
}

// Approval finds the request that lets a batch pass. Of two the first one counts.
func (p Progress) Approval(batch int) (Request, bool) {
	i := slices.IndexFunc(p.Requests, func(r Request) bool {
		return r.Kind == Approve && (r.All || r.Batch == batch) || r.Kind == Promote && r.All
	})
	if i < 0 {
		return Request{}, false
	}
	return p.Requests[i], true
}

// IsApproved tells whether a batch may pass: somebody has asked for it, or Approved counts it.
func (p Progress) IsApproved(batch int) bool {
	_, ok := p.Approval(batch)
	return ok || p.Approved > batch
}

// approvedBy says who let a batch pass, as the end of a message. Where only Approved says so, nobody is named.
func (p Progress) approvedBy(batch int) string {
	if r, ok := p.Approval(batch); ok {
		return "; approved " + r.String()
	}
	return ""
}

// last is the latest request of a kind.
func (p Progress) last(kind RequestKind) (Request, bool) {
	for _, r := range slices.Backward(p.Requests) {
		if r.Kind == kind {
			return r, true
		}
	}
	return Request{}, false
}

// AskedBy says who asked for something last. A flag that was set without a request has nobody's name on it.
func (p Progress) AskedBy(kind RequestKind) string {
	if r, ok := p.last(kind); ok {
		return " " + r.String()
	}
	return " by a person"
}

// resumedBy says who ended a pause, where it was a person and not the spec.
func (p Progress) resumedBy() string {
	if r, ok := p.last(Resume); ok && !r.At.Before(p.Paused) {
		return " " + r.String()
	}
	return ""
}

// Promotion finds the request that ends the pause of a batch. Of two the first one counts.
func (p Progress) Promotion(batch int) (Request, bool) {
	for _, r := range p.Requests {
		if r.Kind == Promote && (r.All || r.Batch == batch) {
			return r, true
		}
	}
	return Request{}, false
}

// PauseEnds is when the pause of the present batch is over, which is ready; zero: it has none, or somebody has ended it.
func (p Progress) PauseEnds(pause plan.Pause) time.Time {
	if _, ended := p.Promotion(p.Batch); ended || pause.Duration == 0 {
		return time.Time{}
	}
	return p.Ready.Add(pause.Duration)
}

// mostRequests is how many requests are kept. It is far more than a release sees, and little for a ConfigMap.
const mostRequests = 200

// With is the progress with one more request. The list of the caller is left alone. Approvals and promotions are kept whatever
// their number; of the others the oldest go.
func (p Progress) With(r Request) Progress {
	p.Requests = append(slices.Clip(p.Requests), r)
	for len(p.Requests) > mostRequests {
		i := slices.IndexFunc(p.Requests, func(r Request) bool { return r.Kind != Approve && r.Kind != Promote })
		if i < 0 {
			break
		}
		p.Requests = slices.Delete(p.Requests, i, i+1)
	}
	return p
}

// Stopped is the progress of a release that an abort ends, whatever state it is in.
func (p Progress) Stopped(abort Request) Progress {
	p = p.With(abort)
	p.Pause, p.Abort = false, true
	return p
}
