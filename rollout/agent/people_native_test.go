// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/manifests"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/steer"
)

// steered is a release of a kind of apps/v1 that people steer.
type steered struct {
	*world
	options agent.Options
	path    string
	plan    plan.BatchPlan
	image   func(tag string)
}

func steeredReleases() map[string]func(*testing.T) *steered {
	pauses := func(first plan.Batch) plan.BatchPlan {
		first.Pause.UntilApproved = true
		return plan.BatchPlan{OnFailure: plan.Rollback, Batches: []plan.Batch{
			first, {Replicas: plan.Pods(2), Pause: plan.Pause{UntilApproved: true}}, {Replicas: plan.Percent(100)},
		}}
	}
	return map[string]func(*testing.T) *steered{
		"DaemonSet by nodes": func(t *testing.T) *steered {
			d := newDaemons(t, 3, 1)
			canary := plan.Batch{Nodes: &plan.Selector{Labels: map[string]string{"pool": "canary"}}}
			return &steered{world: d.world, options: d.options(), path: d.daemonPath("demo"), plan: pauses(canary), image: d.image}
		},
		"StatefulSet with OnDelete": func(t *testing.T) *steered {
			w := newOnDelete(t, 3, "Parallel")
			return &steered{
				world: w, options: w.optionsOf("StatefulSet"), path: w.Path("statefulsets", "demo"),
				plan: pauses(plan.Batch{Replicas: plan.Pods(1)}), image: w.statefulImage,
			}
		},
		"Deployment": func(t *testing.T) *steered {
			w := newDeployment(t, 3, "1")
			return &steered{
				world: w, options: w.ofDeployment(), path: w.Path("deployments", "web"),
				plan: pauses(plan.Batch{Replicas: plan.Pods(1)}), image: w.deploymentImage,
			}
		},
	}
}

// person is somebody with exactly the rights that the help prints, and those for an undo after the release.
func (s *steered) person() *steer.Release {
	s.t.Helper()
	kind, _ := plan.KindOf("apps/v1", s.options.Kind)
	mode := plan.Delete
	if kind.BySurge {
		mode = plan.Partition
	}
	rules := agenttest.Rules(manifests.PeopleRules(kind, s.options.Name, mode, false))
	revisions := "controllerrevisions"
	if kind.BySurge {
		revisions = "replicasets"
	}
	rules = append(rules, kubetest.Rule{APIGroups: []string{"apps"}, Resources: []string{revisions}, Verbs: []string{"list"}},
		kubetest.Rule{
			APIGroups: []string{"apps"}, Resources: []string{kind.Resource}, Verbs: []string{"patch"},
			ResourceNames: []string{s.options.Name},
		})
	user := s.User(s.t, s.namespace, rules...)
	kubetest.Eventually(s.t, "the rights are known", func() (bool, string) {
		_, err := user.TryGet(s.path)
		return err == nil, fmt.Sprint(err)
	})
	options := s.options
	options.Config, options.Identity = agenttest.Config(s.t, user.Client), "somebody"
	v, err := steer.Open(person(options), &s.plan)
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

// TestPeopleSteerKindsOfKubernetes lets a batch pass, pauses and resumes, aborts, and undoes after the end, as a user with no
// more than the documented rights, and looks at the release each time.
func TestPeopleSteerKindsOfKubernetes(t *testing.T) {
	for name, begin := range steeredReleases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t)
			v := s.person()
			s.image("v2")
			agent := s.start(s.plan, s.options)
			agent.waitsIn(0)
			if seen := s.look(v); seen.Decision.Reason != plan.AwaitingApproval || !seen.Recorded() ||
				seen.Agent.Absent(time.Now()) != "" {
				t.Errorf("at the first rest it looks like %+v %+v", seen.Decision, seen.Agent)
			}
			s.ask(v, rollout.Request{Kind: rollout.Pause})
			agent.stands(plan.HeldByPerson)
			s.ask(v, rollout.Request{Kind: rollout.Approve, Batch: 0})
			if seen := s.look(v); seen.Decision.Reason != plan.HeldByPerson {
				t.Errorf("paused it looks like %+v", seen.Decision)
			}
			s.ask(v, rollout.Request{Kind: rollout.Resume})
			agent.waitsIn(1)
			s.ask(v, rollout.Request{Kind: rollout.Abort})
			agent.end(plan.RolledBack)
			if seen := s.look(v); seen.Decision.Reason != plan.RolledBack ||
				!strings.Contains(seen.Decision.Message, "aborted by system:serviceaccount:"+s.namespace) {
				t.Errorf("in the end it looks like %+v", seen.Decision)
			}
			s.runs(3, "v1")
			s.finishes(v)
		})
	}
}

// finishes releases once more, to the end, and turns that back.
func (s *steered) finishes(v *steer.Release) {
	s.t.Helper()
	s.image("v3")
	agent := s.start(s.plan, s.options)
	agent.waitsIn(0)
	s.ask(v, rollout.Request{Kind: rollout.Promote, All: true})
	agent.end(plan.Completed)
	s.runs(3, "v3")
	if a := s.ask(v, rollout.Request{Kind: rollout.Undo}); a.Restore == "" {
		s.t.Errorf("after the end: %+v", a)
	}
	s.plan.Batches = nil
	s.start(s.plan, s.options).end(plan.Completed)
	s.runs(3, "v1")
}
