// SPDX-License-Identifier: Apache-2.0

package pages_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/cmd/internal/pages"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/steer"
)

// cluster is one whose looks a test gives: each call of Follow takes a list of them and the error that it ends with.
type cluster struct {
	first   error
	follows chan []steer.Status
	err     error
	back    chan struct{} // Follow has returned
}

func (c *cluster) Status(context.Context) (steer.Status, error) {
	return look("demo-2", plan.NotStarted), c.first
}

func (c *cluster) Follow(ctx context.Context, see func(steer.Status)) (steer.Status, error) {
	select {
	case <-ctx.Done():
		return steer.Status{}, ctx.Err()
	case all := <-c.follows:
		for _, s := range all {
			see(s)
		}
	}
	defer func() { c.back <- struct{}{} }()
	return steer.Status{}, c.err
}

// look is a look at the release of a revision.
func look(revision string, reason plan.Reason) steer.Status {
	s := steer.Status{ID: "of-" + revision, Decision: rollout.Decision{Verdict: rollout.Wait, Reason: reason, Message: "as it is"}}
	s.Observed.Now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s.Observed.Workload = plan.Workload{Kind: "StatefulSet", Namespace: "shop", Name: "db"}
	s.Observed.UpdateRevision, s.Observed.Progress.Revision = revision, revision
	s.Pods = []rollout.Pod{{Name: "db-0", Revision: revision, Phase: rollout.PodRunning}}
	if reason == plan.Completed {
		s.Decision.Verdict = rollout.Done
	}
	return s
}

// TestReleaseIsFollowed asks for the page while a release goes on, after it has ended, and when the next one has begun.
func TestReleaseIsFollowed(t *testing.T) {
	c := &cluster{follows: make(chan []steer.Status), back: make(chan struct{}, 1)}
	r := &pages.Release{Cluster: "https://shop.example.com", Now: time.Now}
	if err := r.Follow(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	says := func(again time.Duration, words ...string) {
		t.Helper()
		p, err := r.Page()
		if err != nil {
			t.Fatal(err)
		}
		if p.Again != again {
			t.Errorf("it is asked for again after %v, not %v", p.Again, again)
		}
		for _, w := range words {
			if !strings.Contains(string(p.HTML), w) {
				t.Errorf("the page has no %q: %.2000s", w, p.HTML)
			}
		}
	}
	says(3*time.Second, "StatefulSet shop/db", "Not finished", "https://shop.example.com", "No agent is at work", "db-0")
	absent := look("demo-2", plan.Completed)
	absent.Unseen = errors.New("no right to list pods")
	c.follows <- []steer.Status{absent}
	<-c.back
	says(10*time.Second, "Done", "Its pods are not shown: no right to list pods.")
	c.follows <- []steer.Status{look("demo-3", plan.AwaitingApproval)}
	<-c.back
	says(3*time.Second, "Not finished", "AwaitingApproval")

	c.err = errors.New("the server is away")
	c.follows <- nil
	<-c.back
	_, _ = r.Page()  // whoever reads makes it look again; what it answers may still be the observation before
	c.follows <- nil // it is followed again because of that, and the error is known
	if _, err := r.Page(); err == nil || err.Error() != "the server is away" {
		t.Errorf("a cluster that does not answer is shown as %v", err)
	}
}

func TestReleaseThatCannotBeRead(t *testing.T) {
	r := &pages.Release{Now: time.Now}
	if err := r.Follow(t.Context(), &cluster{first: errors.New("no such release")}); err == nil {
		t.Error("there is no first observation, and no error")
	}
}
