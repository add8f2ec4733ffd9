// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/manifests"
	"github.com/slipway-dev/slipway/rollout/plan"
	"github.com/slipway-dev/slipway/rollout/steer"
)

// updated is a release of pods that run already, with its mode and its rights, and somebody who looks at it.
type updated struct {
	*steered
	mode  plan.Mode
	rules []kubetest.Rule // of the Role that rollout job prints
	seen  func() *steer.Release
}

func updatedReleases() map[string]func(*testing.T) *updated {
	all := map[string]func(*testing.T) *updated{}
	for name, begin := range steeredReleases() {
		all[name] = func(t *testing.T) *updated {
			u := &updated{steered: begin(t), mode: plan.Delete}
			u.seen = u.person
			if u.options.Kind == "Deployment" {
				u.mode = plan.Partition
				u.Delete(t, u.Path("configmaps", "slipway-web.deployment")) // of the first release, which somebody else carried out
			}
			u.plan.Batches[0] = plan.Batch{Replicas: plan.Pods(1), Pause: plan.Pause{UntilApproved: true}} // nodes need a ClusterRole
			u.rules = u.role("apps/v1")
			return u
		}
	}
	all["CloneSet"] = func(t *testing.T) *updated {
		w := newWorld(t, agenttest.CloneSet(3, people))
		w.Release(plan.BatchPlan{}, plan.Completed)
		w.Delete(t, w.Path("configmaps", "slipway-demo"))
		u := &updated{mode: plan.Direct, steered: &steered{
			world: w, options: w.optionsOf("CloneSet"), path: w.Path("clonesets", "demo"), plan: approvals(), image: w.Image,
		}}
		u.plan.OnFailure = plan.Rollback
		u.seen = func() *steer.Release { return w.release(w.person(false).Client) }
		u.rules = u.role("apps.kruise.io/v1alpha1")
		return u
	}
	return all
}

func (u *updated) role(version string) []kubetest.Rule {
	o := manifests.Job{Mode: u.mode, DeleteMode: manifests.DeleteModeDelete}
	o.CloneSet.APIVersion, o.CloneSet.Kind, o.CloneSet.Name = version, u.options.Kind, u.options.Name
	o.CloneSet.Spec.UpdateType = plan.ReCreate
	return agenttest.Rules(o.Rules())
}

// requests are those of a user in the target's namespace, but for one that may be refused: whether an agent of an older version,
// which named its Lease by the target's UID, holds a lock. Elsewhere it asks whether a Kruise is alive, and may be refused, too.
func (u *updated) requests(user *kubetest.User) kubetest.Log {
	u.t.Helper()
	uid := fmt.Sprint(kubetest.Field(u.Get(u.t, u.path), "metadata", "uid"))
	return u.Requests(u.t, u.namespace).Where(func(r kubetest.Request) bool {
		return r.User == user.Name && (r.Resource != "leases" || !strings.Contains(r.Name, uid))
	})
}

// usedBy holds the requests of a user against rules: each verb of each is used for each name, and nothing was refused.
func usedBy(log kubetest.Log, rules []kubetest.Rule) (wrong []string) {
	for _, r := range log {
		if r.Code == http.StatusForbidden {
			wrong = append(wrong, "refused: "+r.Verb+" "+r.URI)
		}
	}
	for _, rule := range rules {
		names := rule.ResourceNames
		if names == nil {
			names = []string{""}
		}
		for _, verb := range rule.Verbs {
			for _, name := range names {
				used := slices.ContainsFunc(log, func(r kubetest.Request) bool {
					resource := r.Resource
					if r.Subresource != "" {
						resource += "/" + r.Subresource
					}
					return r.Verb == verb && resource == rule.Resources[0] && r.Group == rule.APIGroups[0] && (name == "" || r.Name == name)
				})
				if !used {
					wrong = append(wrong, fmt.Sprintf("never used: %s %s %s", verb, rule.Resources[0], name))
				}
			}
		}
	}
	return wrong
}

// TestRoleIsWhatReleasesUse updates, with approvals and an agent that ends at one and is followed by another, and goes back from
// pods that never get ready, with the rights of the Job's Role: nothing is refused, and there is no right that is not used.
// Somebody follows the release meanwhile to its end.
func TestRoleIsWhatReleasesUse(t *testing.T) {
	for name, begin := range updatedReleases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t)
			s.plan.Mode = s.mode
			user := s.User(t, s.namespace, s.rules...)
			kubetest.Eventually(t, "the rights are known", func() (bool, string) {
				_, err := user.TryGet(s.path)
				return err == nil, fmt.Sprint(err)
			})
			options := s.options
			options.Config = agenttest.Config(t, user.Client)
			v := s.seen()

			s.image("v2")
			followed := s.follows(v)
			first := s.start(s.plan, options)
			first.waitsIn(0)
			first.stop()
			<-first.ended
			s.ask(v, rollout.Request{Kind: rollout.Approve, Batch: 0})
			options.Identity = "second"
			second := s.start(s.plan, options)
			second.waitsIn(1)
			s.ask(v, rollout.Request{Kind: rollout.Approve, Batch: 1})
			second.end(plan.Completed)
			if end := <-followed; end.Decision.Reason != plan.Completed || !end.Recorded() {
				t.Errorf("who follows sees it end with %+v", end.Decision)
			}

			s.image(kubetest.TagMissing)
			s.plan.FailFast = pullsFail()
			followed = s.follows(v)
			s.start(s.plan, options).end(plan.RolledBack)
			if end := <-followed; end.Decision.Reason != plan.RolledBack || end.Decision.Reason.ExitCode() != 12 {
				t.Errorf("who follows sees it end with %+v", end.Decision)
			}
			s.runs(3, "v2")
			if diff := cmp.Diff(unusedByUpdates()[name], usedBy(s.requests(user), s.rules)); diff != "" {
				t.Errorf("the Role and what was asked (-want +got):\n%s", diff)
			}
		})
	}
}

// unusedByUpdates are the rights that an update has no use for where no write meets another and every pod is let in.
func unusedByUpdates() map[string][]string {
	const refusals = "never used: list events " // says why a controller's pods are missing
	return map[string][]string{
		"StatefulSet with OnDelete": {refusals}, "DaemonSet by nodes": {refusals},
		"CloneSet": { // TestLeastRights needs all of these: for a history that is full, for updates in place, for claims
			"never used: patch controllerrevisions ", "never used: delete controllerrevisions ", "never used: get pods ",
			"never used: patch pods ", "never used: patch pods/status ",
		},
	}
}

// follows is somebody who follows a release from before its agent comes to its end.
func (s *steered) follows(v *steer.Release) <-chan steer.Status {
	s.t.Helper()
	ended, looked := make(chan steer.Status, 1), make(chan struct{}, 1)
	go func() {
		defer close(ended)
		last, err := v.Follow(s.t.Context(), func(steer.Status) {
			select {
			case looked <- struct{}{}:
			default:
			}
		})
		if err != nil {
			s.t.Error(err)
		}
		ended <- last
	}()
	<-looked
	return ended
}
