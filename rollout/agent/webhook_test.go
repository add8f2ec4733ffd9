// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/rollout"
	"github.com/slipway-dev/slipway/rollout/agent"
	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
	"github.com/slipway-dev/slipway/rollout/plan"
)

// brokenWebhook is asked about every write on a resource in this namespace, of which there is an object, and fails at each. Who
// only tries one gets an answer.
func (w *world) brokenWebhook(group, resource string) {
	w.t.Helper()
	var called atomic.Bool
	server := httptest.NewTLSServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		var review map[string]any
		if json.NewDecoder(r.Body).Decode(&review) != nil || kubetest.Field(review, "request", "dryRun") != true {
			answer.WriteHeader(http.StatusInternalServerError)
			return
		}
		called.Store(true)
		answer.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(answer, `{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": `+
			`{"uid": %q, "allowed": true}}`, kubetest.Field(review, "request", "uid"))
	}))
	w.t.Cleanup(server.Close)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	w.install(w.t, map[string]any{
		"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
		"metadata": map[string]any{"name": w.namespace},
		"webhooks": []any{map[string]any{
			"name": "broken.example.com", "admissionReviewVersions": []any{"v1"}, "sideEffects": "None",
			"clientConfig":      map[string]any{"url": server.URL, "caBundle": base64.StdEncoding.EncodeToString(certificate)},
			"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": w.namespace}},
			"rules": []any{map[string]any{
				"apiGroups": []any{group}, "apiVersions": []any{"*"}, "operations": []any{"CREATE", "UPDATE", "DELETE"},
				"resources": []any{resource},
			}},
		}},
	})
	path := w.Path(resource)
	kubetest.Eventually(w.t, "the webhook is asked", func() (bool, string) {
		code, _, err := w.Do(http.MethodDelete, path+"?dryRun=All", "", nil)
		return called.Load(), fmt.Sprint(code, err)
	})
}

// TestWhyAServerFails: an API server that fails at the writes because of a webhook may do better later, so they are tried again.
// Why nothing happens meanwhile is said with the batch, and when its time is over.
func TestWhyAServerFails(t *testing.T) {
	const words = `failed calling webhook "broken.example.com"`
	cloneSet := func(strategy string) func(t *testing.T) (*world, agent.Options, plan.Mode) {
		return func(t *testing.T) (*world, agent.Options, plan.Mode) {
			t.Helper()
			w := newWorld(t, agenttest.CloneSet(3, strategy))
			w.Release(plan.BatchPlan{}, plan.Completed)
			w.Image("v2")
			return w, w.Options(), plan.Direct
		}
	}
	statefulSet := func(t *testing.T) (*world, agent.Options, plan.Mode) {
		t.Helper()
		w := newStateful(t, 3, 3)
		w.statefulImage("v2")
		return w, w.optionsOf("StatefulSet"), plan.Partition
	}
	deployment := func(t *testing.T) (*world, agent.Options, plan.Mode) {
		t.Helper()
		w := newDeployment(t, 3, "1")
		w.deploymentImage("v2")
		return w, w.ofDeployment(), plan.Partition
	}
	for _, c := range []struct {
		name            string
		begin           func(t *testing.T) (*world, agent.Options, plan.Mode)
		group, resource string
	}{
		{"a new pod", cloneSet(`{type: ReCreate, maxSurge: 1, maxUnavailable: 0}`), "", "pods"},
		{"a deletion", cloneSet(`{type: ReCreate, maxSurge: 0, maxUnavailable: 1}`), "", "pods"},
		{"in place", cloneSet(`{type: InPlaceIfPossible, maxSurge: 0, maxUnavailable: 1}`), "", "pods"},
		{"pods of a StatefulSet", statefulSet, "", "pods"},
		{"pods of a Deployment", deployment, "", "pods"},
		{"a StatefulSet", statefulSet, "apps", "statefulsets"},
		{"a Deployment", deployment, "apps", "deployments"},
		{"pods on nodes", func(t *testing.T) (*world, agent.Options, plan.Mode) {
			t.Helper()
			d := newDaemons(t, 3, 0)
			d.image("v2")
			return d.world, d.options(), plan.Delete
		}, "", "pods"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, options, mode := c.begin(t)
			w.brokenWebhook(c.group, c.resource)
			p := plan.BatchPlan{Mode: mode, ProgressDeadline: 6 * time.Second, Batches: thirds().Batches}
			ctx, cancel := context.WithTimeout(t.Context(), hangs)
			defer cancel()
			meanwhile := ""
			d, err := agent.Run(ctx, p, options, func(_ rollout.Observed, d rollout.Decision) {
				if !d.Ended() && strings.Contains(d.Message, words) {
					meanwhile = d.Message
				}
			})
			if err != nil || d.Reason != plan.DeadlineExceeded || strings.Count(d.Message, words) != 1 || meanwhile == "" {
				t.Errorf("ended with %s: %s, %v; before that it said %q", d.Reason, d.Message, err, meanwhile)
			}
		})
	}
}

// TestWhyARecordIsNotWritten: a release that cannot even note that it begins has no batch to say why.
func TestWhyARecordIsNotWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, agenttest.CloneSet(2, `{maxUnavailable: 1}`))
	w.Create(t, w.Path("configmaps"), `{apiVersion: v1, kind: ConfigMap, metadata: {name: other}}`)
	w.brokenWebhook("", "configmaps")
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	options, warning := w.Options(), ""
	options.Warn = func(err error) {
		warning = err.Error()
		cancel()
	}
	_, _ = agent.Run(ctx, plan.BatchPlan{}, options, nil) // the warning ends it
	if !strings.Contains(warning, `failed calling webhook "broken.example.com"`) || !strings.Contains(warning, "tried again") {
		t.Errorf("the warning is %q", warning)
	}
}
