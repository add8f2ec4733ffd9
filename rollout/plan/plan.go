// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// BatchPlan is a BatchPlan: how far a release goes in each batch, and when it must stop. The zero Plan follows the
// CloneSet's own strategy: one batch down to its partition.
type BatchPlan struct {
	Namespace string  `json:"namespace,omitempty"`
	Name      string  `json:"name,omitempty"`
	Target    Target  `json:"target,omitzero"`
	Waves     Waves   `json:"waves,omitzero"` // where the plan has several targets; Target is then empty
	Batches   []Batch `json:"batches,omitempty"`
	Checks    []Check `json:"checks,omitempty"`
	// updated pods that may be unavailable when a batch counts as ready; rounds down
	FailureThreshold Quantity      `json:"failureThreshold,omitzero"`
	ProgressDeadline time.Duration `json:"progressDeadline,omitzero"` // how long one batch may take to become ready; 0: see Limits
	FailFast         FailFast      `json:"failFast,omitzero"`         // when a batch is given up before that
	OnFailure        OnFailure     `json:"onFailure,omitempty"`
	// a pod of the old revision that its controller waits for may be deleted
	Unblock        bool           `json:"unblock,omitempty"`
	Notifications  []Notification `json:"notifications,omitempty"`
	MaxUnavailable Quantity       `json:"maxUnavailable,omitzero"` // in delete mode, where the target has no such field; 0: one
	Mode           Mode           `json:"mode,omitempty"`
}

// Mode says who replaces pods.
type Mode string

// In direct mode the agent writes pods itself; in partition mode a controller does and the agent steps the
// partition; in delete mode the agent deletes pods and a controller makes them anew. The zero Mode is Direct.
const (
	Direct    Mode = "Direct"
	Partition Mode = "Partition"
	Delete    Mode = "Delete"
)

// Controlled tells whether a controller makes the pods.
func (m Mode) Controlled() bool { return m == Partition || m == Delete }

// OnFailure says what happens when a batch fails its checks, its deadline or its failure threshold.
type OnFailure string

// Stop leaves every pod as it is. Rollback returns to the revision that the release started from: at once, or batch
// by batch in reverse order, each batch ready before the next. The zero value is Stop.
const (
	Stop              OnFailure = "Stop"
	Rollback          OnFailure = "Rollback"
	RollbackInBatches OnFailure = "RollbackInBatches"
)

// RollsBack tells whether a batch that fails sends the release back.
func (f OnFailure) RollsBack() bool { return f == Rollback || f == RollbackInBatches }

// ModeOf is the mode in which an object is released: the plan's, or where it has none that of the object's kind.
func (p BatchPlan) ModeOf(cs Workload) Mode {
	switch {
	case p.Mode != "":
		return p.Mode
	case cs.KindOf().Direct:
		return Direct
	case cs.Spec.OnDelete || cs.KindOf().Stepless:
		return Delete
	default:
		return Partition
	}
}

// Target names the object that is released. Namespace comes from the plan's own.
type Target struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind,omitempty"`
	Name       string `json:"name,omitempty"`
}

// Batch is one stage of a release. Replicas is cumulative: how many pods are updated after it.
type Batch struct {
	Replicas Quantity  `json:"replicas"`
	Nodes    *Selector `json:"nodes,omitempty"` // in place of Replicas: all pods on these nodes are updated after it
	Pause    Pause     `json:"pause,omitzero"`
	Checks   []string  `json:"checks,omitempty"` // names from Plan.Checks that must pass before the next batch
}

// Batch is the given batch (0-based); a plan without batches has one without gates.
func (p BatchPlan) Batch(i int) Batch {
	if i >= len(p.Batches) {
		return Batch{}
	}
	return p.Batches[i]
}

// Pause holds a release after a batch is ready.
type Pause struct {
	Duration      time.Duration `json:"duration,omitzero"`
	UntilApproved bool          `json:"untilApproved,omitempty"`
	Window        *Window       `json:"window,omitempty"` // the next batch begins only inside it; nil: at any time
}

// defaultDeadline is how long one round of maxSurge+maxUnavailable pods may take where nothing says otherwise.
const defaultDeadline = 10 * time.Minute

// Validate checks the plan against the CloneSet that it releases, where percentages become numbers of pods. What it
// returns is a mistake in the plan or the CloneSet, in words for the person who wrote them; where it is a field of the
// plan, a manifest.Finding, whose line Locate can find.
func (p BatchPlan) Validate(cs Workload) error {
	if _, err := p.Bounds(cs); err != nil {
		return err
	}
	if p.Target.Name != "" && (p.Target.Name != cs.Name || p.Target.Kind != cs.KindName()) {
		return mistake("spec.target.name", "%s %s is not what is released: %s %s", p.Target.Kind, p.Target.Name, cs.KindName(),
			cs.Name)
	}
	if p.Namespace != "" && cs.Namespace != "" && p.Namespace != cs.Namespace {
		return mistake("metadata.namespace", "%s is not the namespace of %s %s, which is in %s", p.Namespace, cs.KindName(), cs.Name,
			cs.Namespace)
	}
	previous, unknown := 0, cs.KindOf().Nodes && cs.UID == ""
	for i, b := range p.Batches {
		if b.Nodes != nil {
			continue // which pods they have is known in the cluster
		}
		field := fmt.Sprintf("spec.batches[%d].replicas", i)
		if !b.Replicas.IsPercent() && b.Replicas.Up(0) > cs.Spec.Replicas && !unknown {
			return mistake(field, "%s is more than the %s's %d replicas", b.Replicas, cs.KindName(), cs.Spec.Replicas)
		}
		n := b.Replicas.Updated(cs.Spec.Replicas)
		if n < previous {
			return mistake(field, "%s is %d of %d pods, fewer than the %d of the batch before: batches are cumulative",
				b.Replicas, n, cs.Spec.Replicas, previous)
		}
		previous = n
	}
	if cs.KindOf().BySurge && p.OnFailure == RollbackInBatches {
		return mistake("spec.onFailure", "RollbackInBatches is not for a %s, which goes back by its own rolling update, within the "+
			"same budget: use Rollback", cs.KindName())
	}
	if err := cmp.Or(validateMode(p, cs), validateUnknown(p, cs)); err != nil {
		return err
	}
	return validateChecks(p, cs)
}

// PartitionWarning says that a plan goes further than the partition that its target has, or "" where it does not. A partition
// that keeps every pod is how a target rests, and says nothing against a plan.
func (p BatchPlan) PartitionWarning(cs Workload) string {
	b, err := p.Bounds(cs)
	if err != nil || len(p.Batches) == 0 || b.Partition == 0 || b.Partition >= b.Replicas {
		return ""
	}
	targets := p.Targets(b)
	last := targets[len(targets)-1]
	if last <= b.Replicas-b.Partition {
		return ""
	}
	return fmt.Sprintf("%s has partition %s, which keeps %d of %d pods, and the plan updates %d: the plan decides; take the "+
		"partition out, or end the plan before it", cs, cs.Spec.Partition, b.Partition, b.Replicas, last)
}

// LaunchWarning says that containers of a target have priorities which only Kruise obeys, or "" where they have none, or where
// Kruise makes the pods.
func (p BatchPlan) LaunchWarning(cs Workload) string {
	if p.ModeOf(cs) != Direct {
		return ""
	}
	const annotation, env = "apps.kruise.io/container-launch-priority", "KRUISE_CONTAINER_PRIORITY"
	ordered := manifest.Value(cs.Spec.Template, "metadata", "annotations", annotation) != nil
	for _, c := range manifest.List(cs.Spec.Template, "spec", "containers") {
		for _, e := range manifest.List(c, "env") {
			ordered = ordered || manifest.String(e, "name") == env
		}
	}
	if !ordered {
		return ""
	}
	return fmt.Sprintf("%s gives its containers launch priorities (%s, or %s in their environment), which only Kruise obeys: in "+
		"direct mode they start, and change in place, all at once", cs, annotation, env)
}

// mistake is one whose place Locate finds.
func mistake(field, format string, args ...any) error {
	return mistakeAt(manifest.Source{}, field, format, args...)
}

// Targets are the numbers of updated pods after each batch, for a CloneSet with the given spec and bounds. A plan
// without batches has one, down to the spec's partition. They never shrink, also where scaling makes the absolute
// batches meet the percentages.
func (p BatchPlan) Targets(b Bounds) []int {
	if len(p.Batches) == 0 {
		return []int{b.Replicas - b.Partition}
	}
	targets := make([]int, len(p.Batches))
	for i, batch := range p.Batches {
		targets[i] = batch.Replicas.Updated(b.Replicas)
		if i > 0 {
			targets[i] = max(targets[i], targets[i-1])
		}
	}
	return targets
}

// Limit is how long one batch of the given number of pods may take. A batch without a limit would wait for ever, so
// where neither plan nor CloneSet has one it is defaultDeadline for each round of pods that may move together.
func (p BatchPlan) Limit(spec WorkloadSpec, b Bounds, pods int) time.Duration {
	switch {
	case p.ProgressDeadline > 0:
		return p.ProgressDeadline
	case spec.ProgressDeadline > 0:
		return spec.ProgressDeadline
	}
	together := max(b.MaxSurge+b.MaxUnavailable, 1)
	rounds := max((pods+together-1)/together, 1)
	if spec.UpdateType == InPlaceIfPossible && b.MaxSurge > 0 {
		rounds++ // the guests come first
	}
	return time.Duration(rounds) * (defaultDeadline + spec.MinReady)
}
