// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/manifests"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// underPolicy puts the admission policy of a Job in force, and returns its agent, with the rights of its Role.
func (w *world) underPolicy(t *testing.T, set plan.Workload, onFailure plan.OnFailure, path string) *kubetest.User {
	t.Helper()
	text := fmt.Sprintf("apiVersion: slipway.dev/v1alpha1\nkind: BatchPlan\nmetadata: {name: demo}\nspec:\n  target: "+
		"{apiVersion: %s, kind: %s, name: %s}\n"+
		"  batches: [{replicas: 100%%}]\n  onFailure: %s\n", set.APIVersion, set.Kind, set.Name, onFailure)
	set.Namespace = w.namespace
	job := manifests.Job{
		CloneSet: set, Mode: plan.Partition, Image: "i", DeleteMode: manifests.DeleteModeDelete,
		Plan: []byte(text),
	}
	objects, err := job.Manifests()
	if err != nil {
		t.Fatal(err)
	}
	rbac := "/apis/rbac.authorization.k8s.io/v1/namespaces/" + w.namespace
	w.Create(t, "/api/v1/namespaces/"+w.namespace+"/serviceaccounts", objects[0])
	w.Create(t, rbac+"/roles", objects[1])
	w.Create(t, rbac+"/rolebindings", objects[2])
	policies, err := job.Policies()
	if err != nil {
		t.Fatal(err)
	}
	w.install(t, policies...)
	user := w.Login(t, w.namespace, kubetest.Field(objects[0], "metadata", "name").(string))
	kubetest.Eventually(t, "the policy is in force", func() (bool, string) {
		_, err := user.TryPatch(path+"?dryRun=All", map[string]any{"spec": map[string]any{"replicas": 1}})
		return err != nil && strings.Contains(err.Error(), "the agent of a release writes only spec."), fmt.Sprint(err)
	})
	return user
}

// install makes policies and bindings, which are no namespace's, for as long as the test lasts.
func (w *world) install(t *testing.T, objects ...map[string]any) {
	t.Helper()
	const group = "/apis/admissionregistration.k8s.io/v1/"
	for _, o := range objects {
		path := group + strings.ToLower(o["kind"].(string))
		path = strings.TrimSuffix(path, "y") + map[bool]string{true: "ies", false: "s"}[strings.HasSuffix(path, "y")]
		w.Create(t, path+"?fieldValidation=Strict", o)
		t.Cleanup(func() { w.Delete(t, path+"/"+kubetest.Field(o, "metadata", "name").(string)) })
	}
}

// denied holds the answers to patches, none of which is stored, against what must be in each: "" is that it is let through.
func denied(t *testing.T, path string, as map[string]*kubetest.Client, cases []policyCase) {
	t.Helper()
	for _, c := range cases {
		_, err := as[c.who].TryPatch(path+"?dryRun=All", map[string]any{"spec": c.spec})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s writes %v: %v, want %q", c.who, c.spec, err, c.want)
		}
	}
}

type policyCase struct {
	who  string
	spec map[string]any
	want string
}

func image(tag string) map[string]any {
	return map[string]any{"spec": map[string]any{"containers": []any{
		map[string]any{"name": "app", "image": "example.com/app:" + tag},
	}}}
}

// TestPolicyOfEveryKind releases, and goes back, under the policy that is printed for the release, and tries what it is to deny.
func TestPolicyOfEveryKind(t *testing.T) {
	for _, p := range puppets() {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			p.start(ctx, t)
			set := plan.Workload{APIVersion: "apps.kruise.io/" + p.version, Kind: p.kind, Name: "demo"}
			user := p.w.underPolicy(t, set, plan.Rollback, p.path("demo"))
			options := p.options()
			options.Config = agenttest.Config(t, user.Client)
			p.image("v2")
			if d, _ := p.w.steps(thirds(), options); d.Reason != plan.Completed {
				t.Fatalf("ended with %s: %s", d.Reason, d.Message)
			}
			p.image(kubetest.TagUnready)
			bad := thirds()
			bad.OnFailure = plan.Rollback
			if d, _ := p.w.abortedSteps(bad, options); d.Reason != plan.RolledBack {
				t.Fatalf("ended with %s: %s", d.Reason, d.Message)
			}
			strategy := func(name string, value any) map[string]any {
				of := map[string]any{name: value}
				if !strings.HasPrefix(p.strategy, "{partition") {
					of = map[string]any{"rollingUpdate": of}
				}
				return map[string]any{"updateStrategy": of}
			}
			with := func(spec map[string]any, tag string) map[string]any {
				spec["template"] = image(tag)
				return spec
			}
			const bounds, window = "the agent of a release writes only spec.", "roll a new pod template out past its plan"
			denied(t, p.path("demo"), map[string]*kubetest.Client{"agent": user.Client, "Git": p.w.Client}, []policyCase{
				{"agent", strategy("partition", 1), ""},
				{"agent", with(map[string]any{}, "v9"), ""},
				{"agent", map[string]any{"replicas": 9}, bounds},
				{"agent", map[string]any{"lifecycle": map[string]any{}}, bounds},
				{"agent", map[string]any{"selector": nil}, bounds},
				{"agent", strategy("maxUnavailable", "100%"), bounds},
				{"Git", strategy("maxUnavailable", "100%"), ""},
				{"Git", map[string]any{"replicas": 9}, ""},
				{"Git", with(map[string]any{}, "v9"), ""},
				{"Git", with(strategy("partition", 1), "v9"), window},
				{"Git", with(strategy("partition", "50%"), "v9"), window},
				{"Git", with(strategy("partition", nil), "v9"), window},
				{
					"Git", with(map[string]any{"replicas": 2000}, "v9"),
					map[bool]string{true: window}[p.ordinals || !strings.HasSuffix(p.rest, "%") && p.kind != "DaemonSet"],
				},
			})
		})
	}
}

// TestPolicyOfAStatefulSet does so with Kubernetes' own controller, and with a plan that stops.
func TestPolicyOfAStatefulSet(t *testing.T) {
	t.Parallel()
	w := newStateful(t, 2, 2)
	path := w.Path("statefulsets", "demo")
	user := w.underPolicy(t, plan.Workload{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "demo"}, plan.Stop, path)
	options := w.optionsOf("StatefulSet")
	options.Config = agenttest.Config(t, user.Client)
	w.statefulImage("v2")
	if d, _ := w.steps(thirds(), options); d.Reason != plan.Completed {
		t.Fatalf("ended with %s: %s", d.Reason, d.Message)
	}
	denied(t, path, map[string]*kubetest.Client{"agent": user.Client}, []policyCase{
		{"agent", map[string]any{"template": image("v9")}, "writes only spec.updateStrategy.rollingUpdate.partition of this " +
			"StatefulSet"},
		{"agent", map[string]any{"updateStrategy": map[string]any{"type": "OnDelete", "rollingUpdate": nil}}, "writes only"},
	})
}

// TestPolicyOfADeployment is about the policy that the example holds: a release goes out and back, the agent writes
// nothing else, and while the Deployment is open nobody changes its template but in a write that leaves it paused, or takes it
// from the release.
func TestPolicyOfADeployment(t *testing.T) {
	t.Parallel()
	w := newDeployment(t, 2, "1")
	path := w.Path("deployments", "web")
	user := w.underPolicy(t, plan.Workload{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}, plan.Rollback, path)
	w.deploymentImage("v2")
	options := w.ofDeployment()
	options.Config = agenttest.Config(t, user.Client)
	if d, _ := w.rolls(thirds(), options); d.Reason != plan.Completed {
		t.Fatalf("ended with %s: %s", d.Reason, d.Message)
	}
	open := map[string]any{"paused": false, "minReadySeconds": plan.SentinelReady}
	closed := func(more map[string]any) map[string]any {
		more["template"] = image("v9")
		return more
	}
	denied(t, path, map[string]*kubetest.Client{"agent": user.Client}, []policyCase{
		{"agent", open, ""},
		{"agent", map[string]any{"revisionHistoryLimit": 1}, "writes only"},
		{"agent", map[string]any{"strategy": map[string]any{"type": "Recreate", "rollingUpdate": nil}}, "writes only"},
	})
	w.Patch(t, path, map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{plan.OriginalAnnotation: "{}"}},
		"spec":     open,
	})
	const window = "a release of slipway is carrying out a step"
	denied(t, path, map[string]*kubetest.Client{"Git": w.Client, "agent": user.Client}, []policyCase{
		{"Git", closed(map[string]any{}), window},
		{"agent", closed(map[string]any{}), window},
		{"Git", closed(map[string]any{"paused": true}), ""},
		{"agent", closed(map[string]any{"minReadySeconds": 0}), ""},
		{"Git", map[string]any{"replicas": 3}, ""},
	})
}
