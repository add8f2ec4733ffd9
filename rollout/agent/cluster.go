// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/kube"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// cluster is one target and its pods in a cluster. It implements rollout.Cluster and rollout.Clock by three parts: one
// reads, one writes, one reports. They share the caches, the last observation, and what writes have found out.
type cluster struct {
	reader   *reader
	writer   *writer
	reporter *reporter
}

var (
	_ rollout.Cluster = (*cluster)(nil)
	_ rollout.Lagging = (*cluster)(nil)
	_ rollout.Clock   = (*cluster)(nil)
)

// open connects to the target and begins to watch it. It writes nothing.
func open(ctx context.Context, options Options) (*cluster, error) {
	s, target, err := connect(ctx, options)
	if err != nil {
		return nil, err
	}
	read, err := target.Read()
	if err != nil {
		return nil, err
	}
	if said := (plan.BatchPlan{Mode: options.Mode}).UnknownWarning(read); said != "" {
		s.warn(errors.New(said))
	}
	c := newCluster(s, newCaches(s, target))
	if err := c.reader.start(ctx, s); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// newCluster puts the parts together.
func newCluster(s *session, all *caches) *cluster {
	with := shared{session: s, caches: all, feedback: &feedback{taken: map[string]bool{}}, last: &observation{}}
	w := &writer{podWriter: podWriter{with}}
	return &cluster{
		reader:   &reader{shared: with, record: recordReader{shared: with}, entry: entry{with}},
		writer:   w,
		reporter: &reporter{shared: with, writer: w},
	}
}

// Close ends the watches. It does not give the lock back.
func (c *cluster) Close() { c.reader.close() }

// Observe puts together what a decision may know.
func (c *cluster) Observe(ctx context.Context) (rollout.Observed, error) {
	return c.reader.observe(ctx)
}

// Refresh makes the next Observe list everything, whatever the watches have told.
func (c *cluster) Refresh() {
	c.reader.refresh()
	c.reader.listed.Next = time.Time{}
}

// Apply makes the writes side by side, as far as the lock is held.
func (c *cluster) Apply(ctx context.Context, actions []rollout.Action) error {
	return c.writer.apply(ctx, actions)
}

// Wait returns when something has changed since the last observation, or after d. Before it blocks, and now and then while
// it does, it brings the target's status up to date.
func (c *cluster) Wait(ctx context.Context, d time.Duration) error {
	deadline := time.Duration(1<<63 - 1)
	if d > 0 {
		deadline = d
	}
	if again := c.reader.listAgain(); again > 0 {
		deadline = min(deadline, again)
	}
	wait, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	for c.reader.unchanged() {
		if err := c.reporter.syncStatus(ctx, false); err != nil {
			return err
		}
		if !c.block(wait) {
			return ctx.Err()
		}
	}
	// Changes come in swarms: an observation for each of them would cost more than it tells.
	kube.Pause(ctx, 5*time.Millisecond+time.Duration(len(c.reader.buffer))*10*time.Microsecond)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return c.reporter.syncStatus(ctx, false)
}

// block waits for a change, or until the status is due. It returns false where ctx has ended.
func (c *cluster) block(ctx context.Context) bool {
	r := c.reader
	due, cancel := c.reporter.due(ctx, r.options.Now())
	defer cancel()
	select {
	case <-r.changed:
		return true
	case <-r.measured():
		return true
	case r.stopped = <-r.options.Stop:
		kube.Notify(r.changed)
		return true
	case <-due.Done():
		return ctx.Err() == nil
	}
}
