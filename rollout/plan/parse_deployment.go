// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"math"
	"time"
)

// readDeployment reads what a release needs of a Deployment. Whether it is paused says nothing to a release: a Deployment that
// is released in batches rests paused.
func readDeployment(spec value, cs *Workload) {
	if !spec.mapping() {
		return
	}
	strategy := spec.get("strategy")
	if kind := strategy.get("type"); kind.scalarOr("") == "Recreate" {
		kind.fail("Recreate stops every pod before the first new one starts, so there are no batches: use RollingUpdate")
	}
	at := spec.below(cs.KindOf().Strategy)
	r := &Rolling{
		Paused:         spec.get("paused").Bool(),
		MinReady:       spec.get("minReadySeconds").number(0, 0, math.MaxInt32),
		Deadline:       spec.get("progressDeadlineSeconds").number(600, 0, math.MaxInt32),
		MaxSurge:       at.get("maxSurge").quantity(Percent(25), 0),
		MaxUnavailable: at.get("maxUnavailable").quantity(Percent(25), 100),
	}
	cs.Rolling = r
	cs.Spec = WorkloadSpec{
		Replicas: spec.get("replicas").number(1, 0, MaxPods), Selector: readSelector(spec.get("selector")),
		MaxSurge: r.MaxSurge, MaxUnavailable: r.MaxUnavailable, RoundsDown: true, UpdateType: ReCreate,
	}
	if !r.Held() {
		cs.Spec.MinReady, cs.Spec.ProgressDeadline = time.Duration(r.MinReady)*time.Second, deadlineOf(r.Deadline)
	}
	readTemplate(spec, &cs.Spec)
}
