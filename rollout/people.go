// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// Ask is what a person can ask of a release.
type Ask string

// Approve lets a batch pass, Promote ends its timed pause, Pause stops every write until Resume, Abort makes the release fail as
// the plan says, and Undo makes it return to the revision that it started from, whatever the plan says.
const (
	Approve Ask = "Approve"
	Promote Ask = "Promote"
	Pause   Ask = "Pause"
	Resume  Ask = "Resume"
	Abort   Ask = "Abort"
	Undo    Ask = "Undo"
)

// Request is what one person has asked for. It says who and when, so that a release can show later why it went on.
type Request struct {
	Ask     Ask       `json:"ask"`
	Batch   int       `json:"batch"`             // 0-based, of an approval or a promotion
	All     bool      `json:"all,omitempty"`     // of every batch
	By      string    `json:"by"`                // user name
	Claimed bool      `json:"claimed,omitempty"` // the name is what the person says: no server has confirmed it
	At      time.Time `json:"at"`                // when it was asked, by the person's clock
	Why     string    `json:"why,omitempty"`     // in the person's words
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
	case r.Ask != Approve && r.Ask != Promote:
		return r.Ask.verb()
	case r.All:
		return r.Ask.verb() + " every batch"
	default:
		return fmt.Sprintf("%s batch %d", r.Ask.verb(), r.Batch+1)
	}
}

// Approval finds the request that lets a batch pass. Of two the first one counts.
func (p Progress) Approval(batch int) (Request, bool) {
	i := slices.IndexFunc(p.Requests, func(r Request) bool {
		return r.Ask == Approve && (r.All || r.Batch == batch) || r.Ask == Promote && r.All
	})
	if i < 0 {
		return Request{}, false
	}
	return p.Requests[i], true
}

// approved tells whether a batch may pass: somebody has asked for it, or Approved counts it.
func (p Progress) approved(batch int) bool {
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
func (p Progress) last(ask Ask) (Request, bool) {
	for _, r := range slices.Backward(p.Requests) {
		if r.Ask == ask {
			return r, true
		}
	}
	return Request{}, false
}

// by says who asked for something last. A flag that was set without a request has nobody's name on it.
func (p Progress) by(ask Ask) string {
	if r, ok := p.last(ask); ok {
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

// RefusedError is why a request does nothing. The release is as it was.
type RefusedError struct{ Why string }

func (r *RefusedError) Error() string { return r.Why }

func refuse(format string, args ...any) (Answer, error) {
	return Answer{}, &RefusedError{fmt.Sprintf(format, args...)}
}

// Answer is what a request does.
type Answer struct {
	Progress Progress // to be stored
	Changed  bool     // false: it was so already, and there is nothing to store
	Message  string   // what is so now, for the person
	Restore  string   // revision whose template must be written into the object, because no agent will do it: see Undo
}

// Answered works out what a request does to a release, or refuses it with a *RefusedError. It stores nothing: whoever does must
// make sure that the progress is still the one that was asked about. An approval without a batch (negative) is one of the
// batch that waits for it, and of no other.
func Answered(plan plan.BatchPlan, p Progress, r Request) (Answer, error) {
	switch {
	case p.Revision == "":
		return refuse("the release has not begun, so there is nothing to %s yet", r.Ask.verb())
	case p.Outcome != "" && r.Ask == Undo:
		return undoEnded(p, r)
	case p.Outcome != "":
		return refuse("the release has ended, so there is nothing to %s: %s: %s", r.Ask.verb(), p.Outcome, p.Message)
	}
	switch r.Ask {
	case Approve:
		return approve(plan, p, r)
	case Promote:
		return promote(plan, p, r)
	case Pause:
		return pause(p, r)
	case Resume:
		return resume(p, r)
	case Abort, Undo:
		return end(p, r)
	default:
		return refuse("nobody knows how to %s", r.Ask.verb())
	}
}

func (a Ask) verb() string {
	return map[Ask]string{Approve: "approve", Promote: "promote", Pause: "pause", Resume: "resume", Abort: "abort", Undo: "undo"}[a]
}

// mostRequests is how many requests are kept. It is far more than a release sees, and little for a ConfigMap.
const mostRequests = 200

// with is the progress with one more request. The list of the caller is left alone. Approvals and promotions are kept whatever
// their number; of the others the oldest go.
func (p Progress) with(r Request) Progress {
	p.Requests = append(slices.Clip(p.Requests), r)
	for len(p.Requests) > mostRequests {
		i := slices.IndexFunc(p.Requests, func(r Request) bool { return r.Ask != Approve && r.Ask != Promote })
		if i < 0 {
			break
		}
		p.Requests = slices.Delete(p.Requests, i, i+1)
	}
	return p
}

// Stopped is the progress of a release that an abort ends, whatever state it is in.
func (p Progress) Stopped(abort Request) Progress {
	p = p.with(abort)
	p.Pause, p.Abort = false, true
	return p
}

func already(p Progress, message string) (Answer, error) {
	return Answer{Progress: p, Message: message}, nil
}

func changed(p Progress, message string) (Answer, error) {
	return Answer{Progress: p, Changed: true, Message: message}, nil
}

func approve(plan plan.BatchPlan, p Progress, r Request) (Answer, error) {
	n := max(len(plan.Batches), 1)
	label := func(batch int) string { return fmt.Sprintf("batch %d of %d", batch+1, n) }
	switch {
	case p.Back:
		return refuse("the release is rolling back, and a rollback needs no approval: %s", p.Message)
	case p.Abort || p.Undo:
		return refuse("%s", p.toEnd())
	case r.All:
		return approveAll(plan, p, r)
	case r.Batch < 0:
		if why := notWaiting(plan, p, r.At); why != "" {
			return refuse("%s", why)
		}
		r.Batch = p.Batch
	case r.Batch >= n:
		return refuse("there is no batch %d: the plan has %d", r.Batch+1, n)
	case r.Batch < p.Batch:
		return refuse("%s is over: the release is in batch %d", label(r.Batch), p.Batch+1)
	case !asks(plan, r.Batch):
		return refuse("%s needs no approval: the plan has no pause untilApproved there", label(r.Batch))
	}
	if p.approved(r.Batch) {
		return already(p, label(r.Batch)+" was approved already"+strings.TrimPrefix(p.approvedBy(r.Batch), "; approved"))
	}
	p = p.with(r)
	if r.Batch == p.Batch {
		p.Approved = r.Batch + 1
	}
	return changed(p, label(r.Batch)+" approved "+r.String())
}

func approveAll(plan plan.BatchPlan, p Progress, r Request) (Answer, error) {
	r.Batch = 0
	open := 0
	for i := p.Batch; i < len(plan.Batches); i++ {
		if asks(plan, i) && !p.approved(i) {
			open++
		}
	}
	if open == 0 {
		return already(p, "no batch from the present one on needs an approval that it does not have")
	}
	return changed(p.with(r), fmt.Sprintf("every batch that needs it (%d) approved %s", open, r))
}

// asks tells whether a batch waits for approval.
func asks(p plan.BatchPlan, batch int) bool {
	return batch < len(p.Batches) && p.Batches[batch].Pause.UntilApproved
}

// notWaiting says why the present batch does not wait for approval, and how to approve ahead; "" where it does wait.
func notWaiting(p plan.BatchPlan, pr Progress, now time.Time) string {
	ahead := pr.Batch
	for ahead < len(p.Batches) && (!asks(p, ahead) || pr.approved(ahead)) {
		ahead++
	}
	label := fmt.Sprintf("batch %d of %d", pr.Batch+1, max(len(p.Batches), 1))
	hint := fmt.Sprintf("; --batch %d approves batch %d ahead", ahead+1, ahead+1)
	until := pr.pauseEnds(p.Batch(pr.Batch).Pause)
	switch {
	case asks(p, pr.Batch) && pr.approved(pr.Batch):
		return "" // told as what it is
	case ahead >= len(p.Batches):
		return label + " waits for no approval, and neither does any after it"
	case !asks(p, pr.Batch):
		return label + " waits for no approval" + hint
	case pr.Ready.IsZero():
		return label + " is not ready yet, so it does not wait for approval" + hint
	case until.After(now):
		return fmt.Sprintf("%s pauses until %s before it waits for approval%s", label, until.UTC().Format(time.RFC3339), hint)
	default:
		return ""
	}
}

func pause(p Progress, r Request) (Answer, error) {
	switch {
	case p.Abort || p.Undo:
		return refuse("%s", p.toEnd())
	case p.Pause:
		return already(p, "the release is held already,"+p.by(Pause))
	}
	p = p.with(r)
	p.Pause = true
	return changed(p, "held "+r.String()+": nothing is written until somebody resumes it")
}

func resume(p Progress, r Request) (Answer, error) {
	if !p.Pause {
		return already(p, "nobody holds the release")
	}
	p = p.with(r)
	p.Pause = false
	return changed(p, "resumed "+r.String())
}

// end makes a release fail or roll back. It also ends a pause: nothing of either could happen otherwise.
func end(p Progress, r Request) (Answer, error) {
	switch {
	case p.Back:
		return refuse("the release is rolling back to %s already: %s", p.Stable, p.Message)
	case r.Ask == Undo && !p.canReturn():
		return refuse("there is no earlier revision to return to: %s is the first; abort ends the release where it is", p.Revision)
	case p.Undo, p.Abort && r.Ask == Abort:
		return already(p, choose(p.Undo, Undo.verb(), Abort.verb())+" was asked already,"+p.by(choose(p.Undo, Undo, Abort)))
	}
	p = p.with(r)
	p.Pause, p.Abort, p.Undo = false, p.Abort || r.Ask == Abort, r.Ask == Undo
	if r.Ask == Undo {
		return changed(p, fmt.Sprintf("undone %s: the release turns back to %s", r, p.Stable))
	}
	return changed(p, "aborted "+r.String()+": the release fails as its plan says")
}

// undoEnded returns to the revision before a release that is over. No agent does that: the object itself has to say it.
func undoEnded(p Progress, r Request) (Answer, error) {
	switch {
	case p.Outcome == plan.RolledBack:
		return refuse("the release has been rolled back already: %s", p.Message)
	case p.Outcome == plan.Superseded:
		return refuse("another release has taken the place of this one, so this one cannot be undone: %s", p.Message)
	case !p.canReturn():
		return refuse("there is no earlier revision to return to: %s is the first", p.Revision)
	}
	return Answer{
		Progress: p.with(r), Changed: true, Restore: p.Stable,
		Message: fmt.Sprintf("the template is that of revision %s again, undone %s", p.Stable, r),
	}, nil
}
