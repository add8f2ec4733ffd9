// SPDX-License-Identifier: Apache-2.0

package tables

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/fn/manifest"
	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/outline"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/waiting"
)

// Status is one look at a release from outside. The JSON names are a contract with readers of the output.
type Status struct {
	Target   string          `json:"target"`             // "CloneSet shop/demo"
	Release  string          `json:"release,omitempty"`  // id; none where no release is recorded
	Revision string          `json:"revision,omitempty"` // that is released
	Stable   string          `json:"stable,omitempty"`   // that it started from
	State    plan.Reason     `json:"state"`
	Message  string          `json:"message"`
	Ended    bool            `json:"ended"`
	ExitCode int             `json:"exitCode"` // of the command that shows it
	Counts   *rollout.Counts `json:"counts,omitempty"`
	AsOf     time.Time       `json:"asOf,omitzero"`     // when the counts were written, where nobody keeps them fresh
	Waiting  []waiting.Group `json:"waiting,omitempty"` // why pods are not ready that the release waits for, and
	Pods     []waiting.Pod   `json:"pods,omitempty"`    // each of them
	Agent    any             `json:"agent,omitempty"`
	Steps    []StatusBatch   `json:"batches,omitempty"`
	People   []StatusRequest `json:"requests,omitempty"`
	Notes    []string        `json:"notes,omitempty"`

	AgentWords string `json:"-"`

	At time.Time `json:"-"` // when it was looked at
}

// StatusBatch is one batch of a plan and where it stands.
type StatusBatch struct {
	Updated int    `json:"updated"`         // updated pods after it, where it has a number
	Nodes   string `json:"nodes,omitempty"` // those that it selects
	Then    string `json:"then"`
	State   string `json:"state,omitempty"`
}

// StatusRequest is what somebody has asked of a release.
type StatusRequest struct {
	At        time.Time `json:"at"`
	Who       string    `json:"who"`
	Confirmed bool      `json:"confirmed"` // by the API server
	Asked     string    `json:"asked"`     // "pause", "approve batch 1"
	Why       string    `json:"why,omitempty"`
}

// NewStatus describes a look at a release; what only the caller knows is left for it to fill in.
func NewStatus(p plan.BatchPlan, o rollout.Observed, d rollout.Decision) Status {
	s := Status{
		Revision: o.Progress.Revision, Stable: o.Progress.Stable, State: d.Reason, Message: d.Message, Ended: d.Ended(),
	}
	s.At, s.Pods = o.Now, o.Holding()
	s.Waiting = waiting.Groups(s.Pods)
	for _, r := range o.Progress.Requests {
		s.People = append(s.People, StatusRequest{At: r.At.UTC(), Who: r.By, Confirmed: !r.Claimed, Asked: r.Words(), Why: r.Why})
	}
	b, err := o.Workload.Spec.Bounds()
	if err != nil || o.Progress.Revision == "" || o.Workload.Generation == 0 {
		return s
	}
	targets := p.Targets(b)
	for i, n := range targets {
		batch := outline.Batch{}
		if i < len(p.Batches) {
			batch.Pause, batch.Checks = p.Batches[i].Pause, p.Batches[i].Checks
		}
		nodes := ""
		if on := p.Batch(i).Nodes; on != nil {
			nodes = on.String()
		}
		s.Steps = append(s.Steps, StatusBatch{
			Updated: n, Nodes: nodes, Then: then(batch, i == len(targets)-1),
			State: standing(i, o.Progress),
		})
	}
	return s
}

// standing is where a batch stands, in words.
func standing(batch int, p rollout.Progress) string {
	at := ""
	if r, ok := p.Approval(batch); ok {
		at = ", approved " + r.String()
	} else if r, ok := p.Promotion(batch); ok {
		at = ", promoted " + r.String()
	}
	switch {
	case p.Back && (batch > p.Batch || p.Outcome == plan.RolledBack):
		return "rolled back"
	case p.Back && p.Outcome != "":
		return "ended on the way back"
	case p.Back:
		return "rolling back"
	case batch < p.Batch || p.Outcome == plan.Completed:
		return "done" + at
	case batch > p.Batch:
		return strings.TrimPrefix(at, ", ")
	case p.Outcome != "":
		return "ended here"
	case p.Ready.IsZero():
		return "updating since " + p.Started.UTC().Format(time.RFC3339) + at
	default:
		return "ready since " + p.Ready.UTC().Format(time.RFC3339) + at
	}
}

// JSON writes the status as one JSON object.
func (s Status) JSON(w io.Writer) error { return writeJSON(w, s) }

func writeJSON(w io.Writer, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("writing status: %w", err)
	}
	if _, err := w.Write(append(data, '\n')); err != nil {
		return fmt.Errorf("writing status: %w", err)
	}
	return nil
}

// Table writes the status as a person reads it.
func (s Status) Table(w io.Writer) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%s\t%s\n", name, manifest.Printable(fmt.Sprintf(format, args...)))
	}
	line("target", "%s", s.Target)
	line("state", "%s: %s", s.State, s.Message)
	if s.Release != "" {
		line("release", "%s, from revision %s to %s", s.Release, s.Stable, s.Revision)
	}
	if c := s.Counts; c != nil {
		asOf := ""
		if !s.AsOf.IsZero() {
			asOf = ", as of " + s.AsOf.UTC().Format(time.RFC3339)
		}
		line("pods", "%d desired, %d updated, %d updated and available, %d available, %d in all%s", c.Desired, c.Updated,
			c.UpdatedAvailable, c.Available, c.Total, asOf)
	}
	if s.AgentWords != "" {
		line("agent", "%s", s.AgentWords)
	}
	for _, n := range s.Notes {
		line("note", "%s", n)
	}
	if err := align(w, b.String()); err != nil {
		return err
	}
	return s.tables(w)
}

func (r StatusRequest) name() string {
	if !r.Confirmed {
		return r.Who + " (name not confirmed)"
	}
	return r.Who
}

func (s Status) tables(w io.Writer) error {
	var b strings.Builder
	if len(s.Steps) > 0 {
		b.WriteString("\nBATCH\tUPDATED\tTHEN\tSTATE\n")
	}
	for i, step := range s.Steps {
		updated := strconv.Itoa(step.Updated)
		if step.Nodes != "" {
			updated = "all on nodes " + step.Nodes
		}
		fmt.Fprintf(&b, "%d of %d\t%s\t%s\t%s\n", i+1, len(s.Steps), updated, step.Then, manifest.Printable(step.State))
	}
	if err := align(w, b.String()); err != nil {
		return err
	}
	b.Reset()
	s.podTable(&b)
	if err := align(w, b.String()); err != nil {
		return err
	}
	b.Reset()
	if len(s.People) > 0 {
		b.WriteString("\nWHEN\tWHO\tASKED\tWHY\n")
	}
	for _, r := range s.People {
		fmt.Fprintf(&b, "%s\t%s\t%s\t%s\n", r.At.Format(time.RFC3339), manifest.Printable(r.name()), r.Asked,
			manifest.Printable(r.Why))
	}
	return align(w, b.String())
}

// podLimit is how many pods a table has.
const podLimit = 20

// podTable has the pods that the release waits for, as kubectl get pods has them, with why.
func (s Status) podTable(b *strings.Builder) {
	if len(s.Pods) > 0 {
		b.WriteString("\nPOD\tSTATUS\tRESTARTS\tSINCE\tWHY\n")
	}
	for _, p := range s.Pods[:min(len(s.Pods), podLimit)] {
		since := "-"
		if !p.Since.IsZero() {
			since = waiting.Age(s.At.Sub(p.Since))
		}
		why := p.Details()
		if p.Reason != p.State {
			why = strings.TrimSuffix(p.Reason+": "+why, ": ")
		}
		fmt.Fprintf(b, "%s\t%s\t%d\t%s\t%s\n", manifest.Printable(p.Name), manifest.Printable(p.State), p.Restarts, since,
			manifest.Printable(why))
	}
	if more := len(s.Pods) - podLimit; more > 0 {
		fmt.Fprintf(b, "and %d more\n", more)
	}
}

// StatusTargets is how the targets of a plan stand, in the order in which they start.
type StatusTargets struct {
	Targets []StatusTarget `json:"targets"`
}

// StatusTarget is one of them.
type StatusTarget struct {
	Wave int `json:"wave"`
	Status
}

// JSON writes them as one JSON object.
func (t StatusTargets) JSON(w io.Writer) error { return writeJSON(w, t) }

// Table writes a line for each target.
func (t StatusTargets) Table(w io.Writer) error {
	var b strings.Builder
	b.WriteString("WAVE\tTARGET\tUPDATED\tSTATE\tMESSAGE\n")
	for _, s := range t.Targets {
		updated := "-"
		if s.Counts != nil {
			updated = fmt.Sprintf("%d of %d", s.Counts.Updated, s.Counts.Desired)
		}
		fmt.Fprintf(&b, "%d\t%s\t%s\t%s\t%s\n", s.Wave, manifest.Printable(s.Target), updated, s.State, manifest.Printable(s.Message))
	}
	return align(w, b.String())
}
