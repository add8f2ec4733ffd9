// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout/plan"
)

// deletions are the names of the pods that a decision deletes, in order.
func deletions(d Decision) string {
	var names []string
	for _, a := range d.Actions {
		if a.Kind == DeletePod {
			names = append(names, a.Pod.Name)
		}
	}
	return strings.Join(names, " ")
}

// named are available pods of a revision with the given names.
func named(revision, names string, change func(*Pod)) []Pod {
	var pods []Pod
	for _, name := range strings.Fields(names) {
		p := newUp.pod(name)
		p.Revision = revision
		if change != nil {
			change(&p)
		}
		pods = append(pods, p)
	}
	return pods
}

func TestScaleInFollowsDeletionOrder(t *testing.T) {
	earlier := testEpoch().Add(-time.Hour)
	for _, c := range []struct {
		rule   string
		change func(*Pod) // makes pod b the first to go
	}{
		{"no node", func(p *Pod) { p.Node = "" }},
		{"pending", func(p *Pod) { p.Phase = PodPending }},
		{"unknown", func(p *Pod) { p.Phase = PodUnknown }},
		{"not ready", func(p *Pod) { p.Ready = false }},
		{"not available", func(p *Pod) { p.Lifecycle = PreparingNormal }},
		{"lower deletion cost", func(p *Pod) { p.DeletionCost = -5 }},
		{"ready for a shorter time", func(p *Pod) { p.ReadySince = earlier.Add(time.Minute) }},
		{"more restarts", func(p *Pod) { p.Restarts = 3 }},
		{"newer", func(p *Pod) { p.Created = earlier.Add(time.Minute) }},
	} {
		t.Run(c.rule, func(t *testing.T) {
			o := look(plan.WorkloadSpec{Replicas: 2, MaxUnavailable: plan.Pods(1)})
			o.Pods = named("new", "a b c", func(p *Pod) {
				p.ReadySince, p.Created = earlier, earlier
				if p.Name == "b" {
					c.change(p)
				}
			})
			if got := deletions(Decide(plan.BatchPlan{}, o)); got != "b" {
				t.Errorf("deletes %q first, want b", got)
			}
		})
	}
}

func TestScaleInThinsOutTheMostCrowdedDomain(t *testing.T) {
	o := look(plan.WorkloadSpec{Replicas: 3, MaxUnavailable: plan.Pods(1)})
	o.Pods = named("new", "a b c d", func(p *Pod) { p.Node = "crowded" })
	o.Pods[1].Domain = "elsewhere"
	o.Pods[3].Domain = "elsewhere too"
	if got := deletions(Decide(plan.BatchPlan{}, o)); got != "a" {
		t.Errorf("deletes %q, want a: two pods share its node", got)
	}
}

func TestUpdateFollowsPriority(t *testing.T) {
	spec := plan.WorkloadSpec{Replicas: 4, MaxUnavailable: plan.Pods(4)}
	zone := func(p *Pod) {
		p.Labels = map[string]string{
			"zone":   map[string]string{"a": "z1", "b": "z10", "c": "z2", "d": ""}[p.Name],
			"canary": strconv.FormatBool(p.Name == "c"),
		}
	}
	keys := spec
	keys.Priority.Keys = []string{"zone"}
	o := look(keys)
	o.Pods = named("old", "a b c d", zone)
	if got := deletions(Decide(plan.BatchPlan{}, o)); got != "b c a d" {
		t.Errorf("by key %s, want b c a d: z10, z2, z1, none", got)
	}
	weights := spec
	weights.Priority.Weights = []plan.WeightTerm{
		{Weight: 10, Selector: plan.Selector{Labels: map[string]string{"canary": "true"}}},
		{Weight: 5, Selector: plan.Selector{Expressions: []plan.Requirement{
			{Key: "zone", Operator: "In", Values: []string{"z1", "z10"}},
		}}},
	}
	o = look(weights)
	o.Pods = named("old", "a b c d", zone)
	if got := deletions(Decide(plan.BatchPlan{}, o)); got != "c a b d" {
		t.Errorf("by weight %s, want c a b d", got)
	}
	o.Pods[3].Ready = false
	if got := deletions(Decide(plan.BatchPlan{}, o)); got != "d c a b" {
		t.Errorf("with d not ready %s, want d c a b", got)
	}
}

func TestScatterSpreadsOverTheWholeRelease(t *testing.T) {
	spec := plan.WorkloadSpec{Replicas: 9, MaxUnavailable: plan.Pods(1), Scatter: []plan.ScatterTerm{{Key: "zone", Value: "rare"}}}
	o := look(spec)
	o.Pods = named("old", "a b c d e f g h i", func(p *Pod) {
		p.Labels = map[string]string{"zone": choose(p.Name <= "c", "rare", "common")}
	})
	var order []string
	for range 9 {
		name := deletions(Decide(plan.BatchPlan{}, o))
		order = append(order, name)
		i := slices.IndexFunc(o.Pods, func(p Pod) bool { return p.Name == name })
		o.Pods[i].Revision = "new"
	}
	if got := strings.Join(order, " "); got != "a d e b f g c h i" {
		t.Errorf("one after another %s, want every third one to be rare", got)
	}
}

func TestPodsToDeleteAreMarked(t *testing.T) {
	spec := plan.WorkloadSpec{Replicas: 3, MaxUnavailable: plan.Pods(1), PodsToDelete: []string{"b", "gone"}}
	o := look(spec)
	o.Pods = named("new", "a b c", nil)
	expect(t, Decide(plan.BatchPlan{}, o), "DeletePod b")
}

func TestScaleStrategyCapsCreation(t *testing.T) {
	limit := plan.Pods(2)
	spec := plan.WorkloadSpec{Replicas: 9, MaxUnavailable: plan.Pods(1), ScaleMaxUnavailable: &limit}
	expect(t, Decide(plan.BatchPlan{}, look(spec, newUp, newDown)), "create new")
}

func TestPreDeleteIsCancelledWhenThePodIsNeededAgain(t *testing.T) {
	spec := plan.WorkloadSpec{Replicas: 2, MaxUnavailable: plan.Pods(1)}
	spec.Lifecycle.PreDelete = plan.Hook{Finalizers: []string{"hook"}}
	o := look(spec)
	o.Pods = named("new", "a b", func(p *Pod) { p.Finalizers = []string{"hook"} })
	o.Pods[1].Lifecycle = PreparingDelete
	expect(t, Decide(plan.BatchPlan{}, o), "set b Normal")
}

func TestClaimsAreTakenOver(t *testing.T) {
	spec := plan.WorkloadSpec{Replicas: 2, MaxUnavailable: plan.Pods(1), HasClaims: true, ReuseClaims: true}
	o := look(spec, newUp)
	o.FreeInstances = []string{o.Pods[0].Instance, "x7k2p"}
	if a := Decide(plan.BatchPlan{}, o).Actions[0]; a.Instance != "x7k2p" || a.Pod.Name != "demo-x7k2p" {
		t.Errorf("%+v", a)
	}
}
