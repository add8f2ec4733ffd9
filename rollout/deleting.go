// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/rollout/ondelete"
)

// deleteMode is a release in which slipway deletes pods, and a controller makes them anew by the present template. Which pods
// may go now is for package ondelete to say.
type deleteMode struct{ *release }

// look is what the rule knows of the target, and beside its pods those that were observed. What scaling down has condemned
// is none of them.
func (m deleteMode) look() (ondelete.Look, []*Pod) {
	spec := &m.observed.Workload.Spec
	l := ondelete.Look{
		Replicas: m.bounds.Replicas, Unavailable: m.bounds.MaxUnavailable, Ordered: spec.Ordinal && spec.Ordered, First: spec.FirstOrdinal,
		Astray: m.observed.Workload.Status.Astray, Serving: m.observed.Workload.Status.AvailableReplicas,
	}
	var pods []*Pod
	for i := range m.observed.Pods {
		p := &m.observed.Pods[i]
		seen := ondelete.Pod{New: p.Revision == m.observed.UpdateRevision, Available: p.Available(m.observed.Now, spec.MinReady), Place: p.Node + " " + p.Name}
		// One of the stable revision may get ready by itself.
		seen.Blocking = m.plan.Unblock || p.Revision != m.progress.Stable
		if spec.Ordinal {
			seen.Ordinal, _ = strconv.Atoi(p.Name[strings.LastIndexByte(p.Name, '-')+1:])
		}
		if condemned := spec.Ordinal && (seen.Ordinal < l.First || seen.Ordinal >= l.First+l.Replicas); p.Active() && !condemned {
			l.Pods, pods = append(l.Pods, seen), append(pods, p)
		}
	}
	return l, pods
}

// forward deletes old pods until as many are new as a batch has.
func (m deleteMode) forward(batch int) work {
	return m.toward(m.boundsAfter(batch).Wanted(), batch == len(m.targets)-1)
}

// toward is what the pods still need until so many are of the present template. Before its controller has seen the template a
// pod that is deleted would come back old.
func (m deleteMode) toward(wanted int, last bool) work {
	l, pods := m.look()
	c := l.Count()
	w := m.counted(c.New, c.AvailableNew, wanted)
	w.refused = m.strayed()
	healthy := max(wanted-w.healthy, 0) <= m.threshold(wanted) && (w.healthy > 0 || wanted == 0)
	w.whole = !w.behind && healthy && c.New >= wanted && c.Missing == 0 && (wanted < l.Replicas || c.Old == 0)
	w.ready = !w.behind && healthy && c.New >= wanted && (w.whole || !last)
	if m.progress.wasReady() {
		w.ready = w.stillHealthy(m.release, wanted)
	}
	if over := c.New - wanted; over > 0 {
		w.message += fmt.Sprintf("; %d more than the batch has came back new by themselves", over)
	}
	if c.Lost > 0 {
		w.message += fmt.Sprintf("; not counted: %d on nodes that are to have none now", c.Lost)
	}
	if w.behind {
		return w
	}
	deleted, why := ondelete.Next(l, wanted-c.New-c.Missing)
	for _, i := range deleted {
		w.actions = append(w.actions, Action{Kind: DeletePod, Pod: pods[i].ref(), Reason: "old"})
	}
	if len(deleted) == 0 && !w.ready && why != "" {
		w.message += "; " + why
	}
	return w
}

// strayed says what to do where the controller replaces pods by itself by now.
func (m deleteMode) strayed() string {
	if set := &m.observed.Workload; !set.Spec.OnDelete {
		return fmt.Sprintf("updateStrategy of %s is not OnDelete any more, so %s replaces its pods past the batches: write updateStrategy: {type: OnDelete}", set, set.KindOf().Controller)
	}
	return ""
}

// back puts the stable template back in one write, and then deletes the pods of the failed revision within the same bounds.
func (m deleteMode) back() work {
	b := m.boundsBack()
	w := m.toward(b.Wanted(), b.Partition == 0)
	switch {
	case w.behind:
	case !m.restored():
		w.message, w.ready = "the template is still "+m.observed.UpdateRevision, false
		w.actions = []Action{{Kind: RestoreTemplate, Revision: m.progress.Stable, ResourceVersion: m.observed.Workload.ResourceVersion, Reason: "rollback"}}
	case !m.progress.Restored:
		m.progress.Restored, w.ready = true, false
		w.actions = []Action{m.record()}
	}
	return w
}

// resting is nothing: no field of the target was written.
func (m deleteMode) resting() *Action { return nil }
