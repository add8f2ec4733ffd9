// SPDX-License-Identifier: Apache-2.0

package rollout

import "slices"

// directMode is a release in which slipway itself creates, updates and deletes the pods.
type directMode struct {
	*release
	rule rule
}

func (m directMode) forward(batch int) work {
	return m.work(newStepper(m.rule, m.goal(batch), m.observed), batch == len(m.targets)-1)
}

// resting is nothing: no field of the target was written.
func (m directMode) resting() *Action { return nil }

// goal is what a batch is to reach while the release goes forward.
func (m directMode) goal(batch int) goal {
	b := m.boundsAfter(batch)
	return goal{
		bounds: b, from: m.progress.Stable, to: m.progress.Revision,
		ahead: m.boundsAfter(m.nextRest(batch)).Partition, tolerated: m.threshold(b.Wanted()), since: m.progress.since(),
	}
}

// work is what the pods still need, and the writes on them that are safe now.
func (m directMode) work(s *stepper, last bool) work {
	w := work{refused: s.refusal()}
	if w.refused != "" {
		return w
	}
	w.actions = s.run()
	c, t := s.pods.counts, &s.pods
	w.updated, w.healthy, w.soonest = c.new, t.readyNew, s.soonest()
	wanted := s.bounds.Wanted()
	w.newest = t.newest
	missing := max(wanted-t.readyNew, 0)
	if !s.since.IsZero() {
		// What scaling adds, and what nodes take, does not count against a batch that was ready: only a pod of its own does.
		missing = c.new - t.readyNew - t.late
	}
	left := c.surplusOld(s.bounds)
	// However much is tolerated, one healthy pod is the least that a batch can show for itself.
	w.ready = missing <= m.threshold(wanted) && (t.readyNew > 0 || wanted == 0)
	// Tolerated pods may leave old ones standing between two batches, but not after the release.
	w.whole = c.new >= wanted && left == 0 && c.total == c.kept && c.kept == s.bounds.Replicas
	switch {
	case !s.since.IsZero():
	case last:
		w.ready = w.ready && w.whole
	default:
		// Guests that may leave have left before a rest. Those that the budget keeps for pods that are down hold nothing up.
		w.ready = w.ready && c.new >= wanted && left <= missing && t.guestsGoing == 0
	}
	w.message = m.progressMessage(w, wanted)
	if m.observed.NoRoom != "" && slices.ContainsFunc(w.actions, Action.waitsForRoom) {
		w.ready = false // also where only an old pod is missing: otherwise nothing would ever end the tries
		w.message += "; " + m.observed.NoRoom
	}
	if c.guests > 0 {
		w.message += ", " + countGuests(c.guests)
	}
	if s.writes.blocked != "" && len(w.actions) == 0 && !w.ready {
		w.message += "; " + s.writes.blocked
	}
	return w
}
