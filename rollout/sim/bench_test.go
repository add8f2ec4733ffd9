// SPDX-License-Identifier: Apache-2.0

package sim_test

import (
	"fmt"
	"testing"

	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/sim"
)

func BenchmarkSimulate(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		for _, kind := range []plan.UpdateType{plan.ReCreate, plan.InPlaceIfPossible} {
			b.Run(fmt.Sprintf("%s/%d", kind, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					s := set(n, plan.Percent(10), plan.Percent(20), plan.Pods(0), kind)
					c := sim.New(s, nil, sim.Options{Ready: seconds(5, 30)})
					d, err := sim.Play(b.Context(), plan.BatchPlan{}, c, nil)
					if err != nil || d.Reason != plan.Completed {
						b.Fatalf("%v %v", d.Reason, err)
					}
				}
			})
		}
	}
}
