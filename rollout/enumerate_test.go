// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// configuration is one release to enumerate.
type configuration struct {
	plan    plan.BatchPlan
	spec    plan.WorkloadSpec
	crashes int
	marks   int
	aborts  int
	resize  bool // cpu changes, and no image
}

func (c configuration) String() string {
	return fmt.Sprintf("R=%d P=%s S=%s U=%s %s batches=%d crashes=%d deletions=%d aborts=%d %s", c.spec.Replicas, c.spec.Partition,
		c.spec.MaxSurge,
		c.spec.MaxUnavailable, c.spec.UpdateType, len(c.plan.Batches), c.crashes, c.marks, c.aborts, c.plan.OnFailure)
}

// configurations are all with up to the given replicas and bounds.
func configurations(replicas, bound, crashes, marks int) []configuration {
	var all []configuration
	for r := 1; r <= replicas; r++ {
		for p := 0; p <= r; p++ {
			for s := 0; s <= bound; s++ {
				for u := 0; u <= bound; u++ {
					for _, t := range []plan.UpdateType{plan.ReCreate, plan.InPlaceIfPossible} {
						spec := plan.WorkloadSpec{
							Replicas: r, Partition: plan.Pods(p), MaxSurge: plan.Pods(s), MaxUnavailable: plan.Pods(u),
							UpdateType: t,
						}
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

// endings are releases in place that rest between batches for somebody's approval, and that somebody may abort, so that they
// end where they are or go back.
func endings(replicas int) []configuration {
	approval := plan.Pause{UntilApproved: true}
	var all []configuration
	for _, c := range configurations(replicas, 2, 1, 0) {
		if c.spec.UpdateType == plan.ReCreate {
			continue
		}
		for _, onFailure := range []plan.OnFailure{plan.Stop, plan.Rollback, plan.RollbackInBatches} {
			c.aborts = 1
			c.plan = plan.BatchPlan{OnFailure: onFailure, Batches: []plan.Batch{
				{Replicas: plan.Pods(1), Pause: approval}, {Replicas: plan.Percent(50)}, {Replicas: plan.Percent(100)},
			}}
			if c.plan.Validate(plan.Workload{Spec: c.spec}) == nil {
				all = append(all, c)
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
				s := newSearch(r, c.plan, c.spec, c.crashes, c.marks, c.aborts)
				if c.resize {
					s.resize, s.observed.Resizes, s.observed.Revisions = true, true, resizeTemplates()
				}
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
	replicas := choose(testing.Short() || raceDetector, 2, 3)
	t.Run("endings", func(t *testing.T) { visitAll(t, endings(replicas), 3_000) })
	t.Run("bounds", func(t *testing.T) { visitAll(t, bounded(), 30_000) })
	t.Run("resizes", func(t *testing.T) { visitAll(t, resizes(), 3_000) })
}

// resizes are releases that give pods other cpu in place.
func resizes() []configuration {
	all := slices.Concat(configurations(3, 2, 1, 1), endings(2), batched(3))
	all = slices.DeleteFunc(all, func(c configuration) bool { return c.spec.UpdateType == plan.ReCreate })
	for i := range all {
		all[i].resize = true
	}
	return all
}

// bounded are releases of every shape that nobody stops.
func bounded() []configuration {
	all := configurations(6, 3, 2, 0)
	all = append(all, configurations(4, 2, 1, 1)...)
	all = append(all, batched(4)...)
	if testing.Short() || raceDetector {
		all = append(configurations(4, 2, 2, 0), batched(2)...)
	}
	return all
}

// batched are releases whose batches follow one another at once.
func batched(replicas int) []configuration {
	var all []configuration
	for _, c := range configurations(replicas, 2, 1, 0) {
		c.plan = plan.BatchPlan{Batches: []plan.Batch{
			{Replicas: plan.Pods(1)},
			{Replicas: plan.Percent(50)},
			{Replicas: plan.Percent(100)},
		}}
		if c.plan.Validate(plan.Workload{Spec: c.spec}) == nil {
			all = append(all, c)
		}
	}
	return all
}

func visitAll(t *testing.T, all []configuration, least int) {
	t.Helper()
	worlds, decisions, err := enumerate(budgetRule(), all)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d configurations, %d worlds, %d decisions", len(all), worlds, decisions)
	if worlds < least {
		t.Errorf("only %d worlds were visited", worlds)
	}
}
