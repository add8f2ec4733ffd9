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
	var b strings.Builder
	budget := o.Bounds
	fmt.Fprintf(&b, "CloneSet\t%s, %d replicas\n", o.Set, budget.Replicas)
	fmt.Fprintf(&b, "budget\tmaxSurge %d, maxUnavailable %d: at least %d pods available and at most %d pods at any time\n",
		budget.MaxSurge, budget.MaxUnavailable, o.LeastAvailable(), o.MostPods())
	fmt.Fprintf(&b, "change\t%s\n", o.Change)
	fmt.Fprintf(&b, "order\t%s\n", strings.Join(o.Order, "; "))
	fmt.Fprintf(&b, "on failure\t%s\n", onFailure(o.OnFail))
	fmt.Fprintf(&b, "writes\t%d on pods: %d created, %d deleted, %d updated in place\n", c.Writes, c.Creates, c.Deletes, c.InPlace)
	fmt.Fprintf(&b, "time\t%s, with pods ready after %s and every approval given at once\n", short(c.Total), c.Ready)
	fmt.Fprintf(&b, "expected\tat least %d pods available and at most %d pods, when none crashes\n", c.LeastAvailable, c.MostPods)
	if err := align(w, b.String()); err != nil {
		return err
	}
	return planBatches(w, o, c)
}

// align writes text whose cells end in tabs, in columns.
func align(w io.Writer, text string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if _, err := io.WriteString(t, text); err != nil {
		return fmt.Errorf("writing plan: %w", err)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("writing plan: %w", err)
	}
	return nil
}

func planBatches(w io.Writer, o rollout.Outline, c Cost) error {
	var table, warnings strings.Builder
	table.WriteString("\nBATCH\tUPDATED\tMORE\tOLD\tREADY IN\tDEADLINE\tTHEN\n")
	for i, b := range o.Batches {
		fmt.Fprintf(&table, "%d of %d\t%d of %d\t+%d\t%d\t%s\t%s\t%s\n", i+1, len(o.Batches), b.Updated, o.Bounds.Replicas, b.More, b.Old,
			short(c.Batches[i]), short(b.Limit), then(b, i == len(o.Batches)-1))
		if c.Batches[i] > b.Limit {
			fmt.Fprintf(&warnings, "warning: batch %d needs %s, but its deadline is %s: the release would fail\n", i+1, short(c.Batches[i]), short(b.Limit))
		}
	}
	for _, warning := range o.Warnings {
		fmt.Fprintf(&warnings, "warning: %s\n", warning)
	}
	if err := align(w, table.String()); err != nil {
		return err
	}
	if warnings.Len() == 0 {
		return nil
	}
	if _, err := io.WriteString(w, "\n"+warnings.String()); err != nil {
		return fmt.Errorf("writing plan: %w", err)
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
		steps = append(steps, "pause "+short(b.Pause.Duration))
	}
	if len(b.Checks) > 0 {
		steps = append(steps, "check "+strings.Join(b.Checks, ", "))
	}
	if b.Pause.UntilApproved {
		steps = append(steps, "wait for approval")
	}
	if b.Pause.Window != nil {
		steps = append(steps, "wait for "+b.Pause.Window.String())
	}
	if last {
		steps = append(steps, "done")
	} else {
		steps = append(steps, "next batch")
	}
	return strings.Join(steps, ", ")
}
