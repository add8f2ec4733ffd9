// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// quota makes a ResourceQuota that is full with what is there, and waits until the control plane counts.
func (w *world) quota(hard string) {
	w.t.Helper()
	w.Create(w.t, w.Path("resourcequotas"), `{apiVersion: v1, kind: ResourceQuota, metadata: {name: tight}, spec: {hard: `+hard+
		`}}`)
	kubetest.Eventually(w.t, "the quota is counted", func() (bool, string) {
		status := kubetest.Field(w.Get(w.t, w.Path("resourcequotas", "tight")), "status")
		return kubetest.Field(status, "used") != nil, fmt.Sprint(status)
	})
}

// condition is the message of a condition of the CloneSet, and whether it has it.
func (w *world) condition(kind string) (string, bool) {
	w.t.Helper()
	conditions, _ := kubetest.Field(w.Get(w.t, w.Path("clonesets", "demo")), "status", "conditions").([]any)
	for _, c := range conditions {
		if kubetest.Field(c, "type") == kind {
			message, _ := kubetest.Field(c, "message").(string)
			return message, true
		}
	}
	return "", false
}

// refusals counts the creations that the API server has refused the agent.
func (w *world) refusals() int {
	w.t.Helper()
	return len(w.Requests(w.t, w.namespace).By("slipway").Where(func(r kubetest.Request) bool {
		return r.Verb == "create" && r.Code == http.StatusForbidden
	}))
}

// stuckAll makes every pod that is there stay when it is deleted.
func (w *world) stuckAll() []string {
	w.t.Helper()
	pods := w.Pods()
	for _, p := range pods {
		w.annotate(p, kubetest.AnnotationStuck)
	}
	return pods
}

// TestQuotaThatIsFullForAMoment waits while a pod that is deleted still takes its place in the quota.
func TestQuotaThatIsFullForAMoment(t *testing.T) {
	for _, c := range []struct{ name, hard, more string }{
		{"pods", "{pods: 3}", ""},
		{"claims", "{persistentvolumeclaims: 3}", agenttest.ClaimTemplates},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, agenttest.CloneSet(3, `{type: ReCreate, maxSurge: 0, maxUnavailable: 1}`, c.more))
			w.Release(plan.BatchPlan{}, plan.Completed)
			w.quota(c.hard)
			stuck := w.stuckAll()
			w.Image("v2")
			began := time.Now()
			agent := w.start(plan.BatchPlan{}, w.Options())
			var said string
			kubetest.Eventually(t, "the status says that the quota is full", func() (full bool, _ string) {
				said, full = w.condition("FailedUpdate")
				return full, w.Row()
			})
			for _, words := range []string{"ResourceQuota tight", "used: "} {
				if !strings.Contains(said, words) {
					t.Errorf("the status says %q without %q", said, words)
				}
			}
			kubetest.Eventually(t, "it is tried again", func() (bool, string) {
				n := w.refusals()
				return n > 1, fmt.Sprint(n)
			})
			if n, most := w.refusals(), 1+int(time.Since(began)/time.Second); n > most {
				t.Errorf("%d creations were refused in %v", n, time.Since(began))
			}
			for _, name := range stuck {
				w.Patch(t, w.Path("pods", name), map[string]any{"metadata": map[string]any{
					"annotations": map[string]any{kubetest.AnnotationStuck: nil},
				}})
			}
			agent.end(plan.Completed)
			if message, still := w.condition("FailedUpdate"); still {
				t.Errorf("after the release the status still says %q", message)
			}
			if row := w.Row(); !strings.HasPrefix(row, "demo 3 3 3 3 3") {
				t.Errorf("row %s", row)
			}
		})
	}
}

// TestQuotaThatStaysFull ends at the deadline of the batch, and says why.
func TestQuotaThatStaysFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(2, `{type: ReCreate, maxSurge: 1, maxUnavailable: 0}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	w.quota("{pods: 2}")
	w.Image("v2")
	agent := w.start(plan.BatchPlan{ProgressDeadline: 3 * time.Second}, w.Options())
	agent.end(plan.DeadlineExceeded)
	if m := agent.decision.Message; !strings.Contains(m, "ResourceQuota tight is full") || !strings.Contains(m, "raise") {
		t.Errorf("it ends with %q", m)
	}
	if message, still := w.condition("FailedUpdate"); still {
		t.Errorf("after the release the status still says %q", message)
	}
	if row := w.Row(); !strings.HasPrefix(row, "demo 2 0 0 2 2") {
		t.Errorf("row %s", row)
	}
}

// TestQuotaThatStaysFullForAController says why the pods of a release do not come, although a controller is who creates them.
func TestQuotaThatStaysFullForAController(t *testing.T) {
	const full = "ResourceQuota tight is full"
	p := thirds()
	p.ProgressDeadline = 4 * time.Second
	t.Run("Deployment", func(t *testing.T) {
		t.Parallel()
		w := newDeployment(t, 3, "1")
		w.quota("{pods: 3}")
		w.deploymentImage("v2")
		if d, _ := w.rolls(p, w.ofDeployment()); d.Reason != plan.DeadlineExceeded || !strings.Contains(d.Message, full) {
			t.Errorf("ended with %s: %s", d.Reason, d.Message)
		}
	})
	t.Run("StatefulSet", func(t *testing.T) {
		t.Parallel()
		w := newStateful(t, 3, 3)
		w.quota("{pods: 2}")
		w.statefulImage("v2")
		if d, _ := w.steps(p, w.optionsOf("StatefulSet")); d.Reason != plan.DeadlineExceeded || !strings.Contains(d.Message, full) {
			t.Errorf("ended with %s: %s", d.Reason, d.Message)
		}
	})
}

// TestQuotaWhileScalingOut heals the number of pods in its own condition.
func TestQuotaWhileScalingOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(1, `{type: ReCreate, maxSurge: 0, maxUnavailable: 1}`))
	w.Release(plan.BatchPlan{}, plan.Completed)
	w.quota("{pods: 2}")
	w.scale(4)
	agent := w.start(plan.BatchPlan{}, w.Options())
	kubetest.Eventually(t, "the status says that the quota is full", func() (bool, string) {
		said, full := w.condition("FailedScale")
		return full && strings.Contains(said, "ResourceQuota tight"), w.Row()
	})
	w.Patch(t, w.Path("resourcequotas", "tight"), map[string]any{"spec": map[string]any{"hard": map[string]any{"pods": "4"}}})
	agent.end(plan.Completed)
	if message, still := w.condition("FailedScale"); still {
		t.Errorf("after the release the status still says %q", message)
	}
}

// TestARightThatIsMissing has the code of a full quota, and is not the pod's fault: the agent ends, and another try may do
// better.
func TestARightThatIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(1, `{type: ReCreate, maxUnavailable: 1}`))
	var less []kubetest.Rule
	for _, r := range agenttest.Rights(false) {
		if r.Resources[0] == "pods" {
			r.Verbs = []string{"get", "list", "watch", "delete", "patch"}
		}
		less = append(less, r)
	}
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	_, err := w.exercise(less)
	if ctx.Err() != nil || err == nil || !strings.Contains(err.Error(), "cannot create") ||
		!strings.Contains(err.Error(), "prints a Role") {
		t.Errorf("%v", err)
	}
}
