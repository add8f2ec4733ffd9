// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout/kube"
)

// TestRefusedForGood reads what the controllers of this world say of a pod that they cannot make.
func TestRefusedForGood(t *testing.T) {
	const policy = `pods "demo-2" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: image v2 has ` +
		`vulnerabilities`
	for _, c := range []struct{ name, message, want string }{
		{"StatefulSet", "create Pod demo-2 in StatefulSet demo failed error: " + policy, policy},
		{"DaemonSet", "Error creating: " + policy, policy},
		{"CloneSet, without the pod and its env", `failed to create pod: ` + policy +
			`, pod: {"metadata":{},"spec":{"env":[{"value":"secret"}]}}`, policy},
		{
			"in place", `failed to update pod demo-x in-place(revision demo-7): admission webhook "w.example.com" denied the request: no`,
			`admission webhook "w.example.com" denied the request: no`,
		},
		{
			"of many", `(combined from similar events): create Pod demo-2 in StatefulSet demo failed error: Pod "demo-2" is invalid: a`,
			`Pod "demo-2" is invalid: a`,
		},
		{
			"a claim", `create Claim d Pod demo-2 in StatefulSet demo failed error: persistentvolumeclaims "d" is forbidden: maximum ` +
				`storage`,
			`persistentvolumeclaims "d" is forbidden: maximum storage`,
		},
		{"a full quota", `Error creating: pods "demo-2" is forbidden: exceeded quota: q, requested: pods=1`, ""},
		{"a quota that is not counted", `Error creating: pods "demo-2" is forbidden: status unknown for quota: q`, ""},
		{
			"a right", `Error creating: pods "demo-2" is forbidden: User "system:kruise" cannot create resource "pods" in API group ""`,
			"",
		},
		{"a namespace that ends", `Error creating: pods "demo-2" is forbidden: unable to create new content in namespace n because ` +
			`it is being terminated`, ""},
		{"a network", "Error creating: Post https://10.0.0.1: connection refused", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := kube.RefusedForGood(c.message); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestRefusedPods counts only what was written since a moment, by the server's own clock, and takes the last.
func TestRefusedPods(t *testing.T) {
	event := func(reason, words, created, updated string) map[string]any {
		return map[string]any{
			"reason": reason, "message": `Error creating: pods "a" is forbidden: ` + words, "lastTimestamp": "2030-01-01T00:00:00Z",
			"metadata": map[string]any{
				"creationTimestamp": created,
				"managedFields":     []any{map[string]any{"manager": "m", "time": updated}},
			},
		}
	}
	const early, begin, late = "2026-01-05T09:00:00Z", "2026-01-05T09:01:00Z", "2026-01-05T09:02:00Z"
	for _, c := range []struct {
		name       string
		events     []any
		want, full string
	}{
		{"before, whatever the controller's clock says", []any{event("FailedCreate", "before", early, early)}, "", ""},
		{"said again since", []any{event("FailedCreate", "again", early, late)}, `pods "a" is forbidden: again`, ""},
		{"in the same second", []any{event("FailedCreate", "now", begin, begin)}, `pods "a" is forbidden: now`, ""},
		{
			"the last",
			[]any{event("FailedCreate", "last", early, late), event("FailedCreate", "first", early, begin)},
			`pods "a" is forbidden: last`, "",
		},
		{"of something else", []any{event("FailedScheduling", "other", late, late)}, "", ""},
		{
			"a pod that somebody protects for now",
			[]any{event("FailedDelete", "kept", late, late)},
			"",
			`its controller says: Error creating: pods "a" is forbidden: kept`,
		},
		{
			"no room for now",
			[]any{event("FailedCreate", "exceeded quota: q, requested: pods=1, used: pods=4, limited: pods=4", early, late)},
			"",
			"ResourceQuota q is full (requested: pods=1, used: pods=4, limited: pods=4): raise it, or release with a smaller maxSurge",
		},
		{"no room before", []any{event("FailedCreate", "exceeded quota: q, requested: pods=1, used: pods=4, limited: pods=4", early,
			early)}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := ""
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = r.URL.Query().Get("fieldSelector")
				w.Header().Set("Content-Type", "application/json")
				_ = json.NewEncoder(w).Encode(map[string]any{"items": c.events})
			}))
			defer server.Close()
			client, err := kube.NewClient(&rest.Config{Host: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			since, _ := time.Parse(time.RFC3339, begin)
			got, full, err := kube.Target{Namespace: "shop"}.RefusedPods(context.Background(), client, "u1", since)
			if err != nil || got != c.want || full != c.full || asked != "type=Warning,involvedObject.uid=u1" {
				t.Errorf("%q, %q, %v, asked for %q; want %q, %q", got, full, err, asked, c.want, c.full)
			}
		})
	}
}
