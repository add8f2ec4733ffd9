// SPDX-License-Identifier: Apache-2.0

package outline

import "github.com/slipway-dev/slipway/rollout/plan"

// Armed is the manifest of a target as the cluster has it once it is applied: a partition that Git leaves out stays as it is
// there, where the release before or rollout arm has put it.
func Armed(p plan.BatchPlan, cs plan.Workload, older *plan.Workload) plan.Workload {
	if older != nil && p.ModeOf(cs) == plan.Partition && cs.Rolling == nil && cs.Spec.Partition == plan.Pods(0) {
		cs.Spec.Partition = older.Spec.Partition
	}
	return cs
}

// warnUnarmed warns of a controller that updates pods as soon as the template is applied, before any release does. Of a CloneSet
// that is known from playing its release, which ends there; of what runs in the cluster nothing is known without older.
func (o *Release) warnUnarmed(p plan.BatchPlan, cs plan.Workload, older *plan.Workload) {
	if older == nil || p.ModeOf(cs) != plan.Partition || cs.Spec.Paused || cs.KindOf().Direct {
		return
	}
	held := func(w *plan.Workload) bool { return w.Rolling != nil && (w.Rolling.Paused || w.Rolling.Held()) }
	if cs.Rolling != nil {
		if !held(&cs) && !held(older) {
			o.warn("the %s is not paused, so %s rolls the new template out as soon as it is applied: let it rest at paused: true and "+
				"progressDeadlineSeconds: %d, or run slipway rollout arm before", o.Kind, o.By, plan.SentinelDeadline)
		}
		return
	}
	cs = Armed(p, cs, older)
	now := cs.Spec.Partition.Partition(o.Bounds.Replicas)
	if first := o.Batches[0]; o.Unknown != "" && cs.Spec.Partition == plan.Pods(0) ||
		o.Unknown == "" && now < o.Bounds.Replicas-first.Updated {
		o.warn("the partition is %s, so %s updates pods as soon as the template is applied, and the release would not begin: let "+
			"the partition rest at %s, or run slipway rollout arm before", cs.Spec.Partition, o.By, cs.KindOf().Everything())
	}
}
