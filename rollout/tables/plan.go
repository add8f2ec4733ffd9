// SPDX-License-Identifier: Apache-2.0

package tables

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout/outline"
	"github.com/slipway-dev/slipway/rollout/plan"
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
	Drains         int // taken out of service before that
	Resizes        int // writes for cpu and memory: a mark, and the amounts
	Readmits       int // put back
	Labels         int // pods whose labels or owner changed, for hooks and for those that stay
	Ready          string
	Ends           string // why the release would not reach its end; "": it does
}

// Plan writes a release before it runs, as a person reads it.
func Plan(w io.Writer, o outline.Release, c Cost) error {
	var b strings.Builder
	budget := o.Bounds
	if o.Unknown != "" {
		fmt.Fprintf(&b, "%s\t%s, a pod for each node, and only the cluster knows how many it has\nbudget\t%s\n", o.Kind, o.Set,
			o.Unknown)
	} else {
		fmt.Fprintf(&b, "%s\t%s, %d replicas\n", o.Kind, o.Set, budget.Replicas)
		fmt.Fprintf(&b, "budget\tmaxSurge %d, maxUnavailable %d: at least %d pods available and at most %d pods at any time\n",
			budget.MaxSurge, budget.MaxUnavailable, o.LeastAvailable(), o.MostPods())
	}
	fmt.Fprintf(&b, "change\t%s\n", o.Change)
	if o.Keep != "" {
		fmt.Fprintf(&b, "identity\t%s\n", o.Keep)
	}
	fmt.Fprintf(&b, "order\t%s\n", strings.Join(o.Order, "; "))
	if len(o.FailFast.Reasons) > 0 {
		fmt.Fprintf(&b, "fail fast\ta batch is %s, when more pods have it than may be unready\n", o.FailFast)
	}
	fmt.Fprintf(&b, "on failure\t%s\n", onFailure(o.OnFail))
	if o.By != "" {
		fmt.Fprintf(&b, "pods\treplaced by %s, %s\n", o.By, o.Lets)
	}
	switch {
	case c.Ends != "":
		fmt.Fprintf(&b, "time\tnot known: the release would end: %s\n", manifest.Printable(c.Ends))
	case o.Unknown != "":
		b.WriteString("time\tnot known: say how many nodes there are, with --nodes\n")
	case c.Batches == nil:
		b.WriteString("time\tnot known: only the release of a CloneSet, a Deployment or what has OnDelete can be simulated\n")
	default:
		fmt.Fprintf(&b, "writes\t%s\n", c.writes())
		fmt.Fprintf(&b, "time\t%s, with pods ready after %s and every approval given at once%s%s\n", outline.Short(c.Total), c.Ready,
			checksPass(o), windows(o))
		fmt.Fprintf(&b, "expected\tat least %d pods available and at most %d pods, when none crashes\n", c.LeastAvailable, c.MostPods)
	}
	if err := align(w, b.String()); err != nil {
		return err
	}
	if o.Unknown != "" {
		return planUnknown(w, o)
	}
	return planBatches(w, o, c)
}

// writes says how many writes on pods there are, and of which kinds they are.
func (c Cost) writes() string {
	all := c.Creates + c.Deletes + c.InPlace + c.Drains + c.Resizes + c.Readmits + c.Labels
	text := fmt.Sprintf("%d on pods: %d created, %d deleted, %d updated in place", all, c.Creates, c.Deletes, c.InPlace)
	for _, more := range []struct {
		n    int
		what string
	}{{c.Drains, "drained for it"}, {c.Resizes, "for cpu and memory"}, {c.Readmits, "readmitted"}, {c.Labels, "labelled"}} {
		if more.n > 0 {
			text += fmt.Sprintf(", %d %s", more.n, more.what)
		}
	}
	return text
}

// windows says that an estimate has no time of day, where that matters.
func windows(o outline.Release) string {
	for _, b := range o.Batches {
		if b.Pause.Window != nil {
			return "; waiting for time windows is not in it"
		}
	}
	return ""
}

// checksPass is what an estimate assumes of checks, where there are any.
func checksPass(o outline.Release) string {
	if slices.ContainsFunc(o.Batches, func(b outline.Batch) bool { return len(b.Checks) > 0 }) {
		return ", and every check assumed to pass"
	}
	return ""
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

// planUnknown writes the batches of a release whose number of pods only the cluster knows, as the plan has them.
func planUnknown(w io.Writer, o outline.Release) error {
	var table strings.Builder
	table.WriteString("\nBATCH\tUPDATED\tTHEN\n")
	for i, b := range o.Batches {
		updated := b.Written
		if b.Nodes != "" {
			updated = "all on nodes " + b.Nodes
		}
		fmt.Fprintf(&table, "%d of %d\t%s\t%s\n", i+1, len(o.Batches), updated, then(b, i == len(o.Batches)-1))
	}
	if err := align(w, table.String()); err != nil {
		return err
	}
	return warn(w, o.Warnings)
}

func planBatches(w io.Writer, o outline.Release, c Cost) error {
	var table strings.Builder
	var warnings []string
	selects := slices.ContainsFunc(o.Batches, func(b outline.Batch) bool { return b.Nodes != "" })
	table.WriteString("\nBATCH\tUPDATED\tMORE\tOLD\tREADY IN\tDEADLINE\t" + optional(selects, "NODES") + "THEN\n")
	for i, b := range o.Batches {
		needs := "-"
		if c.Batches != nil {
			needs = outline.Short(c.Batches[i])
		}
		fmt.Fprintf(&table, "%d of %d\t%d of %d\t+%d\t%d\t%s\t%s\t%s%s\n", i+1, len(o.Batches), b.Updated, o.Bounds.Replicas, b.More,
			b.Old,
			needs, outline.Short(b.Limit), optional(selects, cmp.Or(b.Nodes, "any")), then(b, i == len(o.Batches)-1))
		if c.Batches != nil && c.Batches[i] > b.Limit {
			warnings = append(warnings, fmt.Sprintf("batch %d needs %s, but its deadline is %s: the release would fail", i+1, needs,
				outline.Short(b.Limit)))
		}
	}
	if err := align(w, table.String()); err != nil {
		return err
	}
	return warn(w, append(warnings, o.Warnings...))
}

// optional is the cell of a column that not every table has.
func optional(has bool, cell string) string {
	if !has {
		return ""
	}
	return cell + "\t"
}

// warn writes warnings below a table.
func warn(w io.Writer, warnings []string) error {
	if len(warnings) == 0 {
		return nil
	}
	var text strings.Builder
	for _, said := range warnings {
		fmt.Fprintf(&text, "\nwarning: %s", manifest.Printable(said))
	}
	if _, err := io.WriteString(w, text.String()+"\n"); err != nil {
		return fmt.Errorf("writing plan: %w", err)
	}
	return nil
}

func onFailure(f plan.OnFailure) string {
	switch f {
	case plan.Rollback:
		return "roll back at once, within the same budget"
	case plan.RollbackInBatches:
		return "roll back batch by batch, within the same budget"
	default:
		return "stop and leave every pod as it is"
	}
}

// then is what happens when a batch is ready.
func then(b outline.Batch, last bool) string {
	var steps []string
	if b.Missing > 0 {
		steps = append(steps, fmt.Sprintf("tolerate %d unready", b.Missing))
	}
	if b.Pause.Duration > 0 {
		steps = append(steps, "pause "+outline.Short(b.Pause.Duration))
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
