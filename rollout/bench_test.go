// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// crowd is a release of n pods half way: a tenth is updated and not ready yet, a third is updated.
func crowd(n int, spec plan.WorkloadSpec) Observed {
	spec.Replicas = n
	o := Observed{
		Now: testEpoch(), UpdateRevision: "new", StableRevision: "old", Revisions: testTemplates(),
		Workload: plan.Workload{Name: "demo", UID: "u", Spec: spec},
		Progress: Progress{Revision: "new", Stable: "old", Started: testEpoch()},
	}
	for i := range n {
		k := oldUp
		switch {
		case i%10 == 0:
			k = newDown
		case i%3 == 0:
			k = newUp
		}
		p := k.pod("demo-" + strconv.Itoa(i))
		p.Node = "node-" + strconv.Itoa(i%200)
		p.Created = testEpoch().Add(-time.Duration(i*7919%100_000) * time.Second)
		p.ReadySince = p.Created
		o.Pods = append(o.Pods, p)
	}
	return o
}

func BenchmarkDecide(b *testing.B) {
	spec := plan.WorkloadSpec{MaxSurge: plan.Percent(10), MaxUnavailable: plan.Percent(20)}
	for _, n := range []int{100, 1_000, 10_000, 100_000} {
		for _, t := range []plan.UpdateType{plan.ReCreate, plan.InPlaceIfPossible} {
			b.Run(fmt.Sprintf("%s/%d", t, n), func(b *testing.B) {
				spec.UpdateType = t
				o := crowd(n, spec)
				b.ReportAllocs()
				for b.Loop() {
					Decide(plan.BatchPlan{}, o)
				}
			})
		}
	}
}

func BenchmarkDecideScaleIn(b *testing.B) {
	o := crowd(10_000, plan.WorkloadSpec{MaxUnavailable: plan.Percent(20), Partition: plan.Percent(50)})
	for i := range o.Pods {
		o.Pods[i].Revision = "new"
	}
	o.Workload.Spec.Replicas = 8_000
	b.ReportAllocs()
	for b.Loop() {
		Decide(plan.BatchPlan{}, o)
	}
}
