// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// deny makes a policy that refuses pods of this namespace with an image tag, and waits until the API server keeps to it.
func (w *world) deny(tag, operations string) {
	w.t.Helper()
	const policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
	name := w.namespace + "-" + tag
	w.Create(w.t, policies+"ies",
		fmt.Sprintf(`{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicy, metadata: {name: %s}, spec: {
		matchConstraints: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}},
		  resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: %s, resources: [pods]}]},
		validations: [{expression: "object.spec.containers.all(c, !c.image.endsWith(':%s'))", message: "image %s has vulnerabilities"}]}}`,
			name, w.namespace, operations, tag, tag))
	w.Create(w.t, policies+"ybindings",
		fmt.Sprintf(`{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicyBinding,
		metadata: {name: %[1]s}, spec: {policyName: %[1]s, validationActions: [Deny]}}`, name))
	kubetest.Eventually(w.t, "the policy is kept", func() (bool, string) {
		pod := w.Get(w.t, w.Path("pods", w.Pods()[0]))
		containers, _ := kubetest.Field(pod, "spec", "containers").([]any)
		containers[0].(map[string]any)["image"] = "example.com/app:" + tag
		var err error
		if strings.Contains(operations, "UPDATE") {
			_, err = w.TryPatch(w.Path("pods", w.Pods()[0])+"?dryRun=All",
				map[string]any{"spec": map[string]any{"containers": containers}})
		} else {
			_, err = w.TryCreate(w.Path("pods")+"?dryRun=All", map[string]any{
				"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "tried"},
				"spec": map[string]any{"containers": []any{map[string]any{"name": "app", "image": "example.com/app:" + tag}}},
			})
		}
		return err != nil && strings.Contains(err.Error(), "has vulnerabilities"), fmt.Sprint(err)
	})
}

// TestAPodThatIsRefused is a failure of its batch: onFailure decides, and the server's words reach whoever asks.
func TestAPodThatIsRefused(t *testing.T) {
	const policy, label = "image v2 has vulnerabilities", "a valid label must be"
	inPlace, again := `{type: InPlaceIfPossible, maxSurge: 20%, maxUnavailable: 0}`,
		`{type: ReCreate, maxSurge: 0, maxUnavailable: 1}`
	denied := func(operations string) func(*world) {
		return func(w *world) { w.deny("v2", operations); w.Image("v2") }
	}
	for _, c := range []struct {
		name, strategy string
		change         func(*world)
		onFailure      plan.OnFailure
		want           plan.Reason
		words          string
	}{
		{"a guest, rolled back", inPlace, denied("[CREATE, UPDATE]"), plan.Rollback, plan.RolledBack, policy},
		{"a guest, stopped", inPlace, denied("[CREATE, UPDATE]"), plan.Stop, plan.PodRefused, policy},
		{
			"in place", `{type: InPlaceIfPossible, maxSurge: 0, maxUnavailable: 1}`, denied("[UPDATE]"), plan.Rollback, plan.RolledBack,
			policy,
		},
		{"a new pod", again, denied("[CREATE, UPDATE]"), plan.Rollback, plan.RolledBack, policy},
		{"an invalid label", again, func(w *world) {
			w.Patch(t, w.Path("clonesets", "demo"), map[string]any{"spec": map[string]any{"template": map[string]any{
				"metadata": map[string]any{"labels": map[string]any{"v": "a b"}},
			}}})
		}, plan.RollbackInBatches, plan.RolledBack, label},
		{
			"a quota's demand", again, func(w *world) { w.quota("{limits.memory: 10Gi}"); w.Image("v2") }, plan.Stop, plan.PodRefused,
			"must specify limits.memory",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, agenttest.CloneSet(3, c.strategy))
			w.Release(plan.BatchPlan{}, plan.Completed)
			before := w.Pods()
			c.change(w)
			p := plan.BatchPlan{Batches: []plan.Batch{{Replicas: plan.Pods(1)}, {Replicas: plan.Percent(100)}}, OnFailure: c.onFailure}
			agent := w.start(p, w.Options())
			agent.end(c.want)
			if m := agent.decision.Message; !strings.Contains(m, c.words) {
				t.Errorf("it ends with %q, without %q", m, c.words)
			}
			if row := w.Row(); !strings.HasPrefix(row, "demo 3 0 0 3 3") && c.onFailure != plan.Stop {
				t.Errorf("row %s", row)
			}
			if c.strategy != again {
				for _, name := range before {
					w.Get(t, w.Path("pods", name))
				}
			}
			w.event(string(plan.PodRefused), c.want, c.words)
		})
	}
}

// TestADeploymentsPodThatIsRefused fails its batch as well, although its controller is who creates it.
func TestADeploymentsPodThatIsRefused(t *testing.T) {
	for _, onFailure := range []plan.OnFailure{plan.Stop, plan.Rollback} {
		t.Run(string(onFailure), func(t *testing.T) {
			t.Parallel()
			w := newDeployment(t, 3, "1")
			w.deny("v2", "[CREATE]")
			w.deploymentImage("v2")
			p := thirds()
			p.OnFailure, p.ProgressDeadline = onFailure, time.Minute
			d, _ := w.rolls(p, w.ofDeployment())
			want := map[plan.OnFailure]plan.Reason{plan.Stop: plan.PodRefused, plan.Rollback: plan.RolledBack}[onFailure]
			if d.Reason != want || !strings.Contains(d.Message, "image v2 has vulnerabilities") {
				t.Errorf("ended with %s: %s", d.Reason, d.Message)
			}
			w.event(string(plan.PodRefused), want, "image v2 has vulnerabilities")
		})
	}
}

// event looks for the Event that tells of a refusal: of the stop, or of the way back.
func (w *world) event(reason string, end plan.Reason, words string) {
	w.t.Helper()
	if end == plan.RolledBack {
		reason = string(plan.RollingBack)
	}
	events, _ := kubetest.Field(w.Get(w.t, w.Path("events")), "items").([]any)
	for _, e := range events {
		if kubetest.Field(e, "reason") == reason && strings.Contains(fmt.Sprint(kubetest.Field(e, "message")), words) {
			return
		}
	}
	w.t.Errorf("no Event %s says %q", reason, words)
}

// TestAnOldPodThatIsRefused does not keep a release from mending it: what is missing of the old revision is asked for again
// and again, and the new pods are created meanwhile.
func TestAnOldPodThatIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(3, `{type: ReCreate, maxSurge: 0, maxUnavailable: 1}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	w.deny("v1", "[CREATE]")
	w.Delete(t, w.Path("pods", w.Pods()[0]))
	w.Image("v2")
	agent := w.start(plan.BatchPlan{ProgressDeadline: time.Minute}, w.Options())
	agent.end(plan.Completed)
	if row := w.Row(); !strings.HasPrefix(row, "demo 3 3 3 3 3") {
		t.Errorf("row %s", row)
	}
}

// TestAStatefulSetsPodThatIsRefused fails its batch by the Events of its controller, whose status has no word of it. Who may not
// list them is told so, and waits for the deadline.
func TestAStatefulSetsPodThatIsRefused(t *testing.T) {
	const policy, unseen = "image v2 has vulnerabilities", "noticed only when the batch is overdue"
	for _, c := range []struct {
		name, without string
		onFailure     plan.OnFailure
		deadline      time.Duration
		want          plan.Reason
	}{
		{"stopped", "", plan.Stop, time.Minute, plan.PodRefused},
		{"rolled back", "", plan.Rollback, time.Minute, plan.RolledBack},
		{"not seen", "events", plan.Stop, 4 * time.Second, plan.DeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newStateful(t, 3, 3)
			w.deny("v2", "[CREATE]")
			w.statefulImage("v2")
			var warnings []string
			options := w.optionsOf("StatefulSet")
			options.Config = agenttest.Config(t, w.statefulAgent(c.without).Client)
			options.Warn = func(err error) { warnings = append(warnings, err.Error()) }
			p := thirds()
			p.OnFailure, p.ProgressDeadline = c.onFailure, c.deadline
			d, _ := w.steps(p, options)
			seen := c.without == ""
			if d.Reason != c.want || strings.Contains(d.Message, policy) != seen {
				t.Errorf("ended with %s: %s", d.Reason, d.Message)
			}
			if strings.Contains(strings.Join(warnings, "\n"), unseen) == seen {
				t.Errorf("warnings: %q", warnings)
			}
			if seen {
				w.event(string(plan.PodRefused), c.want, policy)
			}
		})
	}
}
