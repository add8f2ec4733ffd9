// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/slipway-dev/slipway/rollout"
)

// Cost is what a release is expected to take, from a simulation without faults.
type Cost struct {
	Batches        []time.Duration // until each batch is ready
	Total          time.Duration
	LeastAvailable int
	MostPods       int
	Creates        int
	Deletes        int
	InPlace        int // pods updated in place
	Writes         int // writes on pods, all kinds
	Ready          string
}

// Plan writes a release before it runs, as a person reads it.
func Plan(w io.Writer, o rollout.Outline, c Cost) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	b := o.Bounds
	fmt.Fprintf(t, "CloneSet\t%s, %d replicas\n", o.Set, b.Replicas)
	fmt.Fprintf(t, "budget\tmaxSurge %d, maxUnavailable %d: at least %d pods available and at most %d pods at any time\n",
		b.MaxSurge, b.MaxUnavailable, o.LeastAvailable(), o.MostPods())
	fmt.Fprintf(t, "change\t%s\n", o.Change)
	fmt.Fprintf(t, "order\t%s\n", strings.Join(o.Order, "; "))
	fmt.Fprintf(t, "on failure\t%s\n", onFailure(o.OnFail))
	fmt.Fprintf(t, "writes\t%d on pods: %d created, %d deleted, %d updated in place\n", c.Writes, c.Creates, c.Deletes, c.InPlace)
	fmt.Fprintf(t, "time\t%v, with pods ready after %s and every approval given at once\n", c.Total, c.Ready)
	fmt.Fprintf(t, "expected\tat least %d pods available and at most %d pods, when none crashes\n", c.LeastAvailable, c.MostPods)
	if err := t.Flush(); err != nil {
		return fmt.Errorf("writing plan: %w", err)
	}
	return planBatches(w, o, c)
}

func planBatches(w io.Writer, o rollout.Outline, c Cost) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\nBATCH\tUPDATED\tMORE\tOLD\tREADY IN\tDEADLINE\tTHEN\n")
	for i, b := range o.Batches {
		fmt.Fprintf(t, "%d of %d\t%d of %d\t+%d\t%d\t%v\t%v\t%s\n", i+1, len(o.Batches), b.Updated, o.Bounds.Replicas, b.More, b.Old,
			c.Batches[i], b.Limit, then(b, i == len(o.Batches)-1))
		if c.Batches[i] > b.Limit {
			o.Warnings = append(o.Warnings, fmt.Sprintf("batch %d needs %v, but its deadline is %v: the release would fail", i+1, c.Batches[i], b.Limit))
		}
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("writing plan: %w", err)
	}
	for i, warning := range o.Warnings {
		if _, err := fmt.Fprintf(w, "%swarning: %s\n", strings.Repeat("\n", max(1-i, 0)), warning); err != nil {
			return fmt.Errorf("writing plan: %w", err)
		}
	}
	return nil
}

func onFailure(f rollout.OnFailure) string {
	switch f {
	case rollout.Rollback:
		return "roll back at once, within the same budget"
	case rollout.RollbackInBatches:
		return "roll back batch by batch, within the same budget"
	default:
		return "stop and leave every pod as it is"
	}
}

// then is what happens when a batch is ready.
func then(b rollout.OutlineBatch, last bool) string {
	var steps []string
	if b.Missing > 0 {
		steps = append(steps, fmt.Sprintf("tolerate %d unready", b.Missing))
	}
	if b.Pause.Duration > 0 {
		steps = append(steps, fmt.Sprintf("pause %v", b.Pause.Duration))
	}
	if len(b.Checks) > 0 {
		steps = append(steps, "check "+strings.Join(b.Checks, ", "))
	}
	if b.Pause.UntilApproved {
		steps = append(steps, "wait for approval")
	}
	if last {
		steps = append(steps, "done")
	} else {
		steps = append(steps, "next batch")
	}
	return strings.Join(steps, ", ")
}
