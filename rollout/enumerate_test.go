// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"github.com/slipway-dev/slipway/rollout/plan"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// configuration is one release to enumerate.
type configuration struct {
	plan    plan.BatchPlan
	spec    plan.WorkloadSpec
	crashes int
	marks   int
}

func (c configuration) String() string {
	return fmt.Sprintf("R=%d P=%s S=%s U=%s %s batches=%d crashes=%d deletions=%d", c.spec.Replicas, c.spec.Partition, c.spec.MaxSurge,
		c.spec.MaxUnavailable, c.spec.UpdateType, len(c.plan.Batches), c.crashes, c.marks)
}

// configurations are all with up to the given replicas and bounds.
func configurations(replicas, bound, crashes, marks int) []configuration {
	var all []configuration
	for r := 1; r <= replicas; r++ {
		for p := 0; p <= r; p++ {
			for s := 0; s <= bound; s++ {
				for u := 0; u <= bound; u++ {
					for _, t := range []plan.UpdateType{plan.ReCreate, plan.InPlaceIfPossible} {
						spec := plan.WorkloadSpec{Replicas: r, Partition: plan.Pods(p), MaxSurge: plan.Pods(s), MaxUnavailable: plan.Pods(u), UpdateType: t}
						if _, err := spec.Bounds(); err == nil {
							all = append(all, configuration{spec: spec, crashes: crashes, marks: marks})
						}
					}
				}
			}
		}
	}
	return all
}

// enumerate searches the configurations on all processors and returns how many worlds were visited, and the first
// violation with its configuration.
func enumerate(r rule, all []configuration) (worlds, decisions int, err error) {
	var next, seen, decided atomic.Int64
	var once sync.Once
	var failed atomic.Bool
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(all) && !failed.Load(); i = next.Add(1) - 1 {
				c := all[i]
				s := newSearch(r, c.plan, c.spec, c.crashes, c.marks)
				if e := s.run(); e != nil {
					failed.Store(true)
					once.Do(func() { err = fmt.Errorf("%v: %w", c, e) })
				}
				seen.Add(int64(len(s.colours)))
				decided.Add(int64(s.decided))
			}
		})
	}
	group.Wait()
	return int(seen.Load()), int(decided.Load()), err
}

func TestEveryReachableWorldKeepsTheInvariants(t *testing.T) {
	all := configurations(6, 3, 2, 0)
	all = append(all, configurations(4, 2, 1, 1)...)
	for _, c := range configurations(4, 2, 1, 0) {
		c.plan = plan.BatchPlan{Batches: []plan.Batch{{Replicas: plan.Pods(1)}, {Replicas: plan.Percent(50)}, {Replicas: plan.Percent(100)}}}
		if c.plan.Validate(plan.Workload{Spec: c.spec}) == nil {
			all = append(all, c)
		}
	}
	if testing.Short() || raceDetector {
		all = configurations(4, 2, 2, 0)
	}
	worlds, decisions, err := enumerate(budgetRule(), all)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d configurations, %d worlds, %d decisions", len(all), worlds, decisions)
	if worlds < 30_000 {
		t.Errorf("only %d worlds were visited", worlds)
	}
}
