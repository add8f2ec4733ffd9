// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// Audit writes an audit log. It is not safe for concurrent use.
type Audit struct {
	out         io.Writer
	plan        *plan.BatchPlan // until it is written
	cluster     string
	set         []byte // as it was written last
	revisions   []byte
	nodes       []byte
	pods        map[string]*logged
	named       int // pods so far
	observation int
	lines       int // so far
	err         error
}

// NewAudit begins the log of a run of the plan.
func NewAudit(out io.Writer, p plan.BatchPlan) *Audit {
	return &Audit{out: out, plan: &p, pods: map[string]*logged{}}
}

// Cluster notes where the release runs, before its first line: an address, and no secret.
func (a *Audit) Cluster(words string) { a.cluster = words }

// Record adds a line. It fits rollout.Run's report; the first error is kept for Err.
func (a *Audit) Record(o rollout.Observed, d rollout.Decision) {
	if a.err == nil {
		a.err = a.record(o, d)
	}
}

// Measure adds a line with a measurement. The first error is kept for Err.
func (a *Audit) Measure(m plan.Measurement) {
	if a.err == nil {
		a.lines++
		a.err = a.write(measurementLine{m, a.lines})
	}
}

// Err is the first error of writing.
func (a *Audit) Err() error { return a.err }

func (a *Audit) record(o rollout.Observed, d rollout.Decision) error {
	a.lines++
	line := auditLine{
		Number: a.lines, Now: o.Now, Update: o.UpdateRevision, Stable: o.StableRevision, Free: o.FreeInstances, Sets: o.Sets,
		Stuck: o.Stuck, NoRoom: o.NoRoom,
		Refused: o.Refused, Wrote: o.Wrote, Resizes: o.Resizes, Checks: o.Checks, Progress: o.Progress,
	}
	if a.plan != nil {
		decided := a.plan.InMode(o.Workload)
		line.Plan, line.Version, line.Cluster, a.plan = &decided, logVersion, a.cluster, nil
	}
	if changed(&a.set, o.Workload) {
		line.Workload = &o.Workload
	}
	if changed(&a.revisions, o.Revisions) {
		line.Revisions = o.Revisions
	}
	if changed(&a.nodes, o.Nodes) {
		line.Nodes = o.Nodes
	}
	line.Groups, line.Left = a.difference(o.Pods, o.Workload.Name)
	line.Writes, d.Actions = foldWrites(d.Actions, o.Workload.Name, a.number), nil
	var err error
	if line.Decision, err = json.Marshal(d); err != nil {
		return fmt.Errorf("writing audit log: %w", err)
	}
	return a.write(line)
}

func (a *Audit) write(line any) error {
	data, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("writing audit log: %w", err)
	}
	if _, err := a.out.Write(append(data, '\n')); err != nil {
		return fmt.Errorf("writing audit log: %w", err)
	}
	return nil
}

// changed tells whether v is other than it was last, and keeps it. Values of a release always marshal.
func changed(last *[]byte, v any) bool {
	data, _ := json.Marshal(v)
	if bytes.Equal(*last, data) {
		return false
	}
	*last = data
	return true
}

// difference is what an observation changed: pods that are new or other than before, and those that are there no more.
func (a *Audit) difference(pods []rollout.Pod, workload string) (changed []podGroup, left numbers) {
	a.observation++
	g := groups{last: map[groupKey]int{}}
	for i := range pods {
		p := &pods[i]
		l := a.pods[p.Name]
		if l == nil {
			l = &logged{number: a.named}
			a.pods[p.Name] = l
			a.named++
		}
		l.observation = a.observation
		if !same(&l.pod, p) {
			g.add(member{l, p})
		}
	}
	for name, l := range a.pods {
		if l.observation != a.observation {
			delete(a.pods, name)
			left = append(left, l.number)
		}
	}
	slices.Sort(left)
	return g.written(workload), left
}

// number is that of a pod which the last line has as a write refers to it.
func (a *Audit) number(ref rollout.PodRef) (int, bool) {
	l := a.pods[ref.Name]
	if l == nil || l.pod.UID != ref.UID || l.pod.ResourceVersion != ref.ResourceVersion {
		return 0, false
	}
	return l.number, true
}

// same tells whether two looks at a pod saw the same. It is asked for every pod in every observation, which rules out to compare
// what would be written.
func same(a, b *rollout.Pod) bool {
	return a.ResourceVersion == b.ResourceVersion && a.UID == b.UID && a.Name == b.Name && a.Instance == b.Instance &&
		a.Revision == b.Revision && a.Node == b.Node && a.Domain == b.Domain && a.Phase == b.Phase && a.Lifecycle == b.Lifecycle &&
		a.Restarts == b.Restarts && a.DeletionCost == b.DeletionCost && a.Ready == b.Ready && a.Drained == b.Drained &&
		a.Pending == b.Pending && a.DeleteRequested == b.DeleteRequested && a.Terminating == b.Terminating && a.Guest == b.Guest &&
		a.Kept == b.Kept &&
		a.Created.Equal(b.Created) && a.ReadySince.Equal(b.ReadySince) && a.DrainedAt.Equal(b.DrainedAt) &&
		a.Waiting.Equal(b.Waiting) && slices.Equal(a.Finalizers, b.Finalizers) && maps.Equal(a.Labels, b.Labels)
}
