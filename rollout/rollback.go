// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"strings"
	"time"
)

// back works on a release that returns to its stable revision, within the same bounds. It is the release the other
// way round: the stable revision is released, and the failed one is the old. In batches it walks the plan's batches in
// reverse; at once it is a single batch.
func (d *decider) back() Decision {
	b := d.bounds
	b.Partition = 0
	if d.progress.Batch > 0 {
		b.Partition = d.targets[d.progress.Batch-1]
	}
	w := d.backWork(b)
	message := fmt.Sprintf("rolling back to %s: %s", d.progress.Stable, strings.ReplaceAll(w.message, "updated", "restored"))
	switch {
	case !w.ready && d.overdue() > 0:
		d.progress.Outcome = DeadlineExceeded
		d.progress.Message = fmt.Sprintf("%s; not ready after %v; it was rolled back because %s", message, d.limit(), d.progress.Message)
		return d.decision(Stopped, DeadlineExceeded, d.progress.Message, append(d.readmit(), d.record())...)
	case len(w.actions) > 0:
		return d.decision(Go, RollingBack, message, w.actions...)
	case !w.ready:
		return d.wait(RollingBack, message, d.soonest(w.soonest, -d.overdue()))
	case d.progress.Batch > 0:
		d.progress.Batch--
		d.progress.Started, d.progress.Ready = d.observed.Now, time.Time{}
		return d.decision(Go, RollingBack, message, d.record())
	default:
		d.progress.Outcome = RolledBack
		d.progress.Message = fmt.Sprintf("rolled back to %s because %s", d.progress.Stable, d.progress.Message)
		return d.decision(Stopped, RolledBack, d.progress.Message, append(d.restPartition(), d.record())...)
	}
}

func (d *decider) backWork(b Bounds) work {
	if d.plan.Mode == Partition {
		if !d.restored() {
			return work{message: "the template is still " + d.observed.UpdateRevision, actions: []Action{{
				Kind: RestoreTemplate, Revision: d.progress.Stable, ResourceVersion: d.observed.CloneSet.ResourceVersion,
				Reason: "rollback",
			}}}
		}
		return d.partitionWork(b, d.progress.Batch == 0)
	}
	s := newStepper(d.rule, b, d.observed, d.progress.Revision, d.progress.Stable)
	// Pods of the failed revision that are gone stay gone.
	s.bounds.Partition = min(s.bounds.Partition, s.tally.old)
	return d.directWork(s, d.progress.Batch == 0)
}
