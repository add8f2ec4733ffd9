// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"slices"
	"testing"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// ordered is a StatefulSet and its controller: it makes pods from the lowest ordinal on, takes them away from the highest, and
// replaces those of the old revision from the partition on. Its pods are ready at once.
type ordered struct {
	observed Observed
	pods     []string // revisions by ordinal; "": the pod is missing
	written  []string // partitions
}

func newOrdered(replicas int) *ordered {
	s := &ordered{observed: look(plan.WorkloadSpec{
		Replicas: replicas, Partition: plan.Pods(replicas), Ordinal: true,
		MaxUnavailable: plan.Pods(1),
	})}
	s.observed.Workload.APIVersion, s.observed.Workload.Kind = "apps/v1", "StatefulSet"
	s.observed.Progress = Progress{}
	s.pods = slices.Repeat([]string{"old"}, replicas)
	return s
}

// control is one step of the controller. It tells whether there was anything to do.
func (s *ordered) control() bool {
	spec := s.observed.Workload.Spec
	from := spec.Partition.Up(spec.Replicas)
	for len(s.pods) < spec.Replicas {
		s.pods = append(s.pods, "")
	}
	if i := slices.Index(s.pods, ""); i >= 0 {
		s.pods[i] = map[bool]string{true: "new", false: "old"}[i >= from]
		return true
	}
	if len(s.pods) > spec.Replicas {
		s.pods = s.pods[:len(s.pods)-1]
		return true
	}
	for i := len(s.pods) - 1; i >= from; i-- {
		if s.pods[i] == "old" {
			s.pods[i] = ""
			return true
		}
	}
	return false
}

func (s *ordered) updated() int {
	n := 0
	for _, p := range s.pods {
		if p == "new" {
			n++
		}
	}
	return n
}

// decide takes one decision and carries it out.
func (s *ordered) decide(p plan.BatchPlan) Decision {
	n, all := s.updated(), 0
	for _, pod := range s.pods {
		if pod != "" {
			all++
		}
	}
	current := "old"
	if n == len(s.pods) {
		current = "new"
	}
	s.observed.Workload.Status = plan.WorkloadStatus{
		Replicas: all, ReadyReplicas: all, AvailableReplicas: all, UpdatedReplicas: n, UpdatedReadyReplicas: n,
		UpdatedAvailableReplicas: n,
		CurrentRevision:          current, UpdateRevision: "new",
	}
	d := Decide(p, s.observed)
	for _, a := range d.Actions {
		switch a.Kind {
		case RecordProgress:
			s.observed.Progress = *a.Progress
		case SetPartition:
			s.observed.Workload.Spec.Partition, s.observed.Wrote = a.Partition, &a.Partition
			s.written = append(s.written, a.Partition.String())
		default:
			panic(a.String())
		}
	}
	return d
}

// settle lets agent and controller work until neither has anything to do.
func (s *ordered) settle(p plan.BatchPlan) Decision {
	for range 200 {
		d := s.decide(p)
		if d.Ended() || len(d.Actions) == 0 && !s.control() {
			return d
		}
		s.control()
	}
	panic("it does not settle")
}

// TestScalingKeepsWhatWasApproved of a StatefulSet, whose partition is an ordinal: all pods that scaling adds are beyond it.
// What the controller makes before the agent has noted what it does, and done it, is updated; nothing else is. Every number of
// pods, batch, and new number, in every order of the two, with and without the loss of an updated pod, and an agent that begins
// anew at each step.
func TestScalingKeepsWhatWasApproved(t *testing.T) {
	for _, c := range scalings() {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			p := plan.BatchPlan{Mode: plan.Partition, Batches: []plan.Batch{
				{Replicas: plan.Pods(c.batch), Pause: plan.Pause{UntilApproved: true}},
				{Replicas: plan.Pods(c.batch + 1), Pause: plan.Pause{UntilApproved: true}},
				{Replicas: plan.Percent(100)},
			}}
			s := newOrdered(c.from)
			if d := s.settle(p); d.Reason != plan.AwaitingApproval || s.updated() != c.batch {
				t.Fatalf("before: %s: %s, %v", d.Reason, d.Message, s.pods)
			}
			s.observed.Workload.Spec.Replicas = c.to
			for range c.early {
				s.control()
			}
			if c.restart {
				s.observed.Wrote = nil
			}
			d := s.settle(p)
			if c.lost && s.updated() > 0 {
				s.pods[slices.Index(s.pods, "new")] = ""
				d = s.settle(p)
			}
			most := c.batch + max(min(c.early+1, c.to-c.from), 0) // it makes one more while the agent writes its note
			if n := s.updated(); d.Reason != plan.AwaitingApproval || n < c.batch || n > most {
				t.Fatalf("scaled: %s: %s, %v, want %d to %d updated, partitions %v", d.Reason, d.Message, s.pods, c.batch, most, s.written)
			}
			for i := range 2 {
				s.observed.Progress.Approved = i + 1
				d = s.settle(p)
			}
			if rest := s.observed.Workload.Spec.Partition; d.Reason != plan.Completed || s.updated() != c.to ||
				rest != plan.Pods(c.from) {
				t.Fatalf("in the end: %s: %s, %v, partitions %v", d.Reason, d.Message, s.pods, s.written)
			}
		})
	}
}

type scaling struct {
	from, batch, to int
	early           int // steps that the controller is ahead of the agent
	lost, restart   bool
}

func scalings() []scaling {
	var all []scaling
	for from := 2; from <= 5; from++ {
		for batch := 1; batch < from; batch++ {
			for to := batch + 1; to <= 8; to++ {
				for early := 0; early <= max(to-from, 0); early++ {
					for i := range 4 {
						all = append(all, scaling{from, batch, to, early, i&1 == 1, i&2 == 2})
					}
				}
			}
		}
	}
	return all
}
