// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"slices"
	"testing"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// mutations are seeded mistakes, each in one piece of the rule. An enumeration that lets one of them pass proves nothing.
func mutations() map[string]func(*rule) {
	return map[string]func(*rule){
		"creates one pod above the surge": func(r *rule) {
			r.createNew = func(b plan.Bounds, c counts) bool {
				return c.total <= b.Replicas+b.MaxSurge && c.new < b.Wanted()
			}
		},
		"creates one updated pod too many": func(r *rule) {
			r.createNew = func(b plan.Bounds, c counts) bool {
				return c.total < b.Replicas+b.MaxSurge && c.new <= b.Wanted()
			}
		},
		"takes one available pod too many": func(r *rule) {
			r.removeAvailable = func(b plan.Bounds, c counts) bool { return c.surplusOld(b) > 0 && c.ready >= b.Least() }
		},
		"deletes unavailable old pods without a bound": func(r *rule) {
			r.removeUnavailable = func(b plan.Bounds, c counts) bool { return c.surplusOld(b) > 0 }
		},
		"goes below the partition": func(r *rule) {
			r.removeAvailable = func(b plan.Bounds, c counts) bool {
				return c.old >= b.Partition && c.old > 0 && c.ready-1 >= b.Least() && c.kept-1 >= b.Least()
			}
		},
		"counts pods marked for deletion as available": func(r *rule) {
			r.available = func(p podClass) bool { return p.has(classAvailable) }
		},
		"updates one pod too many in place": func(r *rule) {
			r.updateAvailable = func(b plan.Bounds, c counts) bool {
				return c.surplusOld(b) > 0 && c.new < b.Wanted() && c.ready >= b.Least()
			}
		},
		"updates every broken pod at once": func(r *rule) {
			r.createNew = func(b plan.Bounds, c counts) bool {
				return c.total < b.Replicas+b.MaxSurge && c.new < b.Wanted() && c.updating <= b.MaxSurge
			}
		},
		"never replaces a lost old pod": func(r *rule) {
			r.createOld = func(plan.Bounds, counts) bool { return false }
		},
		"creates old pods above the partition": func(r *rule) {
			r.createOld = func(b plan.Bounds, c counts) bool { return c.total < b.Replicas+b.MaxSurge && c.old <= b.Partition }
		},
		"never deletes what it was asked to": func(r *rule) {
			r.dropUnavailable = func(plan.Bounds, counts) bool { return false }
			r.dropAvailable = r.dropUnavailable
		},
		"deletes what it was asked to without a bound": func(r *rule) {
			r.dropAvailable = func(plan.Bounds, counts) bool { return true }
		},
		"waits for all pods before taking one": func(r *rule) {
			r.removeAvailable = func(b plan.Bounds, c counts) bool {
				return c.surplusOld(b) > 0 && c.ready-1 >= b.Replicas && c.kept-1 >= b.Least()
			}
		},
		"creates pods for good beside those that are updated in place": func(r *rule) {
			r.createNew = func(b plan.Bounds, c counts) bool {
				return c.total < b.Replicas+b.MaxSurge && c.new < b.Wanted() && c.updating < b.MaxUnavailable+b.MaxSurge
			}
		},
		"invites one guest too many": func(r *rule) {
			r.inviteGuest = func(b plan.Bounds, c counts) bool {
				return c.total < b.Replicas+b.MaxSurge && c.guests <= min(b.MaxSurge, c.coming)
			}
		},
		"invites guests for pods that stay": func(r *rule) {
			r.inviteGuest = func(b plan.Bounds, c counts) bool {
				return c.total < b.Replicas+b.MaxSurge && c.guests < b.MaxSurge && c.coming > 0
			}
		},
		"invites guests above the surge": func(r *rule) {
			r.inviteGuest = func(b plan.Bounds, c counts) bool {
				return c.total <= b.Replicas+b.MaxSurge && c.guests < min(b.MaxSurge, c.coming)
			}
		},
		"invites no guest": func(r *rule) {
			r.inviteGuest = func(plan.Bounds, counts) bool { return false }
		},
		"keeps every guest": func(r *rule) {
			r.keepGuest = func(b plan.Bounds, c counts) bool { return c.new < b.Wanted() }
		},
		"keeps no guest": func(r *rule) {
			r.keepGuest = func(plan.Bounds, counts) bool { return false }
		},
		"lets no guest leave": func(r *rule) {
			r.leaveAvailable = func(plan.Bounds, counts) bool { return false }
		},
		"lets guests leave below the budget": func(r *rule) {
			r.leaveAvailable = func(_ plan.Bounds, c counts) bool { return c.ahead == 0 }
		},
		"lets guests leave before the updated pods are ready": func(r *rule) {
			r.leaveAvailable = func(b plan.Bounds, c counts) bool { return c.ahead == 0 && c.ready-1 >= b.Least() }
		},
		"lets guests leave before the last pod is updated": func(r *rule) {
			r.leaveAvailable = func(b plan.Bounds, c counts) bool { return c.updating == 0 && c.ready-1 >= b.Least() }
		},
		"deletes broken guests without a bound": func(r *rule) {
			r.leaveUnavailable = func(plan.Bounds, counts) bool { return true }
		},
		"counts pods that are not ready as available": func(r *rule) {
			r.available = func(p podClass) bool { return !p.has(classMarked) }
		},
	}
}

func TestSeededMistakesAreCaught(t *testing.T) {
	all := slices.Concat(configurations(3, 2, 2, 0), batched(2), configurations(3, 2, 1, 1))
	for name, mutate := range mutations() {
		t.Run(name, func(t *testing.T) {
			r := budgetRule()
			mutate(&r)
			if _, _, err := enumerate(r, all); err != nil {
				t.Log(err)
			} else {
				t.Error("the enumeration did not notice")
			}
		})
	}
}

func TestWrongRoundingIsCaught(t *testing.T) {
	// The search takes its bounds from the specification; a decision that rounds otherwise must break them. Here the
	// release believes in bounds rounded the wrong way, and the search knows the right ones.
	for _, c := range []struct {
		name  string
		right plan.WorkloadSpec
		wrong plan.WorkloadSpec
	}{
		{
			"partition down",
			plan.WorkloadSpec{Replicas: 5, Partition: plan.Percent(50), MaxUnavailable: plan.Pods(1)},
			plan.WorkloadSpec{Replicas: 5, Partition: plan.Pods(plan.Percent(50).Down(5)), MaxUnavailable: plan.Pods(1)},
		},
		{
			"maxUnavailable up beside a surge",
			plan.WorkloadSpec{Replicas: 5, MaxSurge: plan.Pods(1), MaxUnavailable: plan.Percent(10)},
			plan.WorkloadSpec{Replicas: 5, MaxSurge: plan.Pods(1), MaxUnavailable: plan.Pods(plan.Percent(10).Up(5))},
		},
		{
			"maxSurge twice",
			plan.WorkloadSpec{Replicas: 5, MaxSurge: plan.Percent(30), MaxUnavailable: plan.Pods(0)},
			plan.WorkloadSpec{Replicas: 5, MaxSurge: plan.Pods(plan.Percent(30).Up(5) + 1), MaxUnavailable: plan.Pods(0)},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSearch(budgetRule(), plan.BatchPlan{}, c.right, 1, 0, 0)
			s.observed.Workload.Spec = c.wrong
			if err := s.run(); err != nil {
				t.Log(err)
			} else {
				t.Error("the enumeration did not notice")
			}
		})
	}
}
