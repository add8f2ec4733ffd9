// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"maps"
	"slices"
)

// ParseMode is the mode that a flag names, such as partition; "" where the word is none.
func ParseMode(word string) Mode {
	return map[string]Mode{"direct": Direct, "partition": Partition, "delete": Delete}[word]
}

// readMode is the plan's mode, or that of the kind where the plan leaves it out. It stays open where the object has to say it.
func readMode(v value, p BatchPlan) Mode {
	var mode Mode
	if v.Present() {
		mode = Mode(v.oneOf(string(Direct), string(Partition), string(Delete)))
	}
	for _, t := range targets(p) {
		k, known := KindOf(t.APIVersion, t.Kind)
		if own := k.mode(); known && mode != "" && !k.takes(mode) {
			v.fail("%s", k.refusal(mode))
			return own
		} else if known && !k.Direct && mode == "" && len(p.Waves.Targets) == 0 {
			return own
		}
	}
	return mode
}

// ModeFor is the plan's mode, or that of a kind; "" where only an object can tell.
func (p BatchPlan) ModeFor(k Kind) Mode { return cmp.Or(p.Mode, k.mode()) }

// InMode is the plan with the mode in which an object is released, where it leaves that open and a controller makes the pods.
func (p BatchPlan) InMode(cs Workload) BatchPlan {
	if mode := p.ModeOf(cs); mode.Controlled() {
		p.Mode = mode
	}
	return p
}

// mode is the one in which a kind is released, or "" where its objects differ in that.
func (k Kind) mode() Mode {
	switch {
	case k.Direct:
		return Direct
	case k.Stepless:
		return Delete
	case k.Deletes:
		return ""
	default:
		return Partition
	}
}

// takes tells whether a kind can be released in a mode.
func (k Kind) takes(mode Mode) bool {
	return mode == Direct && k.Direct || mode == Partition && !k.Stepless || mode == Delete && k.Deletes
}

// Instead is the mode for who has named one that is not for the kind.
func (k Kind) Instead() Mode { return cmp.Or(k.mode(), Partition) }

// refusal says why a kind is not released in a mode.
func (k Kind) refusal(mode Mode) string {
	var why string
	switch mode {
	case Partition:
		why = "a " + k.Name + " of " + k.APIVersion + " has no partition"
	case Delete:
		why = "Delete is for a DaemonSet or a StatefulSet of " + appsV1 + " with updateStrategy OnDelete"
	default:
		why = "Direct replaces the pods of a CloneSet; those of a " + k.Name + " are replaced by " + k.Controller
	}
	return why + ": write " + string(k.Instead())
}

// validateMode refuses a mode that an object's own strategy would work against.
func validateMode(p BatchPlan, cs Workload) error {
	switch k := cs.KindOf(); {
	case p.Mode == Delete && !k.Deletes:
		return mistake("spec.mode", "%s", k.refusal(Delete))
	case p.Mode == Delete && !cs.Spec.OnDelete:
		return mistake("spec.mode", "Delete is for updateStrategy OnDelete, and that of %s is RollingUpdate, with which %s replaces "+
			"pods by itself: write updateStrategy: {type: OnDelete} there, or mode: Partition here", cs, k.Controller)
	case p.Mode == Partition && cs.Spec.OnDelete:
		return mistake("spec.mode", "Partition is for updateStrategy RollingUpdate, and that of %s is OnDelete, which has no "+
			"partition: write RollingUpdate there, or mode: Delete here", cs)
	default:
		return nil
	}
}

// readMaxUnavailable is how many pods may be unavailable where no field of the target says that.
func readMaxUnavailable(v value, p BatchPlan) Quantity {
	if !v.Present() {
		return Quantity{}
	}
	for _, t := range targets(p) {
		if k, known := KindOf(t.APIVersion, t.Kind); known && !k.Deletes {
			v.fail("is a field of the %s itself, below spec.%s: write it there", t.Kind, k.Strategy[0])
			break
		}
	}
	q := v.quantity(Pods(1), 100)
	if q == Pods(0) || q == Percent(0) {
		v.fail("0 would never let a pod be deleted")
	}
	return q
}

// refuseNodes refuses nodes in a batch of what is not released by node.
func refuseNodes(v value, p BatchPlan) {
	for _, t := range targets(p) {
		if k, known := KindOf(t.APIVersion, t.Kind); known && (!k.Nodes || !k.Deletes) {
			v.fail("is for a DaemonSet of %s, whose pods the release deletes itself: write replicas for a %s of %s", appsV1, t.Kind,
				t.APIVersion)
			break
		}
	}
}

// NodeLabels are the keys of the labels by which batches select nodes; nil where none does.
func (p BatchPlan) NodeLabels() []string {
	var keys []string
	for _, b := range p.Batches {
		if b.Nodes == nil {
			continue
		}
		keys = append(slices.AppendSeq(keys, maps.Keys(b.Nodes.Labels)), "")
		for _, e := range b.Nodes.Expressions {
			keys = append(keys, e.Key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
